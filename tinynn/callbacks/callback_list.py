"""Many callbacks called as one."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from tinynn.callbacks.backup_and_restore import BackupAndRestore
from tinynn.callbacks.callback import Callback, Logs, is_default
from tinynn.callbacks.history import History
from tinynn.callbacks.progbar_logger import ProgbarLogger

__all__ = ["CallbackList"]

_Phase: TypeAlias = Literal["train", "test", "predict"]

_BATCH_HOOKS: dict[_Phase, tuple[str, ...]] = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class CallbackList(Callback):
    """Calls each of its callbacks, in order, with logs turned into plain floats sorted by name.

    `wants_train_batches` (and `wants_test_batches`, `wants_predict_batches`) says whether any callback has written a
    hook for batches, so that a compiled training loop knows whether to return to Python before the epoch is over.
    `wants_every_train_batch` (...) leaves the progress bar aside: it is content with a batch now and then, the first
    one above all, from which it learns how long a step takes.

    Args:
        callbacks: callbacks, or lists of callbacks.
        add_history: add a `History` unless there is one.
        add_progbar: add a `ProgbarLogger` unless there is one.
        model: the model the callbacks are used with.
        **params: how the run was started ("verbose", "epochs", "steps"), for every callback's `set_params`.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Any] = _flatten(callbacks) if callbacks else []
        self._open_blocks = 0
        self._history: History | None = _last(self.callbacks, History)
        self._progbar: ProgbarLogger | None = _last(self.callbacks, ProgbarLogger)
        if add_history and self._history is None:
            self._history = History()
            self.callbacks.append(self._history)
        if add_progbar and self._progbar is None:
            self._progbar = ProgbarLogger()
            self.callbacks.append(self._progbar)
        self._backups = [callback for callback in self.callbacks if isinstance(callback, BackupAndRestore)]
        self.set_model(model)
        self.set_params(params)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def set_progress(self, progress: Any) -> None:
        """Called by `fit`: where it stands, for backups of it; None when it is over."""
        for callback in self._backups:
            callback.progress = progress

    @property
    def only_keep_history(self) -> bool:
        """Whether nothing is done between two epochs but that History takes down the logs."""
        return type(self) is CallbackList and [type(callback) for callback in self.callbacks] == [History]

    @property
    def wants_train_batches(self) -> bool:
        """Whether any callback, the progress bar included, is to hear of training batches."""
        return any(_listens(callback, "train") for callback in self.callbacks)

    @property
    def wants_test_batches(self) -> bool:
        """Whether any callback, the progress bar included, is to hear of the batches of an evaluation."""
        return any(_listens(callback, "test") for callback in self.callbacks)

    @property
    def wants_predict_batches(self) -> bool:
        """Whether any callback, the progress bar included, is to hear of the batches of a prediction."""
        return any(_listens(callback, "predict") for callback in self.callbacks)

    @property
    def wants_every_train_batch(self) -> bool:
        """Whether a callback other than the progress bar is to hear of training batches: none may be left out."""
        return any(_listens(callback, "train") for callback in self.callbacks if type(callback) is not ProgbarLogger)

    @property
    def wants_every_test_batch(self) -> bool:
        """As `wants_every_train_batch`, for evaluation."""
        return any(_listens(callback, "test") for callback in self.callbacks if type(callback) is not ProgbarLogger)

    @property
    def wants_every_predict_batch(self) -> bool:
        """As `wants_every_train_batch`, for prediction."""
        return any(_listens(callback, "predict") for callback in self.callbacks if type(callback) is not ProgbarLogger)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._begin("on_train_begin", logs)

    def on_train_end(self, logs: Logs = None) -> None:
        self._end("on_train_end", logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._begin("on_test_begin", logs)

    def on_test_end(self, logs: Logs = None) -> None:
        self._end("on_test_end", logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._begin("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._end("on_predict_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        logs = _plain(logs)
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = _plain(logs)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)
        self._save_backups()

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_batch_end", batch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_train_batch_end", batch, logs)
        self._save_backups()

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batch("on_predict_batch_end", batch, logs)

    def _save_backups(self) -> None:
        """Backups hold what all callbacks remember, so they are written when all have been called."""
        for callback in self._backups:
            callback.save_if_due()

    def _batch(self, hook: str, batch: int, logs: Logs) -> None:
        """Here `logs` goes by keyword, in the other hooks by position: a lambda may rely on it."""
        logs = _plain(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(batch, logs=logs)

    def _begin(self, hook: str, logs: Logs) -> None:
        self._open_blocks += 1
        logs = _plain(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(logs)

    def _end(self, hook: str, logs: Logs) -> None:
        logs = _plain(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(logs)
        self._open_blocks -= 1
        if self._open_blocks < 0:
            raise ValueError(f"{hook} was called without {hook.replace('_end', '_begin')}.")


def _flatten(callbacks: Any) -> list[Any]:
    """The callbacks in a nest of lists, tuples and dictionaries (these by sorted key).

    Raises:
        TypeError: for anything that is no callback, a class above all.
    """
    if isinstance(callbacks, dict):
        return [callback for name in sorted(callbacks) for callback in _flatten(callbacks[name])]
    if isinstance(callbacks, (list, tuple)):
        return [callback for part in callbacks for callback in _flatten(part)]
    if isinstance(callbacks, type):
        name = callbacks.__name__
        raise TypeError(f"callbacks expects instances; got the class {name}. Call it: {name}().")
    if not hasattr(callbacks, "set_model"):
        raise TypeError(
            f"callbacks expects instances of Callback; got {callbacks!r}. "
            "Wrap a function: LambdaCallback(on_epoch_end=lambda epoch, logs: ...)."
        )
    return [callbacks]


def _last(callbacks: list[Any], kind: type[Any]) -> Any:
    """The last callback of a kind, None if there is none."""
    return next((callback for callback in reversed(callbacks) if isinstance(callback, kind)), None)


def _listens(callback: Any, phase: _Phase) -> bool:
    """Whether a callback has written any hook for batches. Asked anew each time, as instances may be given hooks."""
    if type(callback) is ProgbarLogger:
        return callback.wants_batches(phase)
    return not all(is_default(getattr(callback, hook)) for hook in _BATCH_HOOKS[phase])


def _plain(logs: Logs) -> dict[str, Any]:
    """A new dictionary sorted by name, dictionaries within it opened, numbers as floats, the rest as it is."""
    plain: dict[str, Any] = {}
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            plain.update(_plain(value))
            continue
        try:
            plain[name] = float(value)
        except (TypeError, ValueError, OverflowError):
            plain[name] = value
    return plain
