"""Keras's callbacks at a run of tinynn's: they are told what they would be told by Keras, and see the model as it is then."""

from __future__ import annotations

import functools
from typing import Any

NOTHING, OPTIMIZER, EVERYTHING = 0, 1, 2
"""How much of the model a callback looks at or changes: of the optimizer, its iterations and its learning rate."""

_LOOKS_AT = {
    "CSVLogger": NOTHING,
    "History": NOTHING,
    "LearningRateScheduler": OPTIMIZER,
    "ProgbarLogger": NOTHING,
    "ReduceLROnPlateau": OPTIMIZER,
    "RemoteMonitor": NOTHING,
    "TerminateOnNaN": NOTHING,
}
"""Keras's own callbacks that do not look at everything; `EarlyStopping` does if it is to restore weights."""


class Relay:
    """What the training loop calls instead of tinynn's callback list.

    Before a hook that somebody has who looks at the model, the Keras model is brought up to date, and after it the stand-in.

    Args:
        session: of the Keras model and its stand-in.
        callbacks, verbose: as given to `fit`.
        steps: of an epoch; None if that is not known.
        epochs: the last one's number.
        add_history: whether History takes part.
    """

    def __init__(
        self, session: Any, callbacks: Any, verbose: Any, steps: int | None, epochs: int, add_history: bool
    ) -> None:
        self._session, keras = session, session.keras.module
        self._list = callbacks
        self._progress: Any = None
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            self._list = keras.callbacks.CallbackList(
                callbacks,
                add_history=add_history,
                add_progbar=verbose != 0,
                model=session.model,
                verbose=verbose,
                epochs=epochs,
                steps=steps,
            )

    def __getattr__(self, hook: str) -> Any:
        """`on_epoch_end` and its kin."""
        if not hook.startswith("on_"):
            raise AttributeError(f"Relay has no attribute {hook!r}")
        return functools.partial(self._call, hook)

    def _call(self, hook: str, *args: Any) -> None:
        listeners = [callback for callback in self._list.callbacks if _listens(callback, hook)]
        if "_batch_" in hook and not listeners:
            return
        what = max(map(self._looks_at, listeners), default=NOTHING)
        self._session.push(what)
        getattr(self._list, hook)(*args)
        self._session.pull(what)
        epoch = self._session.model._initial_epoch if hook == "on_train_begin" else None
        if epoch:  # as BackupAndRestore tells Keras's loop
            self._progress.epoch = epoch

    def set_progress(self, progress: Any) -> None:
        """Called by `fit`: where it stands; None when it is over."""
        self._progress = progress

    @property
    def only_keep_history(self) -> bool:
        """Whether nothing is done between two epochs but that History takes down the logs."""
        keras = self._session.keras.module.callbacks
        return type(self._list) is keras.CallbackList and [type(one) for one in self._list.callbacks] == [keras.History]

    def _looks_at(self, callback: Any) -> int:
        kind = type(callback).__name__
        if not self._session.keras.owns(type(callback)):
            return EVERYTHING
        if kind == "EarlyStopping":
            return EVERYTHING if callback.restore_best_weights else NOTHING
        return _LOOKS_AT.get(kind, EVERYTHING)

    # Which batches have to be told of, one by one or now and then

    def _wants(self, phase: str, besides: str = "") -> bool:
        hooks = f"on_{phase}_batch_begin", f"on_{phase}_batch_end"
        others = [callback for callback in self._list.callbacks if type(callback).__name__ != besides]
        return any(_listens(callback, hook) for callback in others for hook in hooks)

    @property
    def wants_train_batches(self) -> bool:
        """Whether anybody, the progress bar included, is to hear of training batches."""
        return self._wants("train")

    @property
    def wants_test_batches(self) -> bool:
        """Of the batches of an evaluation."""
        return self._wants("test")

    @property
    def wants_predict_batches(self) -> bool:
        """Of the batches of a prediction."""
        return self._wants("predict")

    @property
    def wants_every_train_batch(self) -> bool:
        """Whether anybody but the progress bar does: then no batch may be left out."""
        return self._wants("train", besides="ProgbarLogger")

    @property
    def wants_every_test_batch(self) -> bool:
        """As `wants_every_train_batch`, for evaluation."""
        return self._wants("test", besides="ProgbarLogger")

    @property
    def wants_every_predict_batch(self) -> bool:
        """As `wants_every_train_batch`, for prediction."""
        return self._wants("predict", besides="ProgbarLogger")


def _listens(callback: Any, hook: str) -> bool:
    """Whether a callback has written this hook, or the older one that it calls."""
    if type(callback).__name__ == "ProgbarLogger" and "_batch_" in hook:
        silent = "_test_" in hook and callback._called_in_fit
        return hook.endswith("_end") and (callback.verbose == 1 or callback.target is None) and not silent
    older = [hook.replace("on_train_batch", "on_batch")] if "on_train_batch" in hook else []
    return any(not _is_default(getattr(callback, name, _is_default)) for name in (hook, *older))


def _is_default(hook: Any) -> bool:
    """Whether it is that of `keras.callbacks.Callback`, which marks its own so."""
    return bool(getattr(hook, "_is_default", False)) or hook is _is_default
