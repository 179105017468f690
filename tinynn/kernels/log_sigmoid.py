"""The logarithm of the sigmoid: the log-probability of a yes, from its log-odds."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array
from tinynn.kernels import sigmoid
from tinynn.kernels.elementary import log1p


def forward(x: Array, out: Array) -> None:
    """out = log s(x) = -log(1 + e^-x) = min(x, 0) - log(1 + e^-|x|), any shape: no overflow, and no log of 0."""
    below = x.real < 0
    out[:] = np.where(below, x, 0) - np.log1p(np.exp(np.where(below, x, -x)))


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """out' = s' / s = 1 - s = s(-x)"""
    slope = np.empty_like(x)
    sigmoid.forward(-x, slope)
    d_x[:] = d_out * slope


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    zero, one = out.dtype.type(0), out.dtype.type(1)
    for i in range(x.size):
        out[i] = (x[i] if x[i] < zero else zero) - log1p(exp(-abs(x[i])), one)


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    zero, one = d_x.dtype.type(0), d_x.dtype.type(1)
    for i in range(d_x.size):
        e = exp(-abs(x[i]))
        d_x[i] = d_out[i] * ((e if -x[i] < zero else one) / (one + e))
