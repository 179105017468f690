"""The logistic function: squashes to (0, 1), the probability whose log-odds are x."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """s(x) = 1 / (1 + e^-x), written so that exp only ever sees -|x|: no overflow. Any shape, the same in and out.

    For x < 0 the fraction is expanded by e^x:  s(x) = e^x / (1 + e^x).
    """
    negative = x.real < 0  # .real: the complex-step oracle passes complex x
    e = np.exp(np.where(negative, x, -x))
    out[:] = np.where(negative, e, 1) / (1 + e)


def backward(d_out: Array, out: Array, d_x: Array) -> None:
    """s' = e^-x / (1 + e^-x)^2 = s (1 - s): the saved output is enough, the input need not be kept."""
    d_x[:] = d_out * out * (1 - out)


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    zero, one = out.dtype.type(0), out.dtype.type(1)
    for i in range(x.size):
        e = exp(-abs(x[i]))
        out[i] = (e if x[i] < zero else one) / (one + e)


@compiled
def backward_compiled(d_out: Array, out: Array, d_x: Array) -> None:
    one = out.dtype.type(1)
    for i in range(d_x.size):
        d_x[i] = d_out[i] * out[i] * (one - out[i])
