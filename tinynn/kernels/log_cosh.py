"""The logarithm of the hyperbolic cosine of the error: like Huber's loss, smooth everywhere."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp, tanh
from tinynn._typing import Array
from tinynn.kernels.elementary import log1p

LOG_2 = float(np.float32(np.log(2.0)))
"""In float32 for float64 arrays too, as in Keras: 1.9e-9 more than log 2, so an error of 0 costs -1.9e-9 in float64."""


def forward(y_true: Array, y_pred: Array, losses: Array) -> None:
    """losses[b] = (1/K) sum_k log cosh(y_pred[b,k] - y_true[b,k]), over the last axis of any shape.

    cosh e = e^|e| (1 + e^-2|e|) / 2, hence log cosh e = |e| + log(1 + e^-2|e|) - log 2: exp only sees what is not positive.
    """
    size = np.abs(y_pred - y_true)
    losses[...] = (size + np.log1p(np.exp(-2 * size)) - LOG_2).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    """(log cosh e)' = sinh e / cosh e = tanh e; 1/K is the mean's share."""
    d_pred[...] = np.tanh(y_pred - y_true) * (d_losses[..., None] / y_pred.shape[-1])


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, d_true: Array) -> None:
    """By y_true, when a tape asks: the loss is the same with its arguments exchanged."""
    backward(d_losses, y_pred, y_true, d_true)


@compiled
def forward_compiled(y_true: Array, y_pred: Array, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    one, minus_two, log_2, outputs = real(1), real(-2), real(LOG_2), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            size = abs(y_pred[b, k] - y_true[b, k])
            total += size + log1p(exp(minus_two * size), one) - log_2
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    outputs = y_pred.dtype.type(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        share = d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            d_pred[b, k] = tanh(y_pred[b, k] - y_true[b, k]) * share
