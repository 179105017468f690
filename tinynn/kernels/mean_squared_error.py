"""Mean squared error: the loss of regression (Legendre 1805)."""

from __future__ import annotations

from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, losses: Array) -> None:
    """losses[b] = (1/K) sum_k (y_true[b,k] - y_pred[b,k])^2, the mean over the last axis of any shape."""
    difference = y_true - y_pred
    losses[...] = (difference * difference).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    """d/dy_pred (y_true - y_pred)^2 = 2 (y_pred - y_true); 1/K is the mean's share."""
    d_pred[:] = (y_pred - y_true) * (2 * d_losses[..., None] / y_pred.shape[-1])
