"""What `fit` returns: the metrics of every epoch."""

from __future__ import annotations

from tinynn.callbacks.callback import Callback, Logs

__all__ = ["History"]


class History(Callback):
    """Keeps the logs of every epoch. `fit` adds one by itself and returns it.

    Attributes:
        history: for each name in the logs, its values, one an epoch; it goes on growing when `fit` is given the same
            History again.
        epoch: the numbers of the epochs of the last `fit`, from 0 or `initial_epoch`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self
