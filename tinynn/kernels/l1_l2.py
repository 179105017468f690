"""L1 and L2 penalties: what large weights cost (ridge: Hoerl & Kennard 1970; lasso: Tibshirani 1996)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, l1: float, l2: float, penalty: Array) -> None:
    """penalty = l1 sum_i |x[i]| + l2 sum_i x[i]^2;   x any shape, penalty (1,).

    A factor of 0 leaves its term out, so that 0 * inf does not make NaN.
    """
    total = x.dtype.type(0)
    if l1 != 0:
        total = total + x.dtype.type(l1) * np.sum(np.absolute(x))
    if l2 != 0:
        total = total + x.dtype.type(l2) * np.sum(np.square(x))
    penalty[0] = total


def backward(d_penalty: Array, x: Array, l1: float, l2: float, d_x: Array) -> None:
    """d|x|/dx = sign(x), taken as 0 at the kink, and dx^2/dx = 2 x:

    dL/dx[i] = d_penalty (l1 sign(x[i]) + 2 l2 x[i]);   d_penalty (1,), d_x like x.
    """
    real = x.dtype.type
    d_x[:] = 0
    if l1 != 0:
        d_x += d_penalty[0] * real(l1) * np.sign(x)
    if l2 != 0:
        d_x += d_penalty[0] * real(l2) * (real(2) * x)


@compiled
def forward_compiled(x: Array, l1: float, l2: float, penalty: Array) -> None:
    """x (size,)."""
    real = x.dtype.type
    absolutes, squares = real(0), real(0)
    for i in range(x.size):
        absolutes += abs(x[i])
        squares += x[i] * x[i]
    total = real(0)
    if l1 != 0:
        total += real(l1) * absolutes
    if l2 != 0:
        total += real(l2) * squares
    penalty[0] = total


@compiled
def backward_compiled(d_penalty: Array, x: Array, l1: float, l2: float, d_x: Array) -> None:
    """x, d_x (size,)."""
    for i in range(x.size):
        d_x[i] = _slope(x, i, d_penalty[0], l1, l2)


@compiled
def add_gradient(params: Array, grads: Array, l1: float, l2: float) -> None:
    """grads += what `backward` gives for d_penalty = 1: for a loop that has the gradient of the loss already."""
    for i in range(params.size):
        grads[i] += _slope(params, i, params.dtype.type(1), l1, l2)


@compiled
def _slope(x: Array, i: int, d_penalty: float, l1: float, l2: float) -> Any:
    real = x.dtype.type
    d = real(0)
    if l1 != 0:
        d += d_penalty * real(l1) * (real(1) if x[i] > 0 else (real(-1) if x[i] < 0 else x[i]))  # zero and NaN stay
    if l2 != 0:
        d += d_penalty * real(l2) * (real(2) * x[i])
    return d
