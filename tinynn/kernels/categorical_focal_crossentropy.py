"""Focal loss of several classes: cross-entropy that cares less about what is already right (Lin et al. 2017)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array
from tinynn.kernels.categorical_crossentropy import clip, inside


def forward(y_true: Array, probs: Array, alpha: Array, gamma: float, epsilon: float, losses: Array) -> None:
    """losses[b] = -sum_k alpha[k] (1 - c[b,k])^gamma y_true[b,k] log c[b,k],  over the last axis of any shape, with

    c = clip(q, epsilon, 1 - epsilon),  q[b,k] = probs[b,k] / sum_j probs[b,j].

    alpha (classes,) weighs the classes. Unlike the cross-entropy, Keras's focal loss is always taken from probabilities:
    from_logits means a softmax before it, and a saturated miss costs -alpha log(1e-7) and has no gradient.
    """
    c = clip(probs / probs.sum(axis=-1, keepdims=True), epsilon)
    losses[...] = (alpha * (1 - c) ** gamma * (-y_true * np.log(c))).sum(axis=-1)


def backward(
    d_losses: Array, y_true: Array, probs: Array, alpha: Array, gamma: float, epsilon: float, d_probs: Array
) -> None:
    """First by q, and 0 where the clip is at work:  alpha y (gamma (1 - c)^(gamma-1) log c - (1 - c)^gamma / c).

    Then through the division by the row sum S, as in `categorical_crossentropy`:  (d_q_j - sum_k d_q_k q_k) / S.
    """
    total = probs.sum(axis=-1, keepdims=True)
    q = probs / total
    c = clip(q, epsilon)
    rest = 1 - c  # never 0, so that gamma - 1 may be negative
    slope = gamma * rest ** (gamma - 1) * np.log(c) - rest**gamma / c
    d_q = np.where(inside(q, epsilon), alpha * y_true * slope, 0) * d_losses[..., None]
    d_probs[...] = (d_q - (d_q * q).sum(axis=-1, keepdims=True)) / total


@compiled
def forward_compiled(y_true: Array, probs: Array, alpha: Array, gamma: float, epsilon: float, losses: Array) -> None:
    """y_true, probs (batch, classes); losses (batch,)."""
    real = probs.dtype.type
    low, high, one = real(epsilon), real(1 - epsilon), real(1)
    for b in range(probs.shape[0]):
        total, loss = real(0), real(0)
        for k in range(probs.shape[1]):
            total += probs[b, k]
        for k in range(probs.shape[1]):
            q = probs[b, k] / total
            c = low if q < low else (high if q > high else q)
            loss -= alpha[k] * (one - c) ** real(gamma) * (y_true[b, k] * log(c))
        losses[b] = loss


@compiled
def backward_compiled(
    d_losses: Array, y_true: Array, probs: Array, alpha: Array, gamma: float, epsilon: float, d_probs: Array
) -> None:
    real = probs.dtype.type
    low, high, one = real(epsilon), real(1 - epsilon), real(1)
    for b in range(probs.shape[0]):
        total, inner = real(0), real(0)
        for k in range(probs.shape[1]):
            total += probs[b, k]
        for k in range(probs.shape[1]):
            q = probs[b, k] / total
            d_q = real(0)
            if low <= q <= high:
                rest = one - q
                slope = real(gamma) * rest ** real(gamma - 1) * log(q) - rest ** real(gamma) / q
                d_q = alpha[k] * y_true[b, k] * slope * d_losses[b]
            d_probs[b, k] = d_q
            inner += d_q * q
        for k in range(probs.shape[1]):
            d_probs[b, k] = (d_probs[b, k] - inner) / total
