"""How far two rows of numbers rise and fall together. Never differentiated here."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def pearson(y_true: Array, y_pred: Array, values: Array) -> None:
    """values[b] = (1/K) sum_k t[b,k] p[b,k], with t and p the rows less their mean, over their standard deviation.

    y_true, y_pred (..., K) -> values (...), in [-1, 1]; NaN for a constant row (Pearson 1895). The deviations are centred
    once more before they are squared, as in Keras: what rounding left of their mean does not count.
    """
    t, p = (x - x.mean(axis=-1, keepdims=True) for x in (y_true, y_pred))
    with np.errstate(all="ignore"):
        values[...] = (t / t.std(axis=-1, keepdims=True) * (p / p.std(axis=-1, keepdims=True))).mean(axis=-1)


def concordance(y_true: Array, y_pred: Array, epsilon: float, values: Array) -> None:
    """values[b] = 2 cov(t, p) / (var t + var p + (mean t - mean p)^2 + epsilon), over the last axis (Lin 1989).

    y_true, y_pred (..., K) -> values (...), in [-1, 1]: 1 only where rows are equal, not merely linear in each other.
    Keras takes both factors of the covariance from the mean of y_pred; as sum_k (p - mean p) is 0, that is the same.
    """
    mean_t, mean_p = (x.mean(axis=-1, keepdims=True) for x in (y_true, y_pred))
    both = (y_true - mean_p) * (y_pred - mean_p)
    spread = (y_true - mean_t).var(axis=-1, keepdims=True) + (y_pred - mean_p).var(axis=-1, keepdims=True)
    off = np.square(mean_t - mean_p)
    values[...] = (2 * both / (spread + off + y_pred.dtype.type(epsilon))).mean(axis=-1)


@compiled
def pearson_compiled(y_true: Array, y_pred: Array, values: Array) -> None:
    """y_true, y_pred (batch, outputs); values (batch,)."""
    real = y_pred.dtype.type
    outputs = real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        mean_t, mean_p = _mean(y_true, b, real(0)), _mean(y_pred, b, real(0))
        std_t = np.sqrt(_variance(y_true, b, mean_t))
        std_p = np.sqrt(_variance(y_pred, b, mean_p))
        total = real(0)
        for k in range(y_pred.shape[1]):
            total += (y_true[b, k] - mean_t) / std_t * ((y_pred[b, k] - mean_p) / std_p)
        values[b] = total / outputs


@compiled
def concordance_compiled(y_true: Array, y_pred: Array, epsilon: float, values: Array) -> None:
    """y_true, y_pred (batch, outputs); values (batch,)."""
    real = y_pred.dtype.type
    two, outputs = real(2), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        mean_t, mean_p = _mean(y_true, b, real(0)), _mean(y_pred, b, real(0))
        spread = _variance(y_true, b, mean_t) + _variance(y_pred, b, mean_p)
        whole = spread + (mean_t - mean_p) * (mean_t - mean_p) + real(epsilon)
        total = real(0)
        for k in range(y_pred.shape[1]):
            total += two * ((y_true[b, k] - mean_p) * (y_pred[b, k] - mean_p)) / whole
        values[b] = total / outputs


@compiled
def _mean(x: Array, row: int, less: float) -> Any:
    """The mean of a row, less a number."""
    real = x.dtype.type
    total = real(0)
    for k in range(x.shape[1]):
        total += x[row, k] - less
    return total / real(x.shape[1])


@compiled
def _variance(x: Array, row: int, mean: float) -> Any:
    """The mean square of a row's deviations from its mean, centred again."""
    real = x.dtype.type
    again = _mean(x, row, mean)
    total = real(0)
    for k in range(x.shape[1]):
        deviation = x[row, k] - mean - again
        total += deviation * deviation
    return total / real(x.shape[1])
