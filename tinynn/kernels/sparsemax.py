"""Sparsemax (Martins & Astudillo 2016): probabilities like softmax's, but with exact zeros; and what Keras makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array

# The paper asks for the point of the probability simplex nearest to x: minimise |p - x|^2 / 2 over p >= 0 with sum p = 1.
# That gives p_k = max(x_k - tau, 0). With the entries sorted, x_(1) >= x_(2) >= ..., and c_j = x_(1) + ... + x_(j), the
# support is the first K entries, as long as x_(j) > (c_j - 1) / j, and tau = (c_K - 1) / K makes the outputs sum to 1.
#
# Keras 3.15 takes tau = (c_1 + ... + c_K - 1) / K instead: it sums the running sums. For K = 1 that is the same; else the
# outputs do not sum to 1 ((1, 1, 0) gives (0, 0, 0), not (1/2, 1/2, 0)). tinynn follows Keras's numbers, here too.

ROWWISE = True


def forward(x: Array, out: Array) -> None:
    """out[b,k] = max(x[b,k] - tau[b], 0), along the last axis of any shape."""
    tau, _ = _threshold(x)
    away = x - tau
    out[:] = np.where(away.real < 0, 0, away)


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """out_k moves with x_k by 1 and with tau by -1; tau with the j-th largest entry, j <= K, which is in c_j, ..., c_K:

    d tau / d x_(j) = (K - j + 1) / K,  so   dL/dx_i = d_out_i - (d tau / d x_i) sum_k d_out_k,  d_out taken where x >= tau

    An entry exactly at tau passes its gradient on, as TensorFlow's maximum does at a tie: rows like (1, 0, 0) have such.
    """
    tau, slopes = _threshold(x)
    passed = d_out * (x - tau >= 0)
    d_x[:] = passed - slopes * passed.sum(axis=-1, keepdims=True)


def _threshold(x: Array) -> tuple[Array, Array]:
    """tau (..., 1) and its derivative by every entry (..., K); of equal entries the first counts as the larger."""
    order = np.argsort(-x.real, axis=-1, kind="stable")
    falling = np.take_along_axis(x, order, axis=-1)
    sums = falling.cumsum(axis=-1)
    places = np.arange(1, x.shape[-1] + 1, dtype=x.real.dtype)
    support = (falling - (sums - 1) / places).real > 0
    count = support.sum(axis=-1, keepdims=True).astype(x.real.dtype)
    slopes = np.zeros_like(x.real)
    np.put_along_axis(slopes, order, np.where(support, (count - places + 1) / count, 0), axis=-1)
    return (np.where(support, sums, 0).sum(axis=-1, keepdims=True) - 1) / count, slopes


@compiled
def _next_largest(x: Array, b: int, before: int) -> int:
    """Where in row b the entry stands that follows entry `before` in falling order (-1: the largest); -1 if none does."""
    best = -1
    for k in range(x.shape[1]):
        later = before < 0 or x[b, k] < x[b, before] or (x[b, k] == x[b, before] and k > before)
        if later and (best < 0 or x[b, k] > x[b, best]):
            best = k
    return best


@compiled
def _find_threshold(x: Array, b: int) -> Any:
    """tau and K of row b, entry by entry in falling order: no sorting and no memory, and the sums as in the reference."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    total, totals, count = zero, zero, zero
    at = _next_largest(x, b, -1)
    while at >= 0:
        total += x[b, at]
        if not x[b, at] - (total - one) / (count + one) > zero:
            break
        totals += total
        count += one
        at = _next_largest(x, b, at)
    return (totals - one) / count, count


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    """x, out (batch, classes), possibly the same array."""
    zero = out.dtype.type(0)
    for b in range(x.shape[0]):
        tau, _ = _find_threshold(x, b)
        for k in range(x.shape[1]):
            away = x[b, k] - tau
            out[b, k] = zero if away < zero else away


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    """d_out, x, d_x (batch, classes); d_out and d_x may be the same array."""
    zero, one = d_x.dtype.type(0), d_x.dtype.type(1)
    for b in range(x.shape[0]):
        tau, count = _find_threshold(x, b)
        total = zero
        for k in range(x.shape[1]):
            d_x[b, k] = d_out[b, k] * (one if x[b, k] - tau >= zero else zero)
            total += d_x[b, k]
        place, at = count, -1
        while place > zero:
            at = _next_largest(x, b, at)
            d_x[b, at] -= place / count * total
            place -= one
