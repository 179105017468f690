"""Stop when it gets no better."""

from __future__ import annotations

import warnings
from types import NoneType
from typing import Any, ClassVar

from tinynn._checks import did_you_mean
from tinynn.callbacks.callback import NUMBER_OR_NONE, Logs
from tinynn.callbacks.monitor_callback import MonitorCallback
from tinynn.utils.progbar import print_msg

__all__ = ["EarlyStopping"]


class EarlyStopping(MonitorCallback):
    """Stops the training once a metric has not improved for `patience` epochs.

    Args:
        monitor: the name of the metric in the logs.
        min_delta: what change at least counts as an improvement.
        patience: epochs without improvement to wait for. The first epoch always is one.
        verbose: 1 to print a line on stopping and on restoring.
        mode: "min", "max", or "auto" to ask the metric.
        baseline: a value that the metric must beat for the wait to start anew.
        restore_best_weights: go back to the best epoch's weights at the end of the training, stopped or not; the best
            of all epochs, even if none beat `baseline`.
        start_from_epoch: epochs to let pass at the start without looking.

    Attributes:
        stopped_epoch: the epoch after which it stopped, from 0; 0 also if it did not.
        best, best_epoch, best_weights, wait: the state of the watch.
    """

    remembered: ClassVar = {
        "wait": (int,),
        "stopped_epoch": (int,),
        "best": NUMBER_OR_NONE,
        "best_epoch": (int,),
        "best_weights": (list, NoneType),
    }

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights: Any = None

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember what `get_state` gave.

        Raises:
            ValueError: the state is something else, or has weights of another model.
        """
        weights = state.get("best_weights") if isinstance(state, dict) else None
        if weights is not None:
            shapes = [getattr(weight, "shape", None) for weight in weights]
            if shapes != [weight.shape for weight in self.model.get_weights()]:
                raise ValueError("EarlyStopping cannot go on from a backup with the best weights of another model.")
        super().set_state(state)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best = current
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_msg(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                print_msg(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs: Logs) -> float | None:
        """The metric's value in the logs; None, and a warning, if it is not there."""
        logs = logs or {}
        value: float | None = logs.get(self.monitor)
        if value is None:
            hint = did_you_mean(self.monitor, logs)
            warnings.warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}{'.' + hint if hint else ''}",
                stacklevel=2,
            )
        return value
