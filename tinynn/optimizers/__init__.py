"""Optimizers, as `keras.optimizers`: classes and names."""

from collections.abc import Callable
from typing import Any

from tinynn._checks import unknown_name
from tinynn.optimizers.adam import Adam
from tinynn.optimizers.optimizer import Optimizer
from tinynn.optimizers.rmsprop import RMSprop
from tinynn.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "get"]

_BY_NAME: dict[str, Callable[[], Optimizer]] = {"adam": Adam, "rmsprop": RMSprop, "sgd": SGD}


def get(identifier: Any) -> Any:
    """An optimizer from its name (case does not matter), an `Optimizer` (as it is), or None.

    Raises:
        ValueError: an unknown name, or something that is none of these.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        if identifier.lower() not in _BY_NAME:
            raise unknown_name("optimizer", identifier, _BY_NAME)
        return _BY_NAME[identifier.lower()]()
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        make: Callable[[], Optimizer] = identifier
        return make()
    raise ValueError(f"An optimizer is a name or an Optimizer; got {identifier!r}.")
