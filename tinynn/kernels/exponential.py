"""The exponential as an activation: for outputs that must be positive, as rates are."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = e^x, any shape."""
    np.exp(x, out=out)


def backward(d_out: Array, out: Array, d_x: Array) -> None:
    """e^x is its own derivative: the saved output is enough."""
    d_x[:] = d_out * out


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = exp(x[i])


@compiled
def backward_compiled(d_out: Array, out: Array, d_x: Array) -> None:
    for i in range(d_x.size):
        d_x[i] = d_out[i] * out[i]
