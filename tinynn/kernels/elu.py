"""The exponential linear unit (Clevert et al. 2016): below zero it bends smoothly to -alpha."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array


def forward(x: Array, alpha: float, out: Array) -> None:
    """out = x where x >= 0, else alpha (e^x - 1); any shape.

    e^x - 1 is written so although expm1 would be exact for small x: TensorFlow writes it so, and its numbers follow.
    """
    scale = x.real.dtype.type(alpha)
    out[:] = np.where(x.real < 0, scale * (np.exp(np.where(x.real < 0, x, 0)) - 1), x)


def backward(d_out: Array, x: Array, alpha: float, d_x: Array) -> None:
    """1 where x > 0, else alpha e^x, e^x taken as (e^x - 1) + 1 as TensorFlow does; at the kink alpha."""
    scale = x.dtype.type(alpha)
    d_x[:] = np.where(x > 0, d_out, d_out * scale * ((np.exp(np.where(x < 0, x, 0)) - 1) + 1))


@compiled
def forward_compiled(x: Array, alpha: float, out: Array) -> None:
    real = out.dtype.type
    zero, one, scale = real(0), real(1), real(alpha)
    for i in range(x.size):
        v = x[i]
        bent = scale * (exp(v if v < zero else zero) - one)
        out[i] = bent if v < zero else v


@compiled
def backward_compiled(d_out: Array, x: Array, alpha: float, d_x: Array) -> None:
    real = d_x.dtype.type
    zero, one, scale = real(0), real(1), real(alpha)
    for i in range(d_x.size):
        v = x[i]
        slope = scale * ((exp(v if v < zero else zero) - one) + one)
        d_x[i] = d_out[i] if v > zero else d_out[i] * slope
