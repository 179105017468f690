"""The sigmoid linear unit, or swish (Elfwing et al. 2017, Ramachandran et al. 2017): x weighted by its own sigmoid."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array
from tinynn.kernels import sigmoid


def forward(x: Array, out: Array) -> None:
    """out = x s(x) with s = sigmoid (`tinynn.kernels.sigmoid`, which says why it is written so); any shape."""
    s = np.empty_like(x)
    sigmoid.forward(x, s)
    out[:] = x * s


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """out' = s + x s' = s (1 + x (1 - s))"""
    s = np.empty_like(x)
    sigmoid.forward(x, s)
    d_x[:] = d_out * (s * (1 + x * (1 - s)))


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    zero, one = out.dtype.type(0), out.dtype.type(1)
    for i in range(x.size):
        e = exp(-abs(x[i]))
        out[i] = x[i] * ((e if x[i] < zero else one) / (one + e))


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    zero, one = d_x.dtype.type(0), d_x.dtype.type(1)
    for i in range(d_x.size):
        e = exp(-abs(x[i]))
        s = (e if x[i] < zero else one) / (one + e)
        d_x[i] = d_out[i] * (s * (one + x[i] * (one - s)))
