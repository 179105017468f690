"""What `fit` returns: the metrics of every epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

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

    def get_state(self) -> dict[str, Any]:
        """The history so far, numbers as arrays."""
        return {
            "epoch": np.array(self.epoch, np.int64),
            "history": {
                name: np.array(values) if _are_floats(values) else values for name, values in self.history.items()
            },
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with what `get_state` gave.

        Raises:
            ValueError: it is something else.
        """
        right = isinstance(state, dict) and state.keys() == {"epoch", "history"} and isinstance(state["history"], dict)
        right = right and all(isinstance(values, (list, np.ndarray)) for values in state["history"].values())
        if not right or getattr(state["epoch"], "dtype", None) != np.int64 or state["epoch"].ndim != 1:
            raise ValueError("History cannot go on from this backup.")
        self.epoch = state["epoch"].tolist()
        self.history = {
            name: values.tolist() if isinstance(values, np.ndarray) else values
            for name, values in state["history"].items()
        }

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


def _are_floats(values: list[Any]) -> bool:
    return all(type(value) is float for value in values)
