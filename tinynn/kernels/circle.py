"""Circle loss: embeddings of one class drawn together, of different classes pushed apart (Sun et al. 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import compiled, exp, log
from tinynn._typing import Array
from tinynn.kernels.elementary import log1p


def forward(
    labels: Array,
    y_pred: Array,
    ref_labels: Array,
    ref_embeddings: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    losses: Array,
) -> None:
    """losses[i] = softplus(logsumexp_j P[i,j] + logsumexp_j N[i,j]), the first over pairs of one class, the second over others.

    labels (batch,), ref_labels (refs,), integers; y_pred (batch, n), ref_embeddings (refs, n), rows of length 1; losses
    (batch,). With the cosine distance d[i,j] = max(1 - y_pred[i] . ref_embeddings[j], 0) and m = margin

    P = gamma max(m + d, 0) (d - m)              large where a pair of one class is far apart: weight times distance to m
    N = gamma max(1 + m - d, 0) (1 - m - d)      large where a pair of two classes is near

    `remove_diagonal` leaves out the pairs i = j, each sample with itself. A sample without a pair of one kind costs 0.
    """
    _, _, same, other = _parts(labels, y_pred, ref_labels, ref_embeddings, gamma, margin, remove_diagonal)
    x = _logsumexp(same) + _logsumexp(other)
    losses[:] = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def backward(
    d_losses: Array,
    labels: Array,
    y_pred: Array,
    ref_labels: Array,
    ref_embeddings: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    d_pred: Array,
    d_ref: Array,
) -> None:
    """softplus' = sigmoid, logsumexp' = softmax, and by the product rule, each factor's max cutting it off below 0,

    dP/dd = gamma (max(m + d, 0) + [m + d >= 0] (d - m)),   dN/dd = -gamma (max(1 + m - d, 0) + [1 + m - d >= 0] (1 - m - d)).

    d falls as the product y_pred[i] . ref_embeddings[j] grows, at the same rate, unless cut off at 0:  d_pred = D @ ref and
    d_ref = D.T @ y_pred, D[i,j] = dL/d(product). Where ref_embeddings are y_pred, dL/dy_pred is the sum of the two.
    """
    products, d, same, other = _parts(labels, y_pred, ref_labels, ref_embeddings, gamma, margin, remove_diagonal)
    x = _logsumexp(same) + _logsumexp(other)
    e = np.exp(-np.abs(x))
    d_x = d_losses * np.where(x < 0, e, 1) / (1 + e)
    near, far = margin + d, 1 + margin - d
    slope_same = gamma * (np.maximum(near, 0) + (near >= 0) * (d - margin))
    slope_other = -gamma * (np.maximum(far, 0) + (far >= 0) * (1 - margin - d))
    d_distances = (_softmax(same) * slope_same + _softmax(other) * slope_other) * d_x[:, None]
    d_products = np.where(1 - products >= 0, -d_distances, 0)
    d_pred[:] = d_products @ ref_embeddings
    d_ref[:] = d_products.T @ y_pred


def _parts(
    labels: Array,
    y_pred: Array,
    ref_labels: Array,
    ref_embeddings: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
) -> tuple[Array, Array, Array, Array]:
    """Products, distances, P and N, all (batch, refs); P and N are -inf for pairs that are not of their kind."""
    products = y_pred @ ref_embeddings.T
    d = np.maximum(1 - products, 0)
    positive = labels[:, None] == ref_labels[None, :]
    negative = ~positive
    if remove_diagonal:
        positive = positive & (np.eye(*positive.shape) == 0)
    same = gamma * np.maximum(margin + d, 0) * (d - margin)
    other = gamma * np.maximum(1 + margin - d, 0) * (1 - margin - d)
    return products, d, np.where(positive, same, -np.inf), np.where(negative, other, -np.inf)


def _top(x: Array) -> Array:
    """The largest entry of each row (rows, 1); 0 where all are -inf."""
    top = x.max(axis=1, keepdims=True)
    return np.where(np.isneginf(top), 0, top).astype(x.dtype)


def _logsumexp(x: Array) -> Array:
    top = _top(x)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(x - top).sum(axis=1)) + top[:, 0])


def _softmax(x: Array) -> Array:
    e = np.exp(x - _top(x))
    total = e.sum(axis=1, keepdims=True)
    return np.asarray(e / np.where(total == 0, 1, total))


@compiled
def _product(y_pred: Array, ref_embeddings: Array, i: int, j: int) -> Any:
    """y_pred[i] . ref_embeddings[j]"""
    total = y_pred.dtype.type(0)
    for k in range(y_pred.shape[1]):
        total += y_pred[i, k] * ref_embeddings[j, k]
    return total


@compiled
def _exponents(product: float, gamma: float, margin: float, one: float) -> tuple[float, float]:
    """P and N of one pair; gamma, margin and one in the precision wanted."""
    zero = one - one
    d = one - product
    d = zero if d < zero else d
    near, far = margin + d, one + margin - d
    near, far = zero if near < zero else near, zero if far < zero else far
    return gamma * near * (d - margin), gamma * far * (one - margin - d)


@compiled
def _sums(
    i: int,
    labels: Array,
    y_pred: Array,
    ref_labels: Array,
    ref_embeddings: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
) -> tuple[float, float, float, float]:
    """The largest P, sum_j e^(P - that), and the same of N; -inf and 0 where there is no pair of the kind."""
    real = y_pred.dtype.type
    one, g, m = real(1), real(gamma), real(margin)
    top_same, top_other, sum_same, sum_other = real(-np.inf), real(-np.inf), real(0), real(0)
    for j in range(ref_embeddings.shape[0]):
        same, other = _exponents(_product(y_pred, ref_embeddings, i, j), g, m, one)
        if labels[i] != ref_labels[j]:
            top_other = other if other > top_other else top_other
        elif not (remove_diagonal and i == j):
            top_same = same if same > top_same else top_same
    for j in range(ref_embeddings.shape[0]):
        same, other = _exponents(_product(y_pred, ref_embeddings, i, j), g, m, one)
        if labels[i] != ref_labels[j]:
            sum_other += exp(other - top_other)
        elif not (remove_diagonal and i == j):
            sum_same += exp(same - top_same)
    return top_same, sum_same, top_other, sum_other


@compiled
def forward_compiled(
    labels: Array,
    y_pred: Array,
    ref_labels: Array,
    ref_embeddings: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    losses: Array,
) -> None:
    """Products are taken anew wherever they are needed: (batch, refs) of them are stored nowhere."""
    zero, one = y_pred.dtype.type(0), y_pred.dtype.type(1)
    for i in range(y_pred.shape[0]):
        top_same, sum_same, top_other, sum_other = _sums(
            i, labels, y_pred, ref_labels, ref_embeddings, gamma, margin, remove_diagonal
        )
        losses[i] = zero
        if sum_same > zero and sum_other > zero:
            x = (log(sum_same) + top_same) + (log(sum_other) + top_other)
            losses[i] = (x if x > zero else zero) + log1p(exp(-abs(x)), one)


@compiled
def backward_compiled(
    d_losses: Array,
    labels: Array,
    y_pred: Array,
    ref_labels: Array,
    ref_embeddings: Array,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
    d_pred: Array,
    d_ref: Array,
) -> None:
    real = y_pred.dtype.type
    zero, one, g, m = real(0), real(1), real(gamma), real(margin)
    for j in range(ref_embeddings.shape[0]):
        for k in range(y_pred.shape[1]):
            d_ref[j, k] = zero
    for i in range(y_pred.shape[0]):
        for k in range(y_pred.shape[1]):
            d_pred[i, k] = zero
        top_same, sum_same, top_other, sum_other = _sums(
            i, labels, y_pred, ref_labels, ref_embeddings, gamma, margin, remove_diagonal
        )
        if sum_same > zero and sum_other > zero:
            x = (log(sum_same) + top_same) + (log(sum_other) + top_other)
            e = exp(-abs(x))
            d_x = d_losses[i] * (e if x < zero else one) / (one + e)
            for j in range(ref_embeddings.shape[0]):
                product = _product(y_pred, ref_embeddings, i, j)
                d = one - product
                positive = labels[i] == ref_labels[j]
                if d >= zero and not (positive and remove_diagonal and i == j):
                    same, other = _exponents(product, g, m, one)
                    near, far = m + d, one + m - d
                    if positive:
                        slope = exp(same - top_same) / sum_same * g * (near + (d - m)) if near >= zero else zero
                    else:
                        slope = -exp(other - top_other) / sum_other * g * (far + (one - m - d)) if far >= zero else zero
                    for k in range(y_pred.shape[1]):
                        d_pred[i, k] -= slope * d_x * ref_embeddings[j, k]
                        d_ref[j, k] -= slope * d_x * y_pred[i, k]
