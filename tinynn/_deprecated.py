"""Old spellings, which tutorials still use: they work, and say once in a process what is written today."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

_told: set[str] = set()


def warn_once(message: str, stacklevel: int = 3) -> None:
    """A FutureWarning, the first time in this process that it is called with this text."""
    if message not in _told:
        _told.add(message)
        warnings.warn(message, FutureWarning, stacklevel=stacklevel)


def moved(old: str, new: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module whose names are in another one now: they are found there.

    Raises:
        AttributeError: they are not.
    """

    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(new), name)
        warn_once(f"{old} is where Keras 2 had it; write `from {new} import {name}`, or {new}.{name}.", stacklevel=3)
        return found

    return find
