"""Mean absolute error: regression to the median (Boscovich 1757, Laplace)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, losses: Array) -> None:
    """losses[b] = (1/K) sum_k |y_true[b,k] - y_pred[b,k]|, the mean over the last axis of any shape."""
    losses[...] = np.abs(y_true - y_pred).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    """d/dy_pred |y_true - y_pred| = sign(y_pred - y_true), taken as 0 at the kink; 1/K is the mean's share."""
    d_pred[:] = np.sign(y_pred - y_true) * (d_losses[..., None] / y_pred.shape[-1])


@compiled
def forward_compiled(y_true: Array, y_pred: Array, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    outputs = real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            total += abs(y_true[b, k] - y_pred[b, k])
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    real = y_pred.dtype.type
    zero, outputs = real(0), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        share = d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            difference = y_pred[b, k] - y_true[b, k]
            d_pred[b, k] = share if difference > zero else (-share if difference < zero else difference * share)
