"""The hard tanh: x cut off at -1 and 1."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = min(max(x, -1), 1), any shape. NaN stays NaN."""
    out[:] = np.where(x.real < -1, -1, np.where(x.real > 1, 1, x))


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """1 from -1 to 1, both ends included (TensorFlow's choice for clips), else 0."""
    d_x[:] = np.where((x >= -1) & (x <= 1), d_out, 0)


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    one = out.dtype.type(1)
    for i in range(x.size):
        v = x[i]
        out[i] = -one if v < -one else (one if v > one else v)


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    zero, one = d_x.dtype.type(0), d_x.dtype.type(1)
    for i in range(d_x.size):
        d_x[i] = d_out[i] if x[i] >= -one and x[i] <= one else zero
