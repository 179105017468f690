"""Losses as the loop takes them, a value a sample, where the kernel has a value an entry or is made of two.

`entries` and `probs` are space of the loop's; what forward leaves there, backward may read.
"""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array
from tinynn.kernels import (
    binary_crossentropy,
    categorical_crossentropy,
    cosine_similarity,
    l1_l2,
    sigmoid_crossentropy,
    softmax_crossentropy,
)


@compiled
def mean_of_rows(entries: Array, values: Array) -> None:
    """values[b] = (1/K) sum_k entries[b,k]."""
    real = values.dtype.type
    for b in range(entries.shape[0]):
        total = real(0)
        for k in range(entries.shape[1]):
            total += entries[b, k]
        values[b] = total / real(entries.shape[1])


@compiled
def spread_over_rows(values: Array, entries: Array) -> None:
    """The way back: entries[b,k] = values[b] / K."""
    real = values.dtype.type
    for b in range(entries.shape[0]):
        for k in range(entries.shape[1]):
            entries[b, k] = values[b] / real(entries.shape[1])


@compiled
def binary_logits_forward(y_true: Array, logits: Array, entries: Array, losses: Array) -> None:
    sigmoid_crossentropy.forward_compiled(y_true, logits, entries)
    mean_of_rows(entries, losses)


@compiled
def binary_logits_backward(d_losses: Array, y_true: Array, logits: Array, entries: Array, d_logits: Array) -> None:
    spread_over_rows(d_losses, entries)
    sigmoid_crossentropy.backward_compiled(entries, y_true, logits, d_logits)


@compiled
def binary_forward(y_true: Array, y_pred: Array, entries: Array, epsilon: float, losses: Array) -> None:
    binary_crossentropy.forward_compiled(y_true, y_pred, epsilon, entries)
    mean_of_rows(entries, losses)


@compiled
def binary_backward(
    d_losses: Array, y_true: Array, y_pred: Array, entries: Array, epsilon: float, d_pred: Array
) -> None:
    spread_over_rows(d_losses, entries)
    binary_crossentropy.backward_compiled(entries, y_true, y_pred, epsilon, d_pred)


@compiled
def sparse_forward(labels: Array, y_pred: Array, entries: Array, probs: Array, epsilon: float, losses: Array) -> None:
    categorical_crossentropy.log_clipped_compiled(y_pred, epsilon, entries)
    softmax_crossentropy.sparse_forward_compiled(labels, entries, probs, losses)


@compiled
def sparse_backward(d_losses: Array, labels: Array, y_pred: Array, probs: Array, epsilon: float, d_pred: Array) -> None:
    softmax_crossentropy.sparse_backward_compiled(d_losses, labels, probs, d_pred)
    categorical_crossentropy.log_clipped_backward_compiled(d_pred, y_pred, epsilon, d_pred)


@compiled
def negative_cosine_similarity(y_true: Array, y_pred: Array, epsilon: float, values: Array) -> None:
    """The metric: the loss's negative."""
    cosine_similarity.forward_compiled(y_true, y_pred, epsilon, values)
    for b in range(values.size):
        values[b] = -values[b]


@compiled
def penalty_of(params: Array, l1: float, l2: float, penalty: Array) -> None:
    """What weights cost, by the name that the loop knows them by."""
    l1_l2.forward_compiled(params, l1, l2, penalty)
