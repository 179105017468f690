"""Squareplus (Barron 2021): a relu with a round corner, without exp or log."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, b: float, out: Array) -> None:
    """out = (x + sqrt(x^2 + b)) / 2, any shape; b is how round the corner is."""
    out[:] = (x + np.sqrt(x * x + x.real.dtype.type(b))) / 2


def backward(d_out: Array, x: Array, b: float, d_x: Array) -> None:
    """out' = (1 + x / sqrt(x^2 + b)) / 2.  For b = 0, where out = max(x, 0), NaN at x = 0 as in TensorFlow."""
    root, half = np.sqrt(x * x + x.dtype.type(b)), d_out / 2
    d_x[:] = half + half * (x.dtype.type(0.5) / root) * (2 * x)


@compiled
def forward_compiled(x: Array, b: float, out: Array) -> None:
    roundness, two = out.dtype.type(b), out.dtype.type(2)
    for i in range(x.size):
        out[i] = (x[i] + np.sqrt(x[i] * x[i] + roundness)) / two


@compiled
def backward_compiled(d_out: Array, x: Array, b: float, d_x: Array) -> None:
    roundness, half, two = d_x.dtype.type(b), d_x.dtype.type(0.5), d_x.dtype.type(2)
    for i in range(d_x.size):
        root, d = np.sqrt(x[i] * x[i] + roundness), d_out[i] / two
        d_x[i] = d + d * (half / root) * (two * x[i])
