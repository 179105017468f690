"""The continuously differentiable exponential linear unit (Barron 2017): slope 1 at zero whatever alpha is."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array
from tinynn.kernels.elementary import expm1


def forward(x: Array, alpha: float, out: Array) -> None:
    """out = x where x >= 0, else alpha (e^(x / alpha) - 1); any shape."""
    scale, below = x.real.dtype.type(alpha), x.real < 0
    out[:] = np.where(below, scale * np.expm1(np.where(below, x, 0) / scale), x)


def backward(d_out: Array, x: Array, alpha: float, d_x: Array) -> None:
    """1 where x > 0, e^(x / alpha) below; at zero, where both are 1, their sum 2.

    The derivative at zero is 1, of course. Keras adds a maximum and a minimum of x and 0, both of which pass the gradient on
    at a tie; numbers depend on it (inputs that are exactly 0 are common after a relu), so it is matched.
    """
    scale = x.dtype.type(alpha)
    d_x[:] = d_out * (x >= 0) + d_out * np.exp(np.where(x < 0, x, 0) / scale) * (x <= 0)


@compiled
def forward_compiled(x: Array, alpha: float, out: Array) -> None:
    zero, one, scale = out.dtype.type(0), out.dtype.type(1), out.dtype.type(alpha)
    for i in range(x.size):
        v = x[i]
        bent = scale * expm1((v if v < zero else zero) / scale, one)
        out[i] = bent if v < zero else v


@compiled
def backward_compiled(d_out: Array, x: Array, alpha: float, d_x: Array) -> None:
    zero, one, scale = d_x.dtype.type(0), d_x.dtype.type(1), d_x.dtype.type(alpha)
    for i in range(d_x.size):
        v = x[i]
        bent = exp((v if v < zero else zero) / scale)
        d_x[i] = d_out[i] * (one if v >= zero else zero) + d_out[i] * bent * (one if v <= zero else zero)
