"""The hinge loss of support vector machines: no loss beyond a margin of 1 (Cortes and Vapnik 1995)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, losses: Array) -> None:
    """losses[b] = (1/K) sum_k max(1 - t[b,k] y_pred[b,k], 0),  t = signed(y_true); over the last axis of any shape."""
    losses[...] = np.maximum(1 - signed(y_true) * y_pred, 0).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    """-t up to the margin, 0 beyond; at the kink -t, as in TensorFlow. 1/K is the mean's share."""
    t = signed(y_true)
    d_pred[...] = np.where(1 - t * y_pred >= 0, -t * (d_losses[..., None] / y_pred.shape[-1]), 0)


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, d_true: Array) -> None:
    """By y_true, when a tape asks: -y_pred up to the margin, and twice that where signed was at work."""
    t = signed(y_true)
    slope = np.where(1 - t * y_pred >= 0, -y_pred * (d_losses[..., None] / y_pred.shape[-1]), 0)
    d_true[...] = slope if t is y_true else 2 * slope


def signed(y_true: Array) -> Array:
    """Labels 0 and 1 become -1 and 1; if a single entry of the whole batch is neither, all stay as they are."""
    binary = np.all((y_true == 0) | (y_true == 1))
    return 2 * y_true - 1 if binary else y_true


@compiled
def zeros_and_ones(y_true: Array) -> bool:
    """Whether `signed` is at work: all entries of (batch, outputs) are 0 or 1."""
    zero, one = y_true.dtype.type(0), y_true.dtype.type(1)
    for b in range(y_true.shape[0]):
        for k in range(y_true.shape[1]):
            if y_true[b, k] != zero and y_true[b, k] != one:
                return False
    return True


@compiled
def forward_compiled(y_true: Array, y_pred: Array, losses: Array) -> None:
    """y_true, y_pred (batch, outputs): the whole batch, for `signed` looks at all of it; losses (batch,)."""
    real = y_pred.dtype.type
    zero, one, outputs = real(0), real(1), real(y_pred.shape[1])
    binary = zeros_and_ones(y_true)
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            t = real(2) * y_true[b, k] - one if binary else y_true[b, k]
            short = one - t * y_pred[b, k]
            total += zero if short < zero else short
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    real = y_pred.dtype.type
    zero, one, outputs = real(0), real(1), real(y_pred.shape[1])
    binary = zeros_and_ones(y_true)
    for b in range(y_pred.shape[0]):
        share = d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            t = real(2) * y_true[b, k] - one if binary else y_true[b, k]
            d_pred[b, k] = -t * share if one - t * y_pred[b, k] >= zero else zero
