"""Losses as the loop takes them, a value a sample, where the kernel has a value an entry or is made of two.

`entries` and `probs` are space of the loop's; what forward leaves there, backward may read.
"""

from __future__ import annotations

from tinynn._compiled import compiled, flatten, line, view
from tinynn._typing import Array
from tinynn.kernels import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    circle,
    cosine_similarity,
    dice,
    generalized_crossentropy,
    l1_l2,
    orthogonality,
    sigmoid_crossentropy,
    softmax_crossentropy,
    tversky,
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
def binary_focal_forward(
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    epsilon: float,
    losses: Array,
) -> None:
    binary_focal_crossentropy.forward_compiled(y_true, y_pred, apply_class_balancing, alpha, gamma, epsilon, losses)


@compiled
def binary_focal_backward(
    d_losses: Array,
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    epsilon: float,
    d_pred: Array,
) -> None:
    binary_focal_crossentropy.backward_compiled(
        d_losses, y_true, y_pred, apply_class_balancing, alpha, gamma, epsilon, d_pred
    )


@compiled
def categorical_focal_forward(
    y_true: Array, y_pred: Array, probs: Array, alpha: float, gamma: float, epsilon: float, losses: Array
) -> None:
    """One alpha for all classes, written out in `probs`, where the way back finds it."""
    weights = line(flatten(probs), 0, y_pred.shape[1])
    for k in range(weights.size):
        weights[k] = weights.dtype.type(alpha)
    categorical_focal_crossentropy.forward_compiled(y_true, y_pred, weights, gamma, epsilon, losses)


@compiled
def categorical_focal_backward(
    d_losses: Array,
    y_true: Array,
    y_pred: Array,
    probs: Array,
    alpha: float,
    gamma: float,
    epsilon: float,
    d_pred: Array,
) -> None:
    """alpha stands for its place among the settings, which are those of the way there."""
    weights = line(flatten(probs), 0, y_pred.shape[1])
    categorical_focal_crossentropy.backward_compiled(d_losses, y_true, y_pred, weights, gamma, epsilon, d_pred)


@compiled
def generalized_forward(labels: Array, y_pred: Array, q: float, losses: Array) -> None:
    generalized_crossentropy.forward_compiled(labels, y_pred, q, losses)


@compiled
def generalized_backward(d_losses: Array, labels: Array, y_pred: Array, q: float, d_pred: Array) -> None:
    generalized_crossentropy.backward_compiled(d_losses, labels, y_pred, q, d_pred)


# One value for the whole batch: each sample is given it, and the mean of those is it again.


@compiled
def _as_first(losses: Array) -> None:
    for b in range(1, losses.size):
        losses[b] = losses[0]


@compiled
def _sum_in_first(d_losses: Array) -> Array:
    total = d_losses.dtype.type(0)
    for b in range(d_losses.size):
        total += d_losses[b]
    d_losses[0] = total
    return line(d_losses, 0, 1)


@compiled
def dice_of_all_forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    n = y_pred.size
    dice.forward_compiled(view(flatten(y_true), 0, 1, n), view(flatten(y_pred), 0, 1, n), epsilon, line(losses, 0, 1))
    _as_first(losses)


@compiled
def dice_of_all_backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    n, d = y_pred.size, _sum_in_first(d_losses)
    whole = view(flatten(d_pred), 0, 1, n)
    dice.backward_compiled(d, view(flatten(y_true), 0, 1, n), view(flatten(y_pred), 0, 1, n), epsilon, whole)


@compiled
def tversky_of_all_forward(
    y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float, losses: Array
) -> None:
    n, first = y_pred.size, line(losses, 0, 1)
    one, other = view(flatten(y_true), 0, 1, n), view(flatten(y_pred), 0, 1, n)
    tversky.forward_compiled(one, other, alpha, beta, epsilon, first)
    _as_first(losses)


@compiled
def tversky_of_all_backward(
    d_losses: Array, y_true: Array, y_pred: Array, alpha: float, beta: float, epsilon: float, d_pred: Array
) -> None:
    n, d = y_pred.size, _sum_in_first(d_losses)
    one, other = view(flatten(y_true), 0, 1, n), view(flatten(y_pred), 0, 1, n)
    tversky.backward_compiled(d, one, other, alpha, beta, epsilon, view(flatten(d_pred), 0, 1, n))


@compiled
def circle_forward(
    labels: Array,
    y_pred: Array,
    entries: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    counted: bool,
    losses: Array,
) -> None:
    """Within the batch. counted: a mean is to be taken over the samples that count, so their values are enlarged.

    Of the losses' entries, sample b's first keeps by how much, 0 for those that do not count.
    """
    real, n = losses.dtype.type, 0
    circle.forward_compiled(labels, y_pred, labels, y_pred, gamma, margin, remove_diagonal, losses)
    for b in range(losses.size):
        n += 1 if losses[b] > 0 else 0
    share = real(losses.size) / real(n) if counted and n > 0 else real(1)
    for b in range(losses.size):
        entries[b, 0] = share if losses[b] > 0 else real(0)
        losses[b] *= entries[b, 0]


@compiled
def circle_backward(
    d_losses: Array,
    labels: Array,
    y_pred: Array,
    entries: Array,
    probs: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    d_pred: Array,
) -> None:
    """The batch is its own reference: both gradients are its."""
    for b in range(d_losses.size):
        d_losses[b] *= entries[b, 0]
    circle.backward_compiled(d_losses, labels, y_pred, labels, y_pred, gamma, margin, remove_diagonal, d_pred, probs)
    for b in range(d_pred.shape[0]):
        for k in range(d_pred.shape[1]):
            d_pred[b, k] += probs[b, k]


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


@compiled
def penalty_on_outputs(share: Array, penalty: Array) -> None:
    """What `maps.activity_penalty` has found on the way."""
    penalty[0] = share[0]


@compiled
def orthogonal_penalty(
    matrix: Array,
    directions: Array,
    inverse: Array,
    space: Array,
    factor: float,
    epsilon: float,
    by_columns: bool,
    penalty: Array,
) -> None:
    """by_columns: of the matrix turned over, which `space` is for."""
    rows, columns = matrix.shape
    if by_columns:
        turned = view(space, 0, columns, rows)
        for i in range(rows):
            for k in range(columns):
                turned[k, i] = matrix[i, k]
        orthogonality.forward_compiled(turned, factor, epsilon, view(directions, 0, columns, rows), inverse, penalty)
    else:
        orthogonality.forward_compiled(matrix, factor, epsilon, view(directions, 0, rows, columns), inverse, penalty)


@compiled
def orthogonal_gradient(
    grads: Array,
    directions: Array,
    inverse: Array,
    space: Array,
    one: Array,
    factor: float,
    epsilon: float,
    by_columns: bool,
) -> None:
    """grads += the penalty's gradient, from what `orthogonal_penalty` has left."""
    rows, columns = inverse.size, directions.size // inverse.size
    unit, d_x = view(directions, 0, rows, columns), view(space, 0, rows, columns)
    orthogonality.backward_compiled(one, factor, epsilon, unit, inverse, d_x)
    for i in range(rows):
        for k in range(columns):
            grads[k * rows + i if by_columns else i * columns + k] += d_x[i, k]
