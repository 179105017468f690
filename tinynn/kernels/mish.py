"""Mish (Misra 2020): x weighted by tanh of its softplus, smooth and not monotonic, much like silu."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp, tanh
from tinynn._typing import Array
from tinynn.kernels import sigmoid, softplus
from tinynn.kernels.elementary import log1p


def forward(x: Array, out: Array) -> None:
    """out = x tanh(softplus(x)), any shape; see `tinynn.kernels.softplus`."""
    plus = np.empty_like(x)
    softplus.forward(x, plus)
    out[:] = x * np.tanh(plus)


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """With t = tanh(softplus(x)) and softplus' = s, the sigmoid:   out' = t + x (1 - t^2) s"""
    plus, s = np.empty_like(x), np.empty_like(x)
    softplus.forward(x, plus)
    sigmoid.forward(x, s)
    t = np.tanh(plus)
    d_x[:] = d_out * t + d_out * x * (1 - t * t) * s


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    zero, one = out.dtype.type(0), out.dtype.type(1)
    for i in range(x.size):
        out[i] = x[i] * tanh((zero if x[i] < zero else x[i]) + log1p(exp(-abs(x[i])), one))


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    zero, one = d_x.dtype.type(0), d_x.dtype.type(1)
    for i in range(d_x.size):
        e = exp(-abs(x[i]))
        t = tanh((zero if x[i] < zero else x[i]) + log1p(e, one))
        s = (e if x[i] < zero else one) / (one + e)
        d_x[i] = d_out[i] * t + d_out[i] * x[i] * (one - t * t) * s
