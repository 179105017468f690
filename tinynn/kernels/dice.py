"""The Dice loss: how little two fuzzy sets overlap (Dice 1945; Milletari et al. 2016), for segmentation."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses[b] = 1 - 2 I / D,  I = sum_k y_true[b,k] y_pred[b,k],  D = sum_k y_true[b,k] + sum_k y_pred[b,k] + epsilon.

    Over the last axis of any shape; the loss of a whole batch at once is that of one row with all its entries.
    """
    overlap = (y_true * y_pred).sum(axis=-1)
    losses[...] = 1 - 2 * overlap / (y_true.sum(axis=-1) + y_pred.sum(axis=-1) + epsilon)


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """y_pred[k] moves I by y_true[k] and D by 1:  dL/dy_pred[k] = 2 (I / D - y_true[k]) / D."""
    overlap = (y_true * y_pred).sum(axis=-1, keepdims=True)
    size = y_true.sum(axis=-1, keepdims=True) + y_pred.sum(axis=-1, keepdims=True) + epsilon
    d_pred[...] = (overlap / size - y_true) * (2 * d_losses[..., None] / size)


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_true: Array) -> None:
    """By y_true, when a tape asks: the loss is the same with its arguments exchanged."""
    backward(d_losses, y_pred, y_true, epsilon, d_true)


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    for b in range(y_pred.shape[0]):
        overlap, size_true, size_pred = real(0), real(0), real(0)
        for k in range(y_pred.shape[1]):
            overlap += y_true[b, k] * y_pred[b, k]
            size_true += y_true[b, k]
            size_pred += y_pred[b, k]
        losses[b] = real(1) - real(2) * overlap / (size_true + size_pred + real(epsilon))


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    for b in range(y_pred.shape[0]):
        overlap, size_true, size_pred = real(0), real(0), real(0)
        for k in range(y_pred.shape[1]):
            overlap += y_true[b, k] * y_pred[b, k]
            size_true += y_true[b, k]
            size_pred += y_pred[b, k]
        size = size_true + size_pred + real(epsilon)
        share = real(2) * d_losses[b] / size
        for k in range(y_pred.shape[1]):
            d_pred[b, k] = (overlap / size - y_true[b, k]) * share
