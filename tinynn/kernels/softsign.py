"""Softsign (Glorot & Bengio 2010): squashes to (-1, 1) like tanh, but reaches the ends slowly."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = x / (1 + |x|), any shape."""
    out[:] = x / (1 + np.where(x.real < 0, -x, x))


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """For x > 0:  out' = ((1 + x) - x) / (1 + x)^2;  below zero likewise with -x:   out' = 1 / (1 + |x|)^2"""
    below = 1 + np.abs(x)
    d_x[:] = d_out / (below * below)


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    one = out.dtype.type(1)
    for i in range(x.size):
        out[i] = x[i] / (one + abs(x[i]))


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    one = d_x.dtype.type(1)
    for i in range(d_x.size):
        below = one + abs(x[i])
        d_x[i] = d_out[i] / (below * below)
