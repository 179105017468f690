"""The hinge loss of several classes: the right score should lead the best wrong one by 1 (Crammer and Singer 2001)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, losses: Array) -> None:
    """losses[b] = max(neg - pos + 1, 0),  pos = sum_k t[k] p[k],  neg = max_k (1 - t[k]) p[k];  t = y_true[b], p = y_pred[b].

    For one-hot rows; over the last axis of any shape. neg is at least 0 there: the right class stands in it with 0 p.
    """
    pos = (y_true * y_pred).sum(axis=-1)
    neg = ((1 - y_true) * y_pred).max(axis=-1)
    losses[...] = np.maximum(neg - pos + 1, 0)


def backward(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    """(1 - t[k]) [k is the best wrong one] - t[k] up to the margin (the kink included), 0 beyond; ties share evenly."""
    at_work, best = _parts(y_true, y_pred)
    d_pred[...] = np.where(at_work, best * (1 - y_true) - y_true, 0) * d_losses[..., None]


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, d_true: Array) -> None:
    """By y_true, when a tape asks: -p[k] [k is the best wrong one] - p[k]."""
    at_work, best = _parts(y_true, y_pred)
    d_true[...] = np.where(at_work, -best * y_pred - y_pred, 0) * d_losses[..., None]


def _parts(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Which rows are short of the margin (..., 1), and the share of each class in the largest wrong score."""
    wrong = (1 - y_true) * y_pred
    neg = wrong.max(axis=-1, keepdims=True)
    top = wrong == neg
    pos = (y_true * y_pred).sum(axis=-1, keepdims=True)
    return neg - pos + 1 >= 0, (top / top.sum(axis=-1, keepdims=True)).astype(y_pred.dtype)


@compiled
def forward_compiled(y_true: Array, y_pred: Array, losses: Array) -> None:
    """y_true, y_pred (batch, classes); losses (batch,)."""
    real = y_pred.dtype.type
    zero, one = real(0), real(1)
    for b in range(y_pred.shape[0]):
        pos, neg = zero, (one - y_true[b, 0]) * y_pred[b, 0]
        for k in range(y_pred.shape[1]):
            pos += y_true[b, k] * y_pred[b, k]
            wrong = (one - y_true[b, k]) * y_pred[b, k]
            neg = wrong if wrong > neg or wrong != wrong else neg
        short = neg - pos + one
        losses[b] = zero if short < zero else short


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, d_pred: Array) -> None:
    real = y_pred.dtype.type
    zero, one = real(0), real(1)
    for b in range(y_pred.shape[0]):
        pos, neg, ties = zero, (one - y_true[b, 0]) * y_pred[b, 0], zero
        for k in range(y_pred.shape[1]):
            pos += y_true[b, k] * y_pred[b, k]
            wrong = (one - y_true[b, k]) * y_pred[b, k]
            ties = ties + one if wrong == neg else ties
            ties = one if wrong > neg else ties
            neg = wrong if wrong > neg or wrong != wrong else neg
        at_work = neg - pos + one >= zero
        for k in range(y_pred.shape[1]):
            wrong = (one - y_true[b, k]) * y_pred[b, k]
            best = one / ties if wrong == neg else zero
            d_pred[b, k] = (best * (one - y_true[b, k]) - y_true[b, k] if at_work else zero) * d_losses[b]
