"""Smaller steps when it gets no better."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np

from tinynn._checks import did_you_mean
from tinynn.callbacks.callback import NUMBER_OR_NONE, Logs
from tinynn.callbacks.monitor_callback import MonitorCallback
from tinynn.utils.progbar import print_msg

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` once a metric has not improved for `patience` epochs, and logs it.

    Args:
        monitor: the name of the metric in the logs.
        factor: below 1.
        patience: epochs without improvement to wait for.
        verbose: 1 to print a line on each reduction.
        mode: "min", "max", or "auto" to ask the metric.
        min_delta: what change at least counts as an improvement.
        cooldown: epochs after a reduction in which waiting does not start.
        min_lr: the learning rate never goes below this.
        **kwargs: ignored with a warning (Keras ignores them silently).

    Raises:
        ValueError: a factor of 1 or more.
    """

    remembered: ClassVar = {"best": NUMBER_OR_NONE, "cooldown_counter": (int,), "wait": (int,)}

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        _warn_of_unknown(kwargs)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = logs or {}
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}.{did_you_mean(self.monitor, logs)}",
                stacklevel=2,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether the last reduction is so recent that waiting has not started again."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        """Lower the learning rate; False if it is as low as it may be."""
        optimizer = self.model.optimizer
        old = float(optimizer.learning_rate)
        if not old > np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = new
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True


def _warn_of_unknown(arguments: dict[str, Any]) -> None:
    known = ("monitor", "factor", "patience", "verbose", "mode", "min_delta", "cooldown", "min_lr")
    for name in arguments:
        warnings.warn(
            f'ReduceLROnPlateau has no argument "{name}", which is ignored.{did_you_mean(name, known)}', stacklevel=3
        )
