"""Mean squared error: the loss of regression (Legendre 1805)."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, losses: Array) -> None:
    """losses[b] = (1/K) sum_k (y_true[b,k] - y_pred[b,k])^2, the mean over the last axis of any shape."""
    difference = y_true - y_pred
    losses[...] = (difference * difference).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    """d/dy_pred (y_true - y_pred)^2 = 2 (y_pred - y_true); 1/K is the mean's share."""
    d_pred[:] = (y_pred - y_true) * (2 * d_losses[..., None] / y_pred.shape[-1])


@compiled
def forward_compiled(y_true: Array, y_pred: Array, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    outputs = real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            total += (y_true[b, k] - y_pred[b, k]) * (y_true[b, k] - y_pred[b, k])
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    real = y_pred.dtype.type
    outputs = real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        share = real(2) * d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            d_pred[b, k] = (y_pred[b, k] - y_true[b, k]) * share
