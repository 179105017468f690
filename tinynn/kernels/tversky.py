"""The Tversky loss: Dice's with false alarms and misses weighed apart (Tversky 1977; Salehi et al. 2017)."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float, losses: Array) -> None:
    """losses[b] = 1 - I / D,  D = I + alpha A + beta B + epsilon,  over the last axis of any shape, with

    I = sum_k t[k] p[k],   A = sum_k (1 - p[k]) t[k]  (in y_true alone),   B = sum_k p[k] (1 - t[k])  (in y_pred alone).

    So alpha weighs misses and beta false alarms: in Keras, and here, the other way round than in Salehi's paper.
    The loss of a whole batch at once is that of one row with all its entries.
    """
    overlap, size = _parts(y_true, y_pred, alpha, beta, epsilon)
    losses[...] = (1 - overlap / size)[..., 0]


def backward(
    d_losses: Array, y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float, d_pred: Array
) -> None:
    """p[k] moves I by t[k] and D by t[k] - alpha t[k] + beta (1 - t[k]):  dL/dp[k] = (I / D dD/dp[k] - t[k]) / D."""
    overlap, size = _parts(y_true, y_pred, alpha, beta, epsilon)
    moved = y_true - alpha * y_true + beta * (1 - y_true)
    d_pred[...] = (overlap / size * moved - y_true) * (d_losses[..., None] / size)


def backward_true(
    d_losses: Array, y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float, d_true: Array
) -> None:
    """By y_true, when a tape asks: the loss is the same with its arguments, and alpha and beta, exchanged."""
    backward(d_losses, y_pred, y_true, beta, alpha, epsilon, d_true)


def _parts(y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float) -> tuple[Array, Array]:
    """I and D, (..., 1)."""
    overlap = (y_true * y_pred).sum(axis=-1, keepdims=True)
    missed = ((1 - y_pred) * y_true).sum(axis=-1, keepdims=True)
    false = (y_pred * (1 - y_true)).sum(axis=-1, keepdims=True)
    return overlap, overlap + missed * alpha + false * beta + epsilon


@compiled
def forward_compiled(y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    one = real(1)
    for b in range(y_pred.shape[0]):
        overlap, missed, false = real(0), real(0), real(0)
        for k in range(y_pred.shape[1]):
            overlap += y_true[b, k] * y_pred[b, k]
            missed += (one - y_pred[b, k]) * y_true[b, k]
            false += y_pred[b, k] * (one - y_true[b, k])
        losses[b] = one - overlap / (overlap + missed * real(alpha) + false * real(beta) + real(epsilon))


@compiled
def backward_compiled(
    d_losses: Array, y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float, d_pred: Array
) -> None:
    real = y_pred.dtype.type
    one, a, b_ = real(1), real(alpha), real(beta)
    for b in range(y_pred.shape[0]):
        overlap, missed, false = real(0), real(0), real(0)
        for k in range(y_pred.shape[1]):
            overlap += y_true[b, k] * y_pred[b, k]
            missed += (one - y_pred[b, k]) * y_true[b, k]
            false += y_pred[b, k] * (one - y_true[b, k])
        size = overlap + missed * a + false * b_ + real(epsilon)
        for k in range(y_pred.shape[1]):
            moved = y_true[b, k] - a * y_true[b, k] + b_ * (one - y_true[b, k])
            d_pred[b, k] = (overlap / size * moved - y_true[b, k]) * (d_losses[b] / size)
