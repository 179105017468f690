"""Batch normalization (Ioffe & Szegedy 2015): each feature gets mean 0 and variance 1 over the batch, then a learned scale.

With m, v the mean and variance of a feature over the batch of n rows and s = 1 / sqrt(v + epsilon):

    y[b] = (x[b] - m) s              normalised:  sum_b y[b] = 0,  sum_b y[b]^2 = n v s^2
    out[b] = gamma y[b] + beta

In training m and v belong to the batch and move with every x[b]; afterwards running means of them stand in, constants.
All arrays x, out, d_out, d_x are (batch, features), all others (features,): other axes are moved into the batch before.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array

ROWWISE = True


def forward(
    x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, variance: Array, inverse: Array, out: Array
) -> None:
    """out = gamma (x - mean) inverse + beta,  with mean and variance (divided by n, not n - 1) of this batch,
    inverse = 1 / sqrt(variance + epsilon).

    Computed as x (inverse gamma) + (beta - mean inverse gamma), Keras's order of roundings. mean, variance and inverse
    are filled: `update` and `backward` need them.
    """
    mean[:] = x.mean(axis=0)
    variance[:] = np.square(x - mean).mean(axis=0)
    inference_forward(x, gamma, beta, epsilon, mean, variance, inverse, out)


def backward(
    d_out: Array, x: Array, gamma: Array, mean: Array, inverse: Array, d_x: Array, d_gamma: Array, d_beta: Array
) -> None:
    """x[b] moves its own output, and all others by way of the mean and the variance.

    d beta  = sum_b d_out[b],   d gamma = sum_b d_out[b] y[b]
    With g = gamma d_out = dL/dy, and since dm/dx[b] = 1/n, ds/dx[b] = -s^3 (x[b] - m) / n = -s^2 y[b] / n:

    dL/dx[b] = s g[b] - (s/n) sum_c g[c] - (s/n) y[b] sum_c g[c] y[c]
             = gamma s (d_out[b] - d_beta / n - y[b] d_gamma / n)

    A constant added to a feature's d_out changes nothing, nor does a multiple of y (for epsilon = 0): the outputs' mean and
    variance cannot move.
    """
    n = x.dtype.type(len(x))
    y = (x - mean) * inverse
    d_gamma[:] = (d_out * y).sum(axis=0)
    d_beta[:] = d_out.sum(axis=0)
    d_x[:] = gamma * inverse * (d_out - d_beta / n - y * (d_gamma / n))


def inference_forward(
    x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, variance: Array, inverse: Array, out: Array
) -> None:
    """The same with a mean and a variance that are given: the running ones. inverse is filled."""
    inverse[:] = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    scale = inverse * gamma
    out[:] = x * scale + (beta - mean * scale)


def inference_backward(
    d_out: Array, x: Array, gamma: Array, mean: Array, inverse: Array, d_x: Array, d_gamma: Array, d_beta: Array
) -> None:
    """An affine map with constants: dL/dx = gamma inverse d_out; gamma and beta as in training."""
    d_gamma[:] = (d_out * ((x - mean) * inverse)).sum(axis=0)
    d_beta[:] = d_out.sum(axis=0)
    d_x[:] = d_out * (gamma * inverse)


def update(mean: Array, variance: Array, momentum: float, moving_mean: Array, moving_variance: Array) -> None:
    """moving <- moving momentum + batch (1 - momentum), for mean and variance, in place; all (features,)."""
    real = mean.dtype.type
    kept, new = real(momentum), real(1 - momentum)
    moving_mean[:] = moving_mean * kept + mean * new
    moving_variance[:] = moving_variance * kept + variance * new


@compiled
def forward_compiled(
    x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, variance: Array, inverse: Array, out: Array
) -> None:
    real = x.dtype.type
    n = real(x.shape[0])
    for i in range(x.shape[1]):
        mean[i] = 0
        variance[i] = 0
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            mean[i] += x[b, i]
    for i in range(x.shape[1]):
        mean[i] /= n
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            off = x[b, i] - mean[i]
            variance[i] += off * off
    for i in range(x.shape[1]):
        variance[i] /= n
    inference_forward_compiled(x, gamma, beta, epsilon, mean, variance, inverse, out)


@compiled
def inference_forward_compiled(
    x: Array, gamma: Array, beta: Array, epsilon: float, mean: Array, variance: Array, inverse: Array, out: Array
) -> None:
    """x and out may be the same array, here and above."""
    real = x.dtype.type
    for i in range(x.shape[1]):
        inverse[i] = real(1) / np.sqrt(variance[i] + real(epsilon))
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            scale = inverse[i] * gamma[i]
            out[b, i] = x[b, i] * scale + (beta[i] - mean[i] * scale)


@compiled
def _sums(d_out: Array, x: Array, mean: Array, inverse: Array, d_gamma: Array, d_beta: Array) -> None:
    for i in range(x.shape[1]):
        d_gamma[i] = 0
        d_beta[i] = 0
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            d_gamma[i] += d_out[b, i] * ((x[b, i] - mean[i]) * inverse[i])
            d_beta[i] += d_out[b, i]


@compiled
def backward_compiled(
    d_out: Array, x: Array, gamma: Array, mean: Array, inverse: Array, d_x: Array, d_gamma: Array, d_beta: Array
) -> None:
    """d_out and d_x may be the same array, here and below."""
    n = x.dtype.type(x.shape[0])
    _sums(d_out, x, mean, inverse, d_gamma, d_beta)
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            y = (x[b, i] - mean[i]) * inverse[i]
            d_x[b, i] = gamma[i] * inverse[i] * (d_out[b, i] - d_beta[i] / n - y * (d_gamma[i] / n))


@compiled
def inference_backward_compiled(
    d_out: Array, x: Array, gamma: Array, mean: Array, inverse: Array, d_x: Array, d_gamma: Array, d_beta: Array
) -> None:
    _sums(d_out, x, mean, inverse, d_gamma, d_beta)
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            d_x[b, i] = d_out[b, i] * (gamma[i] * inverse[i])


@compiled
def update_compiled(mean: Array, variance: Array, momentum: float, moving_mean: Array, moving_variance: Array) -> None:
    real = mean.dtype.type
    kept, new = real(momentum), real(1 - momentum)
    for i in range(mean.size):
        moving_mean[i] = moving_mean[i] * kept + mean[i] * new
        moving_variance[i] = moving_variance[i] * kept + variance[i] * new
