"""How much memory a description may ask for while objects are made from it, and whether numbers follow.

A description of a hundred bytes can ask for a terabyte. Whoever makes objects from one opens an `Allowance`, and whoever
makes an array whose size stands in the description asks with `take` before the memory is there.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np


class _Open(threading.local):
    """The allowance that holds in this thread."""

    def __init__(self) -> None:
        self.allowance: Allowance | None = None


_open = _Open()


class Allowance:
    """Within its `with`, arrays made from descriptions may fill so many bytes together, and no more.

    Args:
        n_bytes: how many.
        because: what sets the limit and how to raise it, as a sentence for the error.
        values_follow: the numbers of weights are read from a file later on: initializers need not draw any.
    """

    def __init__(self, n_bytes: int, because: str, values_follow: bool = False) -> None:
        self.left, self.n_bytes, self.because, self.values_follow = n_bytes, n_bytes, because, values_follow

    def __enter__(self) -> Allowance:
        self._around = _open.allowance
        _open.allowance = self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _open.allowance = self._around


def take(what: str, shape: Sequence[int], dtype: Any) -> None:
    """An array of this shape and dtype is about to be made.

    Raises:
        ValueError: it does not fit into what is left of the allowance, if there is one.
    """
    allowance = _open.allowance
    if allowance is None:
        return
    needed = math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize
    if needed > allowance.left:
        raise ValueError(
            f"{what} of shape {tuple(shape)} and dtype {np.dtype(dtype).name} takes {needed:,} bytes; {allowance.left:,} of "
            f"{allowance.n_bytes:,} are left. {allowance.because}"
        )
    allowance.left -= needed


def values_follow() -> bool:
    """Whether the numbers of new weights come from a file, so that none need be drawn."""
    return _open.allowance is not None and _open.allowance.values_follow
