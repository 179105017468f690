"""Keras where parity runs it, and models moved by a rounding."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.keras_side import KerasSide
from tinynn._typing import Array
from tinynn.interop.libraries import Library
from tinynn.interop.state import State


@dataclass(frozen=True)
class KerasLibrary(Library):
    """Keras on a device.

    Args:
        side: TensorFlow and the device.
    """

    side: KerasSide | None = None

    def scope(self) -> AbstractContextManager[Any]:
        """On the device."""
        assert self.side is not None
        return self.side.engine.scope()


def keras_library(side: KerasSide) -> KerasLibrary:
    """Keras, where `side` says it runs, XLA off."""
    return KerasLibrary("Keras", side.keras, jit_compile=False, side=side)


def short_name(variable: Any) -> str:
    """'dense/kernel'."""
    return "/".join(str(variable.path).split("/")[-2:])


def moved(arrays: Sequence[Array], generator: np.random.Generator, ulp: float, dtype: str) -> list[Array]:
    """Each float of each array moved by up to `ulp` of `dtype`, relatively; zeros and counters stay."""
    share = ulp * float(np.finfo(dtype).eps)
    return [
        (a * (1 + generator.uniform(-1, 1, a.shape) * share)).astype(a.dtype) if a.dtype.kind == "f" else a
        for a in arrays
    ]


def moved_state(state: State, generator: np.random.Generator, ulp: float, dtype: str) -> State:
    """A model's state with weights and optimizer moved."""
    optimizer = state.optimizer and moved(state.optimizer, generator, ulp, dtype)
    return State(moved(state.weights, generator, ulp, dtype), state.streams, optimizer)
