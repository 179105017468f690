"""The progress bar of `fit`, `evaluate` and `predict`, as a callback."""

from __future__ import annotations

from typing import Any

from tinynn import config
from tinynn.callbacks.callback import Callback, Logs
from tinynn.utils.progbar import Progbar, print_msg

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """Prints "Epoch 1/5" and a progress bar with the metrics. Validation within `fit` is silent.

    The metrics are shown as they come: they are means over the epoch already.

    Attributes:
        seen: batches seen in this epoch.
        target: batches in an epoch; None until the first epoch has shown how many there are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        auto = 1 if config.is_interactive_logging_enabled() else 2
        self.verbose = auto if params["verbose"] == "auto" else params["verbose"]
        self.epochs = params["epochs"]
        self.target = params["steps"]

    def wants_batches(self, phase: str) -> bool:
        """Whether a "train", "test" or "predict" batch makes a difference: it moves the bar, or has to be counted."""
        return (self.verbose == 1 or self.target is None) and not (phase == "test" and self._called_in_fit)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._called_in_fit = True

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._start_progbar()
        if self.verbose and self.epochs > 1:
            print_msg(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update_progbar(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._finalize_progbar(logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._called_in_fit:
            self._start_progbar()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._called_in_fit:
            self._update_progbar(batch, logs)

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._called_in_fit:
            self._finalize_progbar(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._start_progbar()

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update_progbar(batch, None)  # logs are the outputs here

    def on_predict_end(self, logs: Logs = None) -> None:
        self._finalize_progbar(logs)

    def _start_progbar(self) -> Progbar:
        self.seen = 0
        self.progbar = Progbar(target=self.target, verbose=self.verbose, stateless_metrics=())
        return self.progbar

    def _update_progbar(self, batch: int, logs: Logs) -> None:
        progbar = self.progbar or self._start_progbar()
        self.seen = batch + 1
        if self.verbose == 1:
            progbar.update(self.seen, logs, finalize=False)

    def _finalize_progbar(self, logs: Logs) -> None:
        """The last line of the bar. Once an epoch has been seen to the end, its length is known."""
        progbar = self.progbar or self._start_progbar()
        if self.target is None:
            self.target = progbar.target = self.seen
        progbar.update(self.target, logs, finalize=True)
