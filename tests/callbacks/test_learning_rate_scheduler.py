"""LearningRateScheduler sets, logs and prints what Keras's does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.callbacks.runs import Model, fit
from tinynn.callbacks import CallbackList, LearningRateScheduler

EPOCHS = [{"loss": 1.0}] * 3


def test_schedule_of_epoch_and_learning_rate() -> None:
    run = fit(CallbackList, [LearningRateScheduler(lambda epoch, rate: rate / 2, 1)], EPOCHS, add_history=True)
    assert run.learning_rates == [float(np.float32(0.1) / 2**n) for n in (1, 2, 3)]
    assert run.printed.startswith(
        "\nEpoch 1: LearningRateScheduler setting learning rate to 0.05000000074505806.\n\nEpoch 2: "
    )
    assert run.history[0][1] == ("learning_rate", run.learning_rates)


def test_schedule_of_the_epoch_alone() -> None:
    assert fit(CallbackList, [LearningRateScheduler(lambda epoch: 0.5**epoch)], EPOCHS).learning_rates == [1, 0.5, 0.25]


def test_an_optimizer_without_learning_rate_is_an_error() -> None:
    model = Model()
    model.optimizer = object()  # type: ignore[assignment]
    callback = LearningRateScheduler(lambda epoch: 0.1)
    callback.set_model(model)
    with pytest.raises(ValueError, match='must have a "learning_rate" attribute'):
        callback.on_epoch_begin(0)


@pytest.mark.keras
@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize(
    "schedule",
    [
        lambda epoch, rate: rate * 0.3,
        lambda epoch: 1.0 / (epoch + 3),
        lambda epoch, rate: np.float32(rate) / 3,
        lambda epoch, rate: np.float64(rate) / 3,
        lambda epoch: 1,
        lambda epoch: "fast",
        lambda epoch, rate: None,
    ],
)
def test_runs_are_those_of_keras(keras: Any, schedule: Callable[..., Any], verbose: int) -> None:
    theirs = keras.callbacks.LearningRateScheduler(schedule, verbose)
    expected = fit(keras.callbacks.CallbackList, [theirs], EPOCHS, add_history=True)
    assert fit(CallbackList, [LearningRateScheduler(schedule, verbose)], EPOCHS, add_history=True) == expected
