"""Binary cross-entropy from probabilities that did not come out of our own sigmoid; they are clipped."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array
from tinynn.kernels.categorical_crossentropy import clip, inside


def forward(y_true: Array, probs: Array, epsilon: float, losses: Array) -> None:
    """losses = -(y log p + (1 - y) log(1 - p)),  p = clip(probs, epsilon, 1 - epsilon); any shape, entry by entry."""
    p = clip(probs, epsilon)
    losses[:] = -(y_true * np.log(p) + (1 - y_true) * np.log(1 - p))


def backward(d_losses: Array, y_true: Array, probs: Array, epsilon: float, d_probs: Array) -> None:
    """-(y / p - (1 - y) / (1 - p)), and 0 where the clip is at work."""
    p = clip(probs, epsilon)
    d_probs[:] = np.where(inside(probs, epsilon), (1 - y_true) / (1 - p) - y_true / p, 0) * d_losses


@compiled
def forward_compiled(y_true: Array, probs: Array, epsilon: float, losses: Array) -> None:
    """All (batch, outputs)."""
    real = probs.dtype.type
    low, high, one = real(epsilon), real(1 - epsilon), real(1)
    for b in range(probs.shape[0]):
        for k in range(probs.shape[1]):
            p = probs[b, k]
            p = low if p < low else (high if p > high else p)
            losses[b, k] = -(y_true[b, k] * log(p) + (one - y_true[b, k]) * log(one - p))


@compiled
def backward_compiled(d_losses: Array, y_true: Array, probs: Array, epsilon: float, d_probs: Array) -> None:
    real = probs.dtype.type
    low, high, one = real(epsilon), real(1 - epsilon), real(1)
    for b in range(probs.shape[0]):
        for k in range(probs.shape[1]):
            p, y = probs[b, k], y_true[b, k]
            d_probs[b, k] = ((one - y) / (one - p) - y / p) * d_losses[b, k] if low <= p <= high else real(0)
