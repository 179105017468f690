"""The leaky rectified linear unit (Maas et al. 2013): negative inputs pass too, made smaller."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, negative_slope: float, out: Array) -> None:
    """out = x where x > 0, else negative_slope x; any shape.

    TensorFlow keeps the slope in float32 whatever the precision of x (0.2 becomes 0.200000003), and so do we.
    """
    out[:] = np.where(x.real > 0, x, x * out.real.dtype.type(np.float32(negative_slope)))


def backward(d_out: Array, x: Array, negative_slope: float, d_x: Array) -> None:
    """1 where x > 0, else negative_slope: at the kink too."""
    d_x[:] = np.where(x > 0, d_out, d_out * d_x.dtype.type(np.float32(negative_slope)))


@compiled
def forward_compiled(x: Array, negative_slope: float, out: Array) -> None:
    zero, slope = out.dtype.type(0), out.dtype.type(np.float32(negative_slope))
    for i in range(x.size):
        out[i] = x[i] if x[i] > zero else x[i] * slope


@compiled
def backward_compiled(d_out: Array, x: Array, negative_slope: float, d_x: Array) -> None:
    zero, slope = d_x.dtype.type(0), d_x.dtype.type(np.float32(negative_slope))
    for i in range(d_x.size):
        d_x[i] = d_out[i] if x[i] > zero else d_out[i] * slope
