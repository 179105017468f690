"""Root mean square normalization (Zhang & Sennrich 2019): each row divided by its root mean square, times a learned scale.

x, out, d_out, d_x (rows, features); inverse (rows,); scale, d_scale (features,).
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array

ROWWISE = True


def forward(x: Array, scale: Array, epsilon: float, inverse: Array, out: Array) -> None:
    """out[i] = y[i] scale[i],  y = x inverse,  inverse = 1 / sqrt(mean_i x[i]^2 + epsilon), which is filled."""
    inverse[:] = 1 / np.sqrt(np.square(x).mean(axis=1) + x.dtype.type(epsilon))
    out[:] = x * inverse[:, None] * scale


def backward(d_out: Array, x: Array, scale: Array, inverse: Array, d_x: Array, d_scale: Array) -> None:
    """x[i] moves its own output, and all of its row by way of the mean square: d inverse / dx[i] = -inverse^2 y[i] / n.

    With g = scale d_out:   dL/dx[i] = inverse (g[i] - y[i] mean_j g[j] y[j]),   d_scale[i] = sum over rows of d_out[i] y[i]
    """
    y = x * inverse[:, None]
    d_scale[:] = (d_out * y).sum(axis=0)
    g = d_out * scale
    d_x[:] = (g - y * (g * y).mean(axis=1, keepdims=True)) * inverse[:, None]


@compiled
def forward_compiled(x: Array, scale: Array, epsilon: float, inverse: Array, out: Array) -> None:
    """x and out may be the same array."""
    real = x.dtype.type
    for b in range(x.shape[0]):
        squares = real(0)
        for i in range(x.shape[1]):
            squares += x[b, i] * x[b, i]
        inverse[b] = real(1) / np.sqrt(squares / real(x.shape[1]) + real(epsilon))
        for i in range(x.shape[1]):
            out[b, i] = x[b, i] * inverse[b] * scale[i]


@compiled
def backward_compiled(d_out: Array, x: Array, scale: Array, inverse: Array, d_x: Array, d_scale: Array) -> None:
    """d_out and d_x may be the same array."""
    real = x.dtype.type
    for i in range(x.shape[1]):
        d_scale[i] = 0
    for b in range(x.shape[0]):
        along = real(0)
        for i in range(x.shape[1]):
            y = x[b, i] * inverse[b]
            d_scale[i] += d_out[b, i] * y
            along += d_out[b, i] * scale[i] * y
        along /= real(x.shape[1])
        for i in range(x.shape[1]):
            d_x[b, i] = (d_out[b, i] * scale[i] - x[b, i] * inverse[b] * along) * inverse[b]
