"""Set the learning rate at the start of each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn.callbacks.callback import Callback, Logs
from tinynn.utils.progbar import print_msg

__all__ = ["LearningRateScheduler"]


class LearningRateScheduler(Callback):
    """Asks `schedule(epoch, learning_rate)` for the learning rate of each epoch, and logs it as "learning_rate".

    Args:
        schedule: a function of the epoch, from 0, and the present learning rate, or of the epoch alone.
        verbose: 1 to print a line each epoch.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        optimizer = self.model.optimizer
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        try:
            learning_rate = self.schedule(epoch, float(optimizer.learning_rate))
        except TypeError:  # a schedule of the epoch alone
            learning_rate = self.schedule(epoch)
        if not isinstance(learning_rate, (float, np.float32)):  # float64 is a float
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {learning_rate}")
        optimizer.learning_rate = learning_rate
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {learning_rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if logs:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
