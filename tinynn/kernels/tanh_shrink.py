"""Tanh shrinkage: what tanh leaves of x; nearly zero around zero, nearly x - 1 and x + 1 far out."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, tanh
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = x - tanh(x), any shape. For small x, x^3 / 3, of which the subtraction leaves few digits: as in Keras."""
    out[:] = x - np.tanh(x)


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """out' = 1 - (1 - tanh^2), the subtraction written out as Keras's tape does it."""
    t = np.tanh(x)
    d_x[:] = d_out - d_out * (1 - t * t)


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = x[i] - tanh(x[i])


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    one = d_x.dtype.type(1)
    for i in range(d_x.size):
        t = tanh(x[i])
        d_x[i] = d_out[i] - d_out[i] * (one - t * t)
