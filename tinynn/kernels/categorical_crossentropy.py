"""Cross-entropy from probabilities that did not come out of our own softmax; rows are normalised, then clipped."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses[b] = -sum_k y_true[b,k] log clip(q[b,k], epsilon, 1 - epsilon),  q[b,k] = y_pred[b,k] / sum_j y_pred[b,j]

    y_true, y_pred (batch, classes); losses (batch,). The clip keeps log finite: a certain miss costs -log(1e-7) = 16.1.
    """
    q = y_pred / y_pred.sum(axis=1, keepdims=True)
    losses[:] = -(y_true * np.log(clip(q, epsilon))).sum(axis=1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """First by q: -y_true / q, and 0 where the clip is at work. Then through the division by the row sum S:

    d q_k / d y_pred_j = ([j = k] - q_k) / S,   so   dL/dy_pred_j = (d_q_j - sum_k d_q_k q_k) / S
    """
    total = y_pred.sum(axis=1, keepdims=True)
    q = y_pred / total
    d_q = np.where(inside(q, epsilon), -y_true / clip(q, epsilon), 0) * d_losses[:, None]
    d_pred[:] = (d_q - (d_q * q).sum(axis=1, keepdims=True)) / total


def clip(p: Array, epsilon: float) -> Array:
    """p kept within [epsilon, 1 - epsilon]; complex p, from the complex-step oracle, by its real part."""
    low, high = p.real < epsilon, p.real > 1 - epsilon
    return np.where(low, epsilon, np.where(high, 1 - epsilon, p)).astype(p.dtype, copy=False)


def inside(p: Array, epsilon: float) -> Array:
    """Where the clip lets a derivative through; its two ends count as inside, as in TensorFlow."""
    kind = p.dtype.type
    return np.asarray((p >= kind(epsilon)) & (p <= kind(1 - epsilon)))


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    real = y_pred.dtype.type
    low, high = real(epsilon), real(1 - epsilon)
    for b in range(y_pred.shape[0]):
        total, loss = real(0), real(0)
        for k in range(y_pred.shape[1]):
            total += y_pred[b, k]
        for k in range(y_pred.shape[1]):
            q = y_pred[b, k] / total
            loss -= y_true[b, k] * log(low if q < low else (high if q > high else q))
        losses[b] = loss


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    low, high = real(epsilon), real(1 - epsilon)
    for b in range(y_pred.shape[0]):
        total, inner = real(0), real(0)
        for k in range(y_pred.shape[1]):
            total += y_pred[b, k]
        for k in range(y_pred.shape[1]):
            q = y_pred[b, k] / total
            d_q = -y_true[b, k] / q * d_losses[b] if low <= q <= high else real(0)
            d_pred[b, k] = d_q
            inner += d_q * q
        for k in range(y_pred.shape[1]):
            d_pred[b, k] = (d_pred[b, k] - inner) / total


@compiled
def log_clipped_compiled(y_pred: Array, epsilon: float, logs: Array) -> None:
    """logs = log clip(y_pred): what the sparse form takes for logits when it is given probabilities."""
    real = y_pred.dtype.type
    low, high = real(epsilon), real(1 - epsilon)
    for b in range(y_pred.shape[0]):
        for k in range(y_pred.shape[1]):
            p = y_pred[b, k]
            logs[b, k] = log(low if p < low else (high if p > high else p))


@compiled
def log_clipped_backward_compiled(d_logs: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """1 / p inside the clip, 0 outside; d_logs and d_pred may be the same array."""
    real = y_pred.dtype.type
    low, high = real(epsilon), real(1 - epsilon)
    for b in range(y_pred.shape[0]):
        for k in range(y_pred.shape[1]):
            p = y_pred[b, k]
            d_pred[b, k] = d_logs[b, k] / p if low <= p <= high else real(0)
