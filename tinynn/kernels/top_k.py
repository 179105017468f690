"""Whether the right class is among the k most probable ones. Never differentiated."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def sparse(labels: Array, y_pred: Array, k: int, matches: Array) -> None:
    """matches[b] = 1 if fewer than k classes are more probable than labels[b], strictly: equals all stand in the same place.

    y_pred (batch, classes), labels (batch,) -> matches (batch,). As in TensorFlow, a label out of range is no match, and
    a row that is not all finite has none.
    """
    known = (labels >= 0) & (labels < y_pred.shape[1]) & np.isfinite(y_pred).all(axis=1)
    own = y_pred[np.arange(len(labels)), np.where(known, labels, 0)]
    matches[:] = known & ((y_pred > own[:, None]).sum(axis=1) < k)


def categorical(y_true: Array, y_pred: Array, k: int, matches: Array) -> None:
    """`sparse` for one-hot rows: the label is where y_true (batch, classes) is largest, the first of equals."""
    sparse(np.argmax(y_true, axis=1), y_pred, k, matches)


@compiled
def sparse_compiled(labels: Array, y_pred: Array, k: int, matches: Array) -> None:
    for b in range(y_pred.shape[0]):
        matches[b] = _among(y_pred, b, int(labels[b]), k)


@compiled
def categorical_compiled(y_true: Array, y_pred: Array, k: int, matches: Array) -> None:
    for b in range(y_pred.shape[0]):
        label = 0
        for c in range(1, y_true.shape[1]):
            here, best = y_true[b, c], y_true[b, label]
            if best == best and (here > best or here != here):  # NumPy's argmax: the first NaN wins
                label = c
        matches[b] = _among(y_pred, b, label, k)


@compiled
def _among(y_pred: Array, row: int, label: int, k: int) -> int:
    if label < 0 or label >= y_pred.shape[1]:
        return 0
    before = 0
    for c in range(y_pred.shape[1]):
        if not np.isfinite(y_pred[row, c]):
            return 0
        before += y_pred[row, c] > y_pred[row, label]
    return 1 if before < k else 0
