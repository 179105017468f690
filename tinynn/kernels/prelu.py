"""The parametric rectified linear unit (He et al. 2015): the slope below zero is learned."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array

ROWWISE = True


def forward(x: Array, alpha: Array, out: Array) -> None:
    """out[b,i] = max(x, 0) - alpha[i] max(-x, 0), x = x[b,i]: alpha[i] is the slope below zero.

    x, out (batch, units), alpha (units,); more axes are flattened, shared slopes repeated, by the caller.
    """
    positive = x.real > 0
    out[:] = np.where(positive, x, 0) - alpha * np.where(x.real < 0, -x, 0)


def backward(d_out: Array, x: Array, alpha: Array, d_x: Array, d_alpha: Array) -> None:
    """x moves its output by 1 above zero and by alpha below (at zero by neither, as both of Keras's relu's are flat there);

    alpha[i] moves out[b,i] by x[b,i] where that is negative, for every b:   d_alpha[i] = sum_b d_out[b,i] min(x[b,i], 0)
    """
    d_x[:] = d_out * (x > 0) + d_out * alpha * (x < 0)
    d_alpha[:] = -(d_out * np.where(x < 0, -x, 0)).sum(axis=0)


@compiled
def forward_compiled(x: Array, alpha: Array, out: Array) -> None:
    zero = out.dtype.type(0)
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            v = x[b, i]
            out[b, i] = (v if v > zero else zero) - alpha[i] * (-v if v < zero else zero)


@compiled
def backward_compiled(d_out: Array, x: Array, alpha: Array, d_x: Array, d_alpha: Array) -> None:
    """d_out and d_x may be the same array."""
    zero, one = d_x.dtype.type(0), d_x.dtype.type(1)
    for i in range(x.shape[1]):
        d_alpha[i] = zero
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            v, d = x[b, i], d_out[b, i]
            d_alpha[i] -= d * (-v if v < zero else zero)
            d_x[b, i] = d * (one if v > zero else zero) + d * alpha[i] * (one if v < zero else zero)
