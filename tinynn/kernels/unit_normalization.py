"""Rows of length 1: each row divided by its length. x, out, d_out, d_x (rows, features); inverse (rows,)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array

ROWWISE = True


def forward(x: Array, epsilon: float, inverse: Array, out: Array) -> None:
    """out = x inverse,  inverse = min(1 / |x|, 1 / epsilon), which is filled: a row of zeros stays zero."""
    with np.errstate(divide="ignore"):
        inverse[:] = np.minimum(1 / np.sqrt(np.square(x).sum(axis=1)), x.dtype.type(1 / epsilon))
    out[:] = x * inverse[:, None]


def backward(d_out: Array, out: Array, epsilon: float, inverse: Array, d_x: Array) -> None:
    """A unit vector moves only across itself:  dL/dx = (d_out - out (out . d_out)) inverse.

    Where the length is cut off at epsilon the map is linear:  dL/dx = d_out inverse.
    """
    linear = inverse[:, None] >= d_out.dtype.type(1 / epsilon)
    along = np.where(linear, d_out.dtype.type(0), (out * d_out).sum(axis=1, keepdims=True))
    d_x[:] = (d_out - out * along) * inverse[:, None]


@compiled
def forward_compiled(x: Array, epsilon: float, inverse: Array, out: Array) -> None:
    """x and out may be the same array."""
    real = x.dtype.type
    for b in range(x.shape[0]):
        squares = real(0)
        for i in range(x.shape[1]):
            squares += x[b, i] * x[b, i]
        inverse[b] = min(real(1) / np.sqrt(squares), real(1 / epsilon))
        for i in range(x.shape[1]):
            out[b, i] = x[b, i] * inverse[b]


@compiled
def backward_compiled(d_out: Array, out: Array, epsilon: float, inverse: Array, d_x: Array) -> None:
    """d_out and d_x may be the same array."""
    real = out.dtype.type
    for b in range(out.shape[0]):
        along = real(0)
        if inverse[b] < real(1 / epsilon):
            for i in range(out.shape[1]):
                along += out[b, i] * d_out[b, i]
        for i in range(out.shape[1]):
            d_x[b, i] = (d_out[b, i] - out[b, i] * along) * inverse[b]
