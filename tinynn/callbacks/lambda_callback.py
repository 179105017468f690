"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynn._checks import no_extra_arguments
from tinynn.callbacks.callback import Callback

__all__ = ["LambdaCallback"]

_HOOKS = [name for name in dir(Callback) if name.startswith("on_")]


class LambdaCallback(Callback):
    """A callback whose hooks are given: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))`.

    Hooks of batches are called as `hook(batch, logs=logs)`, so their second argument must be named logs; those of
    epochs as `hook(epoch, logs)`, the others as `hook(logs)`.

    Args:
        on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end: functions.
        **kwargs: any other hook of `Callback`, and attributes for the hooks' use.

    Raises:
        TypeError: for a name that starts with "on_" but is no hook (Keras would never call it).
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        misspelt = {name: hook for name, hook in kwargs.items() if name.startswith("on_") and name not in _HOOKS}
        no_extra_arguments("LambdaCallback", misspelt, _HOOKS)
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        vars(self).update(kwargs, **{name: hook for name, hook in hooks.items() if hook is not None})
