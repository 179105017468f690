"""The Kullback-Leibler divergence: how many nats are lost by taking y_pred for y_true (Kullback and Leibler 1951)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses[b] = sum_k t[b,k] log(t[b,k] / p[b,k]),  t = clip(y_true, epsilon, 1), p = clip(y_pred, epsilon, 1).

    Over the last axis of any shape. The clip keeps the logarithm finite: a certain miss costs -log(1e-7) = 16.1.
    """
    t, p = np.clip(y_true, epsilon, 1), np.clip(y_pred, epsilon, 1)
    losses[...] = (t * np.log(t / p)).sum(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """-t / p, and 0 where the clip is at work; its two ends count as inside, as in TensorFlow."""
    t, p = np.clip(y_true, epsilon, 1), np.clip(y_pred, epsilon, 1)
    d_pred[...] = np.where(_inside(y_pred, epsilon), -t / p, 0) * d_losses[..., None]


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_true: Array) -> None:
    """By y_true, when a tape asks: log(t / p) + 1, and 0 where its clip is at work."""
    t, p = np.clip(y_true, epsilon, 1), np.clip(y_pred, epsilon, 1)
    d_true[...] = np.where(_inside(y_true, epsilon), np.log(t / p) + 1, 0) * d_losses[..., None]


def _inside(y: Array, epsilon: float) -> Array:
    return np.asarray((y >= y.dtype.type(epsilon)) & (y <= 1))


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    low, one = real(epsilon), real(1)
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            t, p = y_true[b, k], y_pred[b, k]
            t = low if t < low else (one if t > one else t)
            p = low if p < low else (one if p > one else p)
            total += t * log(t / p)
        losses[b] = total


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    low, one = real(epsilon), real(1)
    for b in range(y_pred.shape[0]):
        for k in range(y_pred.shape[1]):
            t, p = y_true[b, k], y_pred[b, k]
            t = low if t < low else (one if t > one else t)
            d_pred[b, k] = -t / p * d_losses[b] if low <= p <= one else real(0)
