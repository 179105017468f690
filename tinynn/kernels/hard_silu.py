"""The hard silu, or hard swish (Howard et al. 2019): x times its hard sigmoid."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array
from tinynn.kernels import hard_sigmoid


def forward(x: Array, out: Array) -> None:
    """out = x h(x),  h = hard_sigmoid: 0 up to -3, x from 3 on, a parabola between; any shape."""
    h = np.empty_like(x)
    hard_sigmoid.forward(x, h)
    out[:] = x * h


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """out' = h + x h',  h' = 1/6 where 0 < h < 1, else 0: at -3 and 3 the outer slopes, 0 and 1, count."""
    h, through = np.empty_like(x), np.empty_like(x)
    hard_sigmoid.forward(x, h)
    hard_sigmoid.backward(d_out * x, h, through)
    d_x[:] = d_out * h + through


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    real = out.dtype.type
    zero, three, six = real(0), real(3), real(6)
    for i in range(x.size):
        shifted = x[i] + three
        out[i] = x[i] * ((zero if shifted < zero else (six if shifted > six else shifted)) / six)


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    real = d_x.dtype.type
    zero, one, three, six = real(0), real(1), real(3), real(6)
    for i in range(d_x.size):
        shifted = x[i] + three
        h = (zero if shifted < zero else (six if shifted > six else shifted)) / six
        d_x[i] = d_out[i] * h + (d_out[i] * x[i] / six if h > zero and h < one else zero)
