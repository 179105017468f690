"""EarlyStopping stops where Keras's stops, says the same, and leaves the same weights."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.callbacks.runs import Model, fit, metric
from tinynn.callbacks import CallbackList, EarlyStopping


def losses(*values: float) -> list[dict[str, Any]]:
    return [{"loss": value} for value in values]


def test_stops_after_patience_and_restores_the_best() -> None:
    callback = EarlyStopping("loss", patience=2, verbose=1, restore_best_weights=True)
    run = fit(CallbackList, [callback], losses(3, 2, 1, 1.5, 1, 0))
    assert run.printed == ("Epoch 5: early stopping\nRestoring model weights from the end of the best epoch: 3.\n")
    assert len(run.learning_rates) == 5
    assert run.weight == 3
    assert (callback.stopped_epoch, callback.best_epoch, callback.best, callback.wait) == (4, 2, 1, 2)


def test_restores_the_best_even_if_it_did_not_stop() -> None:
    run = fit(CallbackList, [EarlyStopping("loss", patience=9, restore_best_weights=True)], losses(1, 2, 3))
    assert (run.printed, run.weight) == ("", 1)


def test_never_stops_after_the_first_epoch() -> None:
    assert len(fit(CallbackList, [EarlyStopping("loss")], losses(1, 1, 1)).learning_rates) == 2


def test_weights_are_copied_only_when_they_get_better() -> None:
    class Counting(Model):
        copies = 0

        def get_weights(self) -> list[Any]:
            self.copies += 1
            return super().get_weights()

    model = Counting()
    fit(CallbackList, [EarlyStopping("loss", patience=9, restore_best_weights=True)], losses(3, 2, 4, 5), model=model)
    assert model.copies == 2
    fit(CallbackList, [EarlyStopping("loss", patience=9)], losses(3, 2, 4, 5), model=model)
    assert model.copies == 2


def test_a_missing_metric_warns_and_suggests() -> None:
    run = fit(CallbackList, [EarlyStopping("val_los", mode="min")], [{"loss": 1.0, "val_loss": 2.0}])
    assert run.warnings == [
        "Early stopping conditioned on metric `val_los` which is not available. "
        'Available metrics are: loss,val_loss. Did you mean "val_loss"?'
    ]


callbacks = st.fixed_dictionaries(
    {"monitor": st.sampled_from(["loss", "val_loss", "acc", "missing"])},
    optional={
        "min_delta": st.sampled_from([0, 0.5, -0.5, 1e-9]),
        "patience": st.integers(0, 3),
        "verbose": st.integers(0, 1),
        "mode": st.sampled_from(["min", "max", "auto", "sideways"]),
        "baseline": st.sampled_from([None, 1, 0.2]),
        "restore_best_weights": st.booleans(),
        "start_from_epoch": st.integers(0, 3),
    },
)
values = st.sampled_from([0.0, 0.1, 0.1 + 1e-9, 0.5, 1.0, 2.0, float("nan"), float("inf"), -1.0]) | st.floats(-2, 2)
epochs = st.lists(
    st.fixed_dictionaries({"loss": values, "acc": values}, optional={"val_loss": values}), min_size=1, max_size=8
)


@pytest.mark.keras
@settings(max_examples=150)
@given(callbacks, epochs)
def test_runs_end_as_with_keras(keras: Any, arguments: dict[str, Any], logs: list[dict[str, Any]]) -> None:
    if arguments["monitor"] in ("acc", "missing") and arguments.get("mode") not in ("min", "max"):
        arguments = {**arguments, "mode": "max"}  # the other case has a test of its own
    with pytest.warns() if arguments.get("mode") == "sideways" else contextlib.nullcontext():
        theirs, ours = keras.callbacks.EarlyStopping(**arguments), EarlyStopping(**arguments)
    expected = fit(keras.callbacks.CallbackList, [theirs], logs)
    run = fit(CallbackList, [ours], logs)
    assert run._replace(warnings=[]) == expected._replace(warnings=[])
    assert len(run.warnings) == len(expected.warnings)
    assert all(warning.startswith(keras_says) for warning, keras_says in zip(run.warnings, expected.warnings))
    for name in ("stopped_epoch", "best_epoch", "wait", "best", "mode", "min_delta", "patience", "baseline"):
        assert repr(getattr(ours, name)) == repr(getattr(theirs, name)), name


@pytest.mark.keras
def test_unknown_direction_is_an_error_in_both(keras: Any) -> None:
    logs = [{"acc": 1.0}]
    expected = fit(keras.callbacks.CallbackList, [keras.callbacks.EarlyStopping("acc")], logs).error
    error = fit(CallbackList, [EarlyStopping("acc")], logs, model=Model(metric("accuracy", "up"))).error
    shared = "ValueError: EarlyStopping callback received monitor=acc, but "
    assert expected.startswith(shared)
    assert error.startswith(shared)
    assert error.endswith('Did you mean "accuracy"?')
