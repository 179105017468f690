"""Mean squared logarithmic error: squared ratios rather than squared differences, for targets that span magnitudes."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses[b] = (1/K) sum_k (l(y_pred[b,k]) - l(y_true[b,k]))^2,  l(y) = log(max(y, epsilon) + 1); over the last axis.

    epsilon is rounded to float32 even for float64 arrays, as in Keras.
    """
    difference = _log(y_pred, epsilon) - _log(y_true, epsilon)
    losses[...] = (difference * difference).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """2 (l(y_pred) - l(y_true)) / (y_pred + 1), and 0 below epsilon, where l is flat; 1/K is the mean's share."""
    low = y_pred.dtype.type(np.float32(epsilon))
    difference = _log(y_pred, epsilon) - _log(y_true, epsilon)
    slope = difference * (2 * d_losses[..., None] / y_pred.shape[-1]) / (np.maximum(y_pred, low) + 1)
    d_pred[...] = np.where(y_pred >= low, slope, 0)


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_true: Array) -> None:
    """By y_true, when a tape asks: the loss is the same with its arguments exchanged."""
    backward(d_losses, y_pred, y_true, epsilon, d_true)


def _log(y: Array, epsilon: float) -> Array:
    return np.asarray(np.log(np.maximum(y, y.dtype.type(np.float32(epsilon))) + 1))


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    low, one, outputs = real(np.float32(epsilon)), real(1), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            p, t = y_pred[b, k], y_true[b, k]
            difference = log((low if p < low else p) + one) - log((low if t < low else t) + one)
            total += difference * difference
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    low, one, outputs = real(np.float32(epsilon)), real(1), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        share = real(2) * d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            p, t = y_pred[b, k], y_true[b, k]
            difference = log((low if p < low else p) + one) - log((low if t < low else t) + one)
            d_pred[b, k] = difference * share / (p + one) if p >= low else real(0)
