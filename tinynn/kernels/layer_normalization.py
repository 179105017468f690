"""Layer normalization (Ba, Kiros & Hinton 2016): each sample gets mean 0 and variance 1 over its features.

With m, v the mean and variance of a row of n features and s = 1 / sqrt(v + epsilon):

    y[i] = (x[i] - m) s,      out[i] = gamma[i] y[i] + beta[i]

x, out, d_out, d_x (rows, features); mean, inverse (rows,); gamma, beta and their derivatives (features,).
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array

ROWWISE = True


def forward(x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, inverse: Array, out: Array) -> None:
    """out = gamma (x - mean) inverse + beta;  mean and inverse = 1 / sqrt(variance + epsilon), of each row, are filled.

    The variance is divided by n, not n - 1. Computed as x (inverse gamma) + (beta - mean inverse gamma), Keras's order.
    """
    mean[:] = x.mean(axis=1)
    inverse[:] = 1 / np.sqrt(np.square(x - mean[:, None]).mean(axis=1) + x.dtype.type(epsilon))
    scale = inverse[:, None] * gamma
    out[:] = x * scale + (beta - mean[:, None] * scale)


def backward(
    d_out: Array, x: Array, gamma: Array, mean: Array, inverse: Array, d_x: Array, d_gamma: Array, d_beta: Array
) -> None:
    """x[i] moves its own output, and all of its row by way of the mean and the variance.

    d beta[i] = sum over rows of d_out[i],   d gamma[i] = sum over rows of d_out[i] y[i]
    With g = gamma d_out = dL/dy, and since dm/dx[i] = 1/n, ds/dx[i] = -s^2 y[i] / n:

    dL/dx[i] = s (g[i] - mean_j g[j] - y[i] mean_j g[j] y[j])
    """
    y = (x - mean[:, None]) * inverse[:, None]
    d_gamma[:] = (d_out * y).sum(axis=0)
    d_beta[:] = d_out.sum(axis=0)
    g = d_out * gamma
    along = (g * y).mean(axis=1, keepdims=True)
    d_x[:] = (g - g.mean(axis=1, keepdims=True) - y * along) * inverse[:, None]


@compiled
def forward_compiled(
    x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, inverse: Array, out: Array
) -> None:
    """x and out may be the same array."""
    real = x.dtype.type
    n = real(x.shape[1])
    for b in range(x.shape[0]):
        total = real(0)
        for i in range(x.shape[1]):
            total += x[b, i]
        m = total / n
        squares = real(0)
        for i in range(x.shape[1]):
            off = x[b, i] - m
            squares += off * off
        s = real(1) / np.sqrt(squares / n + real(epsilon))
        mean[b] = m
        inverse[b] = s
        for i in range(x.shape[1]):
            scale = s * gamma[i]
            out[b, i] = x[b, i] * scale + (beta[i] - m * scale)


@compiled
def backward_compiled(
    d_out: Array, x: Array, gamma: Array, mean: Array, inverse: Array, d_x: Array, d_gamma: Array, d_beta: Array
) -> None:
    """d_out and d_x may be the same array."""
    real = x.dtype.type
    n = real(x.shape[1])
    for i in range(x.shape[1]):
        d_gamma[i] = 0
        d_beta[i] = 0
    for b in range(x.shape[0]):
        level, along = real(0), real(0)
        for i in range(x.shape[1]):
            y = (x[b, i] - mean[b]) * inverse[b]
            g = d_out[b, i] * gamma[i]
            d_gamma[i] += d_out[b, i] * y
            d_beta[i] += d_out[b, i]
            level += g
            along += g * y
        level /= n
        along /= n
        for i in range(x.shape[1]):
            y = (x[b, i] - mean[b]) * inverse[b]
            d_x[b, i] = (d_out[b, i] * gamma[i] - level - y * along) * inverse[b]
