"""Accuracy of each sample: right or wrong, or the share of its entries that are right. Never differentiated."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def equal(y_true: Array, y_pred: Array, values: Array) -> None:
    """values[b] = the share of k with y_pred[b,k] = y_true[b,k]; all (batch, outputs), values (batch,)."""
    values[:] = (y_true == y_pred).mean(axis=1)


def binary(y_true: Array, y_pred: Array, threshold: float, values: Array) -> None:
    """values[b] = the share of k where (y_pred[b,k] > threshold), strictly, is y_true[b,k]."""
    values[:] = (y_true == (y_pred > y_pred.dtype.type(threshold))).mean(axis=1)


def categorical(y_true: Array, y_pred: Array, values: Array) -> None:
    """values[b] = 1 if the largest entries of y_true[b] and y_pred[b] stand in the same place, the first of equals."""
    values[:] = np.argmax(y_true, axis=1) == np.argmax(y_pred, axis=1)


def sparse(labels: Array, y_pred: Array, values: Array) -> None:
    """values[b] = 1 if the largest entry of y_pred[b] stands at labels[b]."""
    values[:] = labels == np.argmax(y_pred, axis=1)


@compiled
def equal_compiled(y_true: Array, y_pred: Array, values: Array) -> None:
    real = values.dtype.type
    for b in range(y_pred.shape[0]):
        right = 0
        for k in range(y_pred.shape[1]):
            right += y_true[b, k] == y_pred[b, k]
        values[b] = real(right) / real(y_pred.shape[1])


@compiled
def binary_compiled(y_true: Array, y_pred: Array, threshold: float, values: Array) -> None:
    real = values.dtype.type
    limit = real(threshold)
    for b in range(y_pred.shape[0]):
        right = 0
        for k in range(y_pred.shape[1]):
            right += y_true[b, k] == (real(1) if y_pred[b, k] > limit else real(0))
        values[b] = real(right) / real(y_pred.shape[1])


@compiled
def categorical_compiled(y_true: Array, y_pred: Array, values: Array) -> None:
    real = values.dtype.type
    for b in range(y_pred.shape[0]):
        values[b] = real(1) if _argmax(y_true, b) == _argmax(y_pred, b) else real(0)


@compiled
def sparse_compiled(labels: Array, y_pred: Array, values: Array) -> None:
    real = values.dtype.type
    for b in range(y_pred.shape[0]):
        values[b] = real(1) if labels[b] == _argmax(y_pred, b) else real(0)


@compiled
def _argmax(x: Array, row: int) -> int:
    """NumPy's argmax of a row: the first of equals, and the first NaN wins."""
    best = 0
    for k in range(1, x.shape[1]):
        best_is_nan = x[row, best] != x[row, best]
        if not best_is_nan and (x[row, k] > x[row, best] or x[row, k] != x[row, k]):
            best = k
    return best
