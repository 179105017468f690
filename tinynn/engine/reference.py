"""The reference engine: training and evaluation batch by batch, in NumPy, through the tape.

It runs anything a user can write and is what the compiled engine is held against. One step of training is six lines,
in `train_step`; how the gradients come about is `tape.py`, what a step does with them `tinynn/optimizers/`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from tinynn._typing import Array
from tinynn.engine.tape import GradientTape

if TYPE_CHECKING:
    from tinynn.models.data import ArrayBatches, Batch
    from tinynn.models.trainer import Trainer


def predict_and_measure(model: Trainer, batch: Batch, training: bool) -> tuple[Any, Any]:
    """The outputs for a batch and the loss: what training differentiates, and `tinynn.explain.trace` writes down."""
    x, y, sample_weight = batch
    y_pred = model(x, training=training) if model.hears_training else model(x)
    return y_pred, model.loss_of(x, y, y_pred, sample_weight, training=training)


def train_step(model: Trainer, batch: Batch) -> dict[str, Any]:
    """Predict, measure the loss, differentiate it, change the weights; the loss noted is that before the change."""
    x, y, sample_weight = batch
    with GradientTape() as tape:
        y_pred, loss = predict_and_measure(model, batch, training=True)
        scaled = model.optimizer.scale_loss(loss)
    model.track_loss(loss, len(x))
    variables = model.trainable_variables
    if variables:
        gradients = tape.gradient(scaled, variables)
        model.optimizer.apply_gradients(zip(gradients, variables))
    else:
        warnings.warn("The model does not have any trainable weights.", stacklevel=2)
    return model.compute_metrics(x, y, y_pred, sample_weight)


def test_step(model: Trainer, batch: Batch) -> dict[str, Any]:
    """Predict and measure."""
    x, y, sample_weight = batch
    y_pred, loss = predict_and_measure(model, batch, training=False)
    model.track_loss(loss, len(x))
    return model.compute_metrics(x, y, y_pred, sample_weight)


class ReferenceEngine:
    """Runs the steps `begin .. end - 1` of an epoch, one by one, through `train_step` and its kin of the model."""

    name = "reference"

    def __init__(self, model: Trainer, why: str) -> None:
        self.model = model
        self.why = why

    def batches_in(self, seconds: float, batch: int) -> int:
        """Batches between which Python is needed: here it runs all the time."""
        return 1

    def repeats(self, data: ArrayBatches) -> bool:
        """Whether several epochs can be run at one go: Python is in between all the time."""
        return False

    def train(self, data: ArrayBatches, order: Array | None, begin: int, end: int) -> dict[str, Any]:
        """Train on these batches; the logs after the last."""
        logs: dict[str, Any] = {}
        for i in range(begin, end):
            logs = self.model.step_on("train", data.batch(i, order).packed())
        return logs

    def test(self, data: ArrayBatches, begin: int, end: int) -> dict[str, Any]:
        """Evaluate these batches; the logs after the last."""
        logs: dict[str, Any] = {}
        for i in range(begin, end):
            logs = self.model.step_on("test", data.batch(i).packed())
        return logs

    def predict(self, data: ArrayBatches, begin: int, end: int) -> list[Array]:
        """The outputs for these batches, one array each."""
        return [self.model.step_on("predict", data.batch(i).packed()) for i in range(begin, end)]
