"""Soft shrinkage (Donoho 1995): everything moves towards zero by the threshold, what is nearer becomes zero."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, threshold: float, out: Array) -> None:
    """out = x - threshold above the threshold, x + threshold below -threshold, else 0; any shape."""
    t = x.real.dtype.type(threshold)
    out[:] = np.where(x.real > t, x - t, np.where(x.real < -t, x + t, 0))


def backward(d_out: Array, x: Array, threshold: float, d_x: Array) -> None:
    """1 beyond the threshold on either side, 0 between and at both kinks."""
    t = x.dtype.type(threshold)
    d_x[:] = np.where((x > t) | (x < -t), d_out, 0)


@compiled
def forward_compiled(x: Array, threshold: float, out: Array) -> None:
    zero, t = out.dtype.type(0), out.dtype.type(threshold)
    for i in range(x.size):
        v = x[i]
        out[i] = v - t if v > t else (v + t if v < -t else zero)


@compiled
def backward_compiled(d_out: Array, x: Array, threshold: float, d_x: Array) -> None:
    zero, t = d_x.dtype.type(0), d_x.dtype.type(threshold)
    for i in range(d_x.size):
        d_x[i] = d_out[i] if x[i] > t or x[i] < -t else zero
