"""The squared hinge loss: the hinge without its kink, and harder on large misses."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array
from tinynn.kernels.hinge import signed, zeros_and_ones


def forward(y_true: Array, y_pred: Array, losses: Array) -> None:
    """losses[b] = (1/K) sum_k max(1 - t[b,k] y_pred[b,k], 0)^2,  t = signed(y_true); over the last axis of any shape."""
    short = np.maximum(1 - signed(y_true) * y_pred, 0)
    losses[...] = (short * short).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    """-2 t max(1 - t y_pred, 0); 1/K is the mean's share."""
    t = signed(y_true)
    d_pred[...] = -t * (np.maximum(1 - t * y_pred, 0) * (2 * d_losses[..., None] / y_pred.shape[-1]))


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, d_true: Array) -> None:
    """By y_true, when a tape asks: -2 y_pred max(1 - t y_pred, 0), and twice that where signed was at work."""
    t = signed(y_true)
    slope = -y_pred * (np.maximum(1 - t * y_pred, 0) * (2 * d_losses[..., None] / y_pred.shape[-1]))
    d_true[...] = slope if t is y_true else 2 * slope


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
            short = zero if short < zero else short
            total += short * short
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    real = y_pred.dtype.type
    zero, one, outputs = real(0), real(1), real(y_pred.shape[1])
    binary = zeros_and_ones(y_true)
    for b in range(y_pred.shape[0]):
        share = real(2) * d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            t = real(2) * y_true[b, k] - one if binary else y_true[b, k]
            short = one - t * y_pred[b, k]
            d_pred[b, k] = -t * ((zero if short < zero else short) * share)
