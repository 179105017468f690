"""TerminateOnNaN ends a training as Keras's does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.callbacks.runs import fit
from tinynn.callbacks import CallbackList, TerminateOnNaN

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("loss", [NAN, INF, -INF])
def test_ends_after_the_batch(loss: float) -> None:
    run = fit(CallbackList, [TerminateOnNaN()], [{"loss": 1.0}] * 2, [{"loss": 1.0}, {"loss": loss}, {"loss": 1.0}])
    assert run.printed == "Batch 1: Invalid loss, terminating training\n"
    assert len(run.learning_rates) == 1


@pytest.mark.keras
@pytest.mark.parametrize("raise_error", [False, True])
@pytest.mark.parametrize(
    "batches", [[{"loss": 1.0}, {"loss": NAN}], [{"loss": -INF}], [{"loss": 1e300}, {}], [{"mae": NAN}]]
)
def test_runs_are_those_of_keras(keras: Any, batches: list[dict[str, Any]], raise_error: bool) -> None:
    epochs = [{"loss": 1.0}] * 2
    theirs = keras.callbacks.TerminateOnNaN(raise_error)
    expected = fit(keras.callbacks.CallbackList, [theirs], epochs, batches)
    assert fit(CallbackList, [TerminateOnNaN(raise_error)], epochs, batches) == expected
