"""Generalized cross-entropy: between cross-entropy and absolute error, for labels some of which are wrong.

Zhang and Sabuncu 2018.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(labels: Array, probs: Array, q: float, losses: Array) -> None:
    """losses[b] = (1 - p^q) / q,  p = probs[b, labels[b]];  labels (batch,), integers, probs (batch, classes).

    As q -> 0 it becomes -log p. A label that is none of the classes has p = 0 and costs 1 / q.
    """
    losses[:] = (1 - _of_labels(labels, probs) ** q) / q


def backward(d_losses: Array, labels: Array, probs: Array, q: float, d_probs: Array) -> None:
    """-p^(q-1) at the label, infinite at p = 0; 0 elsewhere (where Keras has NaN if p = 0)."""
    d_probs[:] = 0
    rows = np.flatnonzero((labels >= 0) & (labels < probs.shape[1]))
    with np.errstate(divide="ignore"):
        d_probs[rows, labels[rows]] = -(_of_labels(labels, probs)[rows] ** (q - 1)) * d_losses[rows]


def _of_labels(labels: Array, probs: Array) -> Array:
    known = (labels >= 0) & (labels < probs.shape[1])
    return np.where(known, probs[np.arange(len(labels)), np.where(known, labels, 0)], 0)


@compiled
def forward_compiled(labels: Array, probs: Array, q: float, losses: Array) -> None:
    real = probs.dtype.type
    for b in range(probs.shape[0]):
        p = probs[b, labels[b]] if 0 <= labels[b] < probs.shape[1] else real(0)
        losses[b] = (real(1) - p ** real(q)) / real(q)


@compiled
def backward_compiled(d_losses: Array, labels: Array, probs: Array, q: float, d_probs: Array) -> None:
    real = probs.dtype.type
    for b in range(probs.shape[0]):
        for k in range(probs.shape[1]):
            d_probs[b, k] = real(0)
        if 0 <= labels[b] < probs.shape[1]:
            d_probs[b, labels[b]] = -(probs[b, labels[b]] ** real(q - 1)) * d_losses[b]
