"""ReduceLROnPlateau reduces where Keras's reduces, to the same rates, and says the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.callbacks.runs import fit
from tinynn.callbacks import CallbackList, ReduceLROnPlateau


def losses(*values: float) -> list[dict[str, Any]]:
    return [{"loss": value} for value in values]


def test_reduces_after_patience() -> None:
    run = fit(CallbackList, [ReduceLROnPlateau("loss", patience=2, verbose=1)], losses(1, 1, 1, 1))
    assert run.printed == "\nEpoch 3: ReduceLROnPlateau reducing learning rate to 0.010000000149011612.\n"
    assert [round(rate, 6) for rate in run.learning_rates] == [0.1, 0.1, 0.01, 0.01]


def test_unknown_arguments_are_ignored_with_a_warning() -> None:
    with pytest.warns(
        UserWarning, match=r'no argument "patince", which is ignored\. Did you mean "patience"\?'
    ) as caught:
        ReduceLROnPlateau(patince=3)
    assert caught[0].filename == __file__


def test_a_factor_that_does_not_reduce_is_refused() -> None:
    with pytest.raises(ValueError, match=r"does not support a factor >= 1.0. Received factor=1"):
        ReduceLROnPlateau(factor=1)


def test_a_missing_metric_warns_and_suggests() -> None:
    run = fit(CallbackList, [ReduceLROnPlateau("val_los", mode="min")], [{"loss": 1.0, "val_loss": 2.0}])
    assert run.warnings == [
        "Learning rate reduction is conditioned on metric `val_los` which is not available. "
        'Available metrics are: loss,val_loss,learning_rate. Did you mean "val_loss"?'
    ]


@pytest.mark.keras
@pytest.mark.parametrize("patience", [0, 1, 2])
@pytest.mark.parametrize("cooldown", [0, 1, 3])
@pytest.mark.parametrize("min_lr", [0.0, 0.02, 0.1])
def test_a_long_plateau_is_descended_as_with_keras(keras: Any, patience: int, cooldown: int, min_lr: float) -> None:
    arguments: dict[str, Any] = {"monitor": "loss", "patience": patience, "cooldown": cooldown, "min_lr": min_lr}
    theirs = keras.callbacks.ReduceLROnPlateau(**arguments, factor=0.5, verbose=1)
    expected = fit(keras.callbacks.CallbackList, [theirs], losses(*[1.0] * 12, 0.5, *[0.5] * 5))
    ours = ReduceLROnPlateau(**arguments, factor=0.5, verbose=1)
    assert fit(CallbackList, [ours], losses(*[1.0] * 12, 0.5, *[0.5] * 5)) == expected


callbacks = st.fixed_dictionaries(
    {"monitor": st.sampled_from(["loss", "val_loss", "missing"])},
    optional={
        "factor": st.sampled_from([0.1, 0.5, 0.3]),
        "patience": st.integers(0, 2),
        "verbose": st.integers(0, 1),
        "mode": st.sampled_from(["min", "max"]),
        "min_delta": st.sampled_from([0, 1e-4, 0.5]),
        "cooldown": st.integers(0, 2),
        "min_lr": st.sampled_from([0.0, 0.1, 0.01, 0.05, 1]),
    },
)
values = st.sampled_from([0.0, 0.1, 0.10005, 0.5, 1.0, float("nan"), float("inf"), -1.0]) | st.floats(-2, 2)
epochs = st.lists(st.fixed_dictionaries({"loss": values}, optional={"val_loss": values}), min_size=1, max_size=9)


@pytest.mark.keras
@settings(max_examples=150)
@given(callbacks, epochs)
def test_runs_are_those_of_keras(keras: Any, arguments: dict[str, Any], logs: list[dict[str, Any]]) -> None:
    arguments = {"mode": "min", **arguments} if arguments["monitor"] == "missing" else arguments
    theirs, ours = keras.callbacks.ReduceLROnPlateau(**arguments), ReduceLROnPlateau(**arguments)
    expected = fit(keras.callbacks.CallbackList, [theirs], logs, add_history=True)
    run = fit(CallbackList, [ours], logs, add_history=True)
    assert repr(run._replace(warnings=[])) == repr(expected._replace(warnings=[]))
    assert len(run.warnings) == len(expected.warnings)
    assert all(warning.startswith(keras_says) for warning, keras_says in zip(run.warnings, expected.warnings))
    for name in ("wait", "cooldown_counter", "best", "min_delta"):
        assert repr(getattr(ours, name)) == repr(getattr(theirs, name)), name
    assert ours.in_cooldown() == theirs.in_cooldown()
