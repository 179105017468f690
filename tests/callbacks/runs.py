"""A training that needs no network: a model of nothing but what callbacks touch, and made-up metrics."""

from __future__ import annotations

import contextlib
import io
import time
import types
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple
from unittest import mock

import numpy as np


class Optimizer:
    """Keeps its learning rate in float32, as Keras's do."""

    def __init__(self, learning_rate: float = 0.1) -> None:
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> np.float32:
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = np.float32(value)


class Model:
    """Its only weight is the number of epochs trained."""

    def __init__(self, *metrics: Any) -> None:
        self.optimizer = Optimizer()
        self.metrics = list(metrics)
        self.stop_training = False
        self.weight = np.zeros(1)

    def get_weights(self) -> list[Any]:
        return [self.weight.copy()]

    def set_weights(self, weights: list[Any]) -> None:
        self.weight = weights[0].copy()


def metric(name: str, direction: str | None = None) -> Any:
    return types.SimpleNamespace(name=name, **({} if direction is None else {"_direction": direction}))


class Run(NamedTuple):
    """What is left of a run: what was printed and warned of, the weight, the learning rates, and the error if any."""

    printed: str
    warnings: list[str]
    weight: float
    learning_rates: list[float]
    history: Any
    error: str


def fit(
    callback_list: Any,
    callbacks: Sequence[Any],
    epoch_logs: Sequence[dict[str, Any]],
    batch_logs: Sequence[dict[str, Any]] = (),
    /,
    model: Any = None,
    validate: bool = False,
    seconds_per_batch: float = 0.5,
    **arguments: Any,
) -> Run:
    """Call the hooks of `callbacks` as `fit` would: every epoch has the same batches and ends with logs of its own.

    `arguments` go to the callback list.
    """
    model = Model() if model is None else model
    model.stop_training = False
    now, rates, error = 1000.0, [], ""
    stdout = io.StringIO()
    with (
        contextlib.redirect_stdout(stdout),
        mock.patch.object(time, "time", side_effect=lambda: now),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        everything = callback_list(callbacks, model=model, **arguments)
        flush = getattr(everything, "_flush_futures", lambda: None)  # Keras calls the hooks of batches in a thread
        try:
            everything.on_train_begin()
            logs: dict[str, Any] = {}
            for epoch, logs in enumerate(epoch_logs):
                everything.on_epoch_begin(epoch)
                for batch, logs_so_far in enumerate(batch_logs):
                    everything.on_train_batch_begin(batch)
                    now += seconds_per_batch
                    everything.on_train_batch_end(batch, logs_so_far)
                    flush()
                    if model.stop_training:
                        break
                model.weight = model.weight + 1
                if validate:
                    everything.on_test_begin()
                    everything.on_test_batch_begin(0)
                    everything.on_test_batch_end(0, logs)
                    flush()
                    everything.on_test_end(logs)
                everything.on_epoch_end(epoch, logs)
                rates.append(float(model.optimizer.learning_rate))
                if model.stop_training:
                    break
            everything.on_train_end(logs)
        except (ValueError, RuntimeError) as raised:
            error = f"{type(raised).__name__}: {raised}"
    history = getattr(model, "history", None)
    return Run(
        printed=stdout.getvalue(),
        warnings=[str(warning.message) for warning in caught],
        weight=float(model.weight[0]),
        learning_rates=rates,
        history=None if history is None else (list(history.history.items()), history.epoch),
        error=error,
    )
