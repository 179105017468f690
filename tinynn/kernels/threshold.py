"""A threshold: inputs above it pass, others are replaced by a default value."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, threshold: float, default_value: float, out: Array) -> None:
    """out = x where x > threshold, else default_value; any shape."""
    real = x.real.dtype.type
    out[:] = np.where(x.real > real(threshold), x, real(default_value))


def backward(d_out: Array, x: Array, threshold: float, default_value: float, d_x: Array) -> None:
    """1 where x > threshold, else 0: what was replaced moves nothing."""
    d_x[:] = np.where(x > x.dtype.type(threshold), d_out, 0)


@compiled
def forward_compiled(x: Array, threshold: float, default_value: float, out: Array) -> None:
    t, default = out.dtype.type(threshold), out.dtype.type(default_value)
    for i in range(x.size):
        out[i] = x[i] if x[i] > t else default


@compiled
def backward_compiled(d_out: Array, x: Array, threshold: float, default_value: float, d_x: Array) -> None:
    zero, t = d_x.dtype.type(0), d_x.dtype.type(threshold)
    for i in range(d_x.size):
        d_x[i] = d_out[i] if x[i] > t else zero
