"""Huber's loss: squared for small errors, absolute for large ones, so that outliers pull with bounded force (Huber 1964)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, delta: float, losses: Array) -> None:
    """losses[b] = (1/K) sum_k h(y_pred[b,k] - y_true[b,k]), over the last axis of any shape, with

    h(e) = e^2 / 2                      for |e| <= delta
    h(e) = delta |e| - delta^2 / 2      beyond: the tangent line, so that value and slope are continuous
    """
    edge = y_pred.dtype.type(delta)
    error = y_pred - y_true
    size = np.abs(error)
    losses[...] = np.where(size <= edge, 0.5 * (error * error), edge * size - 0.5 * (edge * edge)).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, delta: float, d_pred: Array) -> None:
    """h'(e) = e within delta, delta sign(e) beyond; 1/K is the mean's share."""
    edge = y_pred.dtype.type(delta)
    error = y_pred - y_true
    slope = np.where(np.abs(error) <= edge, error, edge * np.sign(error))
    d_pred[...] = slope * (d_losses[..., None] / y_pred.shape[-1])


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, delta: float, d_true: Array) -> None:
    """By y_true, when a tape asks: the loss is the same with its arguments exchanged."""
    backward(d_losses, y_pred, y_true, delta, d_true)


@compiled
def forward_compiled(y_true: Array, y_pred: Array, delta: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    edge, half, outputs = real(delta), real(0.5), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            error = y_pred[b, k] - y_true[b, k]
            size = abs(error)
            total += half * (error * error) if size <= edge else edge * size - half * (edge * edge)
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, delta: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    zero, edge, outputs = real(0), real(delta), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        share = d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            error = y_pred[b, k] - y_true[b, k]
            beyond = edge if error > zero else (-edge if error < zero else error)
            d_pred[b, k] = (error if abs(error) <= edge else beyond) * share
