"""Which way a monitored metric gets better, and whether it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.callbacks.runs import Model, metric
from tinynn.callbacks.monitor_callback import MonitorCallback


def monitor(*metrics: Any, **arguments: Any) -> MonitorCallback:
    callback = MonitorCallback(**arguments)
    callback.set_model(Model(*metrics))
    callback._set_monitor_op()
    return callback


@pytest.mark.parametrize(
    ("name", "mode", "higher_is_better"),
    [
        ("loss", "auto", False),
        ("val_loss", "auto", False),
        ("val_accuracy", "auto", True),
        ("mae", "auto", False),
        ("inner", "auto", True),
        ("odd", "auto", False),
        ("val_loss", "max", True),
        ("unheard of", "min", False),
    ],
)
def test_direction(name: str, mode: str, higher_is_better: bool) -> None:
    group = metric("compile_metrics")
    group.metrics = [metric("inner", "up")]
    metrics = [metric("loss"), metric("accuracy", "up"), metric("mae", "down"), metric("odd", "sideways"), group]
    callback = monitor(*metrics, monitor=name, mode=mode)
    assert callback._is_improvement(2.0, 1.0) is higher_is_better
    assert callback._is_improvement(1.0, 2.0) is not higher_is_better
    assert callback._is_improvement(1.0, None)
    assert not callback._is_improvement(1.0, 1.0)


def test_a_metric_without_direction_is_an_error_that_helps() -> None:
    with pytest.raises(ValueError, match=r"monitor=val_acuracy, .*isn't able to .*`mode='max'`.*mean \"accuracy\"\?"):
        monitor(metric("accuracy", "up"), monitor="val_acuracy")
    with pytest.raises(ValueError, match="monitor=mystery"):
        monitor(metric("mystery"), monitor="mystery")


def test_unknown_mode_warns_and_asks_the_metric() -> None:
    with pytest.warns(UserWarning, match=r"mode 'maximum' is unknown, fallback to auto mode"):
        callback = monitor(monitor="loss", mode="maximum")
    assert callback.mode == "auto"


def test_an_improvement_has_to_exceed_min_delta() -> None:
    down, up = (monitor(monitor="loss", mode=mode, min_delta=-0.25) for mode in ("min", "max"))
    assert [down._is_improvement(value, 1.0) for value in (0.5, 0.75, 0.875, 2.0)] == [True, False, False, False]
    assert [up._is_improvement(value, 1.0) for value in (0.5, 1.125, 1.25, 1.5)] == [False, False, False, True]


def test_an_improvement_below_the_resolution_of_float32_is_none() -> None:
    callback = monitor(monitor="loss")
    assert not callback._is_improvement(0.1 - 1e-10, 0.1)
    assert callback._is_improvement(0.1 - 1e-8, 0.1)


def test_values_beyond_float32_are_infinite() -> None:
    callback = monitor(monitor="loss")
    assert callback._is_improvement(1.0, 1e300)
    assert not callback._is_improvement(1e301, 1e300)


values = st.floats(-1e3, 1e3, allow_subnormal=False) | st.sampled_from([np.nan, np.inf, -np.inf, 0.1, 0.1 + 1e-9, 0.3])


@pytest.mark.keras
@given(values, values, st.sampled_from([0, 1e-9, 1e-4, -0.1, 0.2]), st.sampled_from(["min", "max"]))
def test_comparison_is_that_of_keras(keras: Any, value: float, reference: float, min_delta: float, mode: str) -> None:
    from keras.src.callbacks.monitor_callback import MonitorCallback as KerasMonitorCallback

    theirs = KerasMonitorCallback("loss", mode, min_delta=min_delta)
    theirs._set_monitor_op()
    ours = monitor(monitor="loss", mode=mode, min_delta=min_delta)
    assert ours._is_improvement(value, reference) is bool(theirs._is_improvement(value, reference))
    assert ours.min_delta == theirs.min_delta
