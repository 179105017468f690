"""The rectified linear unit (Nair & Hinton 2010): positive inputs pass, negative ones become zero."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = max(x, 0), any shape. NaN stays NaN."""
    out[:] = np.where(x.real <= 0, 0, x)  # .real: the complex-step oracle passes complex x


def backward(d_out: Array, out: Array, d_x: Array) -> None:
    """1 where x > 0, else 0. At the kink the derivative does not exist; 0 is the choice of Keras, PyTorch and JAX.

    out > 0 exactly where x > 0, so the saved output is enough.
    """
    d_x[:] = d_out * (out > 0)


# The twins of activations see arrays as one line, (size,); input and output may be the same array.


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    zero = out.dtype.type(0)
    for i in range(x.size):
        out[i] = zero if x[i] <= zero else x[i]


@compiled
def backward_compiled(d_out: Array, out: Array, d_x: Array) -> None:
    zero, one = out.dtype.type(0), out.dtype.type(1)
    for i in range(d_x.size):
        d_x[i] = d_out[i] * (one if out[i] > zero else zero)  # a product, so that NaN stays NaN
