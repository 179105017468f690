"""The sparse sigmoid: a straight line from 0 at -1 to 1 at 1, the two-class case of sparsemax."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = 0 for x <= -1, (x + 1) / 2 between, 1 for x >= 1; any shape."""
    out[:] = np.where(x.real <= -1, 0, np.where(x.real >= 1, 1, (x + 1) / 2))


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """1/2 strictly between -1 and 1, else 0."""
    d_x[:] = np.where((x <= -1) | (x >= 1), 0, d_out / 2)


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    real = out.dtype.type
    zero, one, half = real(0), real(1), real(0.5)
    for i in range(x.size):
        v = x[i]
        out[i] = zero if v <= -one else (one if v >= one else (v + one) * half)


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    real = d_x.dtype.type
    zero, one, half = real(0), real(1), real(0.5)
    for i in range(d_x.size):
        d_x[i] = zero if x[i] <= -one or x[i] >= one else d_out[i] * half
