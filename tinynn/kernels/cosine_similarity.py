"""Cosine similarity as a loss: -1 for the same direction, 0 for orthogonal ones, 1 for opposite ones."""

from __future__ import annotations

import math

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses[b] = -sum_k t[b,k] u[b,k] with the unit vectors t of y_true and u of y_pred; over the last axis of any shape.

    The unit vector of x is x r with r = 1 / |x|, but at most 1 / epsilon: a vector shorter than that stays shorter than 1, and
    a vector of zeros has similarity 0 with all others.
    """
    losses[...] = -(y_true * _reach(y_true, epsilon) * (y_pred * _reach(y_pred, epsilon))).sum(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """With r = (sum_k p[k]^2)^(-1/2):  dr/dp[j] = -p[j] r^3,  so for u = p r and L = -sum_k t[k] u[k]

    dL/dp[j] = -t[j] r + sum_k t[k] p[k] p[j] r^3 = -r (t[j] + L u[j]):

    what of t is orthogonal to u, since along u the length is divided away. Where r is held at 1 / epsilon, -r t[j] alone.
    """
    r = _reach(y_pred, epsilon)
    t, u = y_true * _reach(y_true, epsilon), y_pred * r
    loss = -(t * u).sum(axis=-1, keepdims=True)
    d_pred[...] = -(r * d_losses[..., None]) * np.where(_free(y_pred, epsilon), t + loss * u, t)


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_true: Array) -> None:
    """By y_true, when a tape asks: the loss is the same with its arguments exchanged."""
    backward(d_losses, y_pred, y_true, epsilon, d_true)


def _reach(x: Array, epsilon: float) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(1 / np.sqrt((x * x).sum(axis=-1, keepdims=True)), x.dtype.type(1 / epsilon)))


def _free(x: Array, epsilon: float) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(1 / np.sqrt((x * x).sum(axis=-1, keepdims=True)) <= x.dtype.type(1 / epsilon))


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    most = real(1 / epsilon)
    for b in range(y_pred.shape[0]):
        square_true, square_pred = real(0), real(0)
        for k in range(y_pred.shape[1]):
            square_true += y_true[b, k] * y_true[b, k]
            square_pred += y_pred[b, k] * y_pred[b, k]
        r_true, r_pred = real(1) / real(math.sqrt(square_true)), real(1) / real(math.sqrt(square_pred))
        r_true, r_pred = most if r_true > most else r_true, most if r_pred > most else r_pred
        total = real(0)
        for k in range(y_pred.shape[1]):
            total += y_true[b, k] * r_true * (y_pred[b, k] * r_pred)
        losses[b] = -total


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    most = real(1 / epsilon)
    for b in range(y_pred.shape[0]):
        square_true, square_pred = real(0), real(0)
        for k in range(y_pred.shape[1]):
            square_true += y_true[b, k] * y_true[b, k]
            square_pred += y_pred[b, k] * y_pred[b, k]
        r_true, r_pred = real(1) / real(math.sqrt(square_true)), real(1) / real(math.sqrt(square_pred))
        free = r_pred <= most
        r_true, r_pred = most if r_true > most else r_true, most if r_pred > most else r_pred
        total = real(0)
        for k in range(y_pred.shape[1]):
            total += y_true[b, k] * r_true * (y_pred[b, k] * r_pred)
        for k in range(y_pred.shape[1]):
            t, u = y_true[b, k] * r_true, y_pred[b, k] * r_pred
            d_pred[b, k] = -(r_pred * d_losses[b]) * (t - total * u if free else t)
