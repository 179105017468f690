"""Mean absolute percentage error: how far off, as a share of what is right, in percent."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses[b] = (100/K) sum_k |y_true[b,k] - y_pred[b,k]| / s[b,k],  s = max(|y_true|, epsilon); over the last axis.

    A target of 0 has no percentage: epsilon in its place makes any miss there enormous (1e9 % for a miss by 1).
    """
    losses[...] = 100 * np.abs((y_true - y_pred) / np.maximum(np.abs(y_true), epsilon)).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """d/dy_pred |y_true - y_pred| / s = sign(y_pred - y_true) / s, taken as 0 at the kink; 100/K is the mean's share."""
    scale = np.maximum(np.abs(y_true), epsilon)
    d_pred[...] = np.sign((y_pred - y_true) / scale) * (100 * d_losses[..., None] / y_pred.shape[-1]) / scale


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_true: Array) -> None:
    """By y_true, when a tape asks, which moves s as well: with e = (y_true - y_pred) / s

    d|e|/dy_true = sign(e) (1 - e ds/dy_true) / s,   ds/dy_true = sign(y_true) [|y_true| >= epsilon].
    """
    scale = np.maximum(np.abs(y_true), epsilon)
    error = (y_true - y_pred) / scale
    slope = np.where(np.abs(y_true) >= y_true.dtype.type(epsilon), 1 - error * np.sign(y_true), 1)
    d_true[...] = np.sign(error) * slope / scale * (100 * d_losses[..., None] / y_pred.shape[-1])


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    low, outputs = real(epsilon), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            scale = abs(y_true[b, k])
            scale = low if scale < low else scale
            total += abs((y_true[b, k] - y_pred[b, k]) / scale)
        losses[b] = real(100) * (total / outputs)


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    zero, low, outputs = real(0), real(epsilon), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        share = real(100) * d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            scale = abs(y_true[b, k])
            scale = low if scale < low else scale
            error = (y_pred[b, k] - y_true[b, k]) / scale
            d_pred[b, k] = (share if error > zero else (-share if error < zero else error * share)) / scale
