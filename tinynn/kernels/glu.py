"""The gated linear unit (Dauphin et al. 2017): one half of the features, weighted by the sigmoid of the other."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array
from tinynn.kernels import sigmoid

ROWWISE = True


def forward(x: Array, out: Array) -> None:
    """out[b,i] = x[b,i] s(x[b,n+i]), s = sigmoid:   x (..., 2n)  ->  out (..., n)"""
    n = x.shape[-1] // 2
    gate = np.empty_like(out)
    sigmoid.forward(x[..., n:], gate)
    out[:] = x[..., :n] * gate


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """With g = s(x[b,n+i]):   dL/dx[b,i] = d_out g,   dL/dx[b,n+i] = d_out x[b,i] g (1 - g)"""
    n = x.shape[-1] // 2
    gate = np.empty_like(d_out)
    sigmoid.forward(x[..., n:], gate)
    d_x[..., n:] = (d_out * x[..., :n]) * gate * (1 - gate)
    d_x[..., :n] = d_out * gate


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    """x (batch, 2n), out (batch, n): different arrays."""
    zero, one, n = out.dtype.type(0), out.dtype.type(1), out.shape[1]
    for b in range(x.shape[0]):
        for i in range(n):
            e = exp(-abs(x[b, n + i]))
            out[b, i] = x[b, i] * ((e if x[b, n + i] < zero else one) / (one + e))


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    """d_out (batch, n), x, d_x (batch, 2n)."""
    zero, one, n = d_x.dtype.type(0), d_x.dtype.type(1), d_out.shape[1]
    for b in range(x.shape[0]):
        for i in range(n):
            e = exp(-abs(x[b, n + i]))
            gate = (e if x[b, n + i] < zero else one) / (one + e)
            d_x[b, n + i] = (d_out[b, i] * x[b, i]) * gate * (one - gate)
            d_x[b, i] = d_out[b, i] * gate
