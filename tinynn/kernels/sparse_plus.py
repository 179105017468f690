"""Sparseplus: a relu whose corner is a parabola between -1 and 1, the integral of sparse_sigmoid."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = 0 for x <= -1, (x + 1)^2 / 4 for -1 < x < 1, x for x >= 1; any shape."""
    plus = x + 1
    out[:] = np.where(x.real <= -1, 0, np.where(x.real < 1, plus * plus / 4, x))


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """out' = 0, (x + 1) / 2, 1: continuous, so there is no kink."""
    d_x[:] = np.where(x <= -1, 0, np.where(x < 1, d_out * ((x + 1) / 2), d_out))


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    real = out.dtype.type
    zero, one, quarter = real(0), real(1), real(0.25)
    for i in range(x.size):
        v, plus = x[i], x[i] + one
        out[i] = zero if v <= -one else (plus * plus * quarter if v < one else v)


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    real = d_x.dtype.type
    zero, one, half = real(0), real(1), real(0.5)
    for i in range(d_x.size):
        v, d = x[i], d_out[i]
        d_x[i] = zero if v <= -one else (d * ((v + one) * half) if v < one else d)
