"""Hard shrinkage (Donoho 1995): what is near zero becomes zero, the rest stays."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, threshold: float, out: Array) -> None:
    """out = x where |x| > threshold, else 0; any shape."""
    out[:] = np.where(np.abs(x.real) > x.real.dtype.type(threshold), x, 0)


def backward(d_out: Array, x: Array, threshold: float, d_x: Array) -> None:
    """1 where |x| > threshold, else 0."""
    d_x[:] = np.where(np.abs(x) > x.dtype.type(threshold), d_out, 0)


@compiled
def forward_compiled(x: Array, threshold: float, out: Array) -> None:
    zero, t = out.dtype.type(0), out.dtype.type(threshold)
    for i in range(x.size):
        out[i] = x[i] if abs(x[i]) > t else zero


@compiled
def backward_compiled(d_out: Array, x: Array, threshold: float, d_x: Array) -> None:
    zero, t = d_x.dtype.type(0), d_x.dtype.type(threshold)
    for i in range(d_x.size):
        d_x[i] = d_out[i] if abs(x[i]) > t else zero
