"""History keeps what Keras's History keeps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.callbacks.runs import Model, fit
from tinynn.callbacks import CallbackList, History

EPOCHS = [{"loss": 0.5, "accuracy": 0.1}, {"loss": 0.25, "accuracy": 0.2, "val_loss": 1.0}]


def test_logs_are_kept_by_name() -> None:
    assert fit(CallbackList, [], EPOCHS, add_history=True).history == (
        [("accuracy", [0.1, 0.2]), ("loss", [0.5, 0.25]), ("val_loss", [1.0])],
        [0, 1],
    )


def test_a_history_used_again_goes_on_and_counts_its_epochs_anew() -> None:
    history, model = History(), Model()
    fit(CallbackList, [history], EPOCHS, model=model)
    fit(CallbackList, [history], EPOCHS[:1], model=model)
    assert history.history["loss"] == [0.5, 0.25, 0.5]
    assert history.epoch == [0]
    assert model.history is history  # type: ignore[attr-defined]


def test_a_history_outside_of_a_list_tells_its_model() -> None:
    history, model = History(), Model()
    history.set_model(model)
    history.on_epoch_end(0, {"loss": 1.0})
    assert model.history is history  # type: ignore[attr-defined]


@pytest.mark.keras
def test_history_is_that_of_keras(keras: Any) -> None:
    ours = fit(CallbackList, [], EPOCHS, add_history=True)
    assert ours == fit(keras.callbacks.CallbackList, [], EPOCHS, add_history=True)
