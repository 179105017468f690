"""Binary cross-entropy from probabilities that did not come out of our own sigmoid; they are clipped."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array
from tinynn.kernels.categorical_crossentropy import clip, inside


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses = -(y log p + (1 - y) log(1 - p)),  p = clip(y_pred, epsilon, 1 - epsilon); any shape, entry by entry."""
    p = clip(y_pred, epsilon)
    losses[:] = -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """-(y / p - (1 - y) / (1 - p)), and 0 where the clip is at work."""
    p = clip(y_pred, epsilon)
    d_pred[:] = np.where(inside(y_pred, epsilon), (1 - y_true) / (1 - p) - y_true / p, 0) * d_losses


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """All (batch, outputs)."""
    real = y_pred.dtype.type
    low, high, one = real(epsilon), real(1 - epsilon), real(1)
    for b in range(y_pred.shape[0]):
        for k in range(y_pred.shape[1]):
            p = y_pred[b, k]
            p = low if p < low else (high if p > high else p)
            losses[b, k] = -(y_true[b, k] * log(p) + (one - y_true[b, k]) * log(one - p))


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    low, high, one = real(epsilon), real(1 - epsilon), real(1)
    for b in range(y_pred.shape[0]):
        for k in range(y_pred.shape[1]):
            p, y = y_pred[b, k], y_true[b, k]
            d_pred[b, k] = ((one - y) / (one - p) - y / p) * d_losses[b, k] if low <= p <= high else real(0)
