"""Penalties of `tinynn.regularizers` as recorded operations: a number from a variable's values."""

from __future__ import annotations

import numpy as np

from tinynn._typing import Array
from tinynn.engine.tape import Backward, differentiable
from tinynn.kernels import l1_l2 as l1_l2_kernel
from tinynn.kernels import orthogonality as orthogonality_kernel


@differentiable
def l1_l2(x: Array, *, l1: float, l2: float) -> tuple[Array, Backward]:
    """l1 sum |x| + l2 sum x^2, in x's precision: a number, of shape ()."""
    penalty = np.empty(1, x.dtype)
    l1_l2_kernel.forward(x, l1, l2, penalty)

    def backward(d_penalty: Array) -> Array:
        d_x = np.empty_like(x)
        l1_l2_kernel.backward(np.reshape(d_penalty, 1), np.atleast_1d(x), l1, l2, np.atleast_1d(d_x))
        return d_x

    return penalty.reshape(()), backward


@differentiable
def orthogonality(x: Array, *, factor: float, epsilon: float) -> tuple[Array, Backward]:
    """factor times the mean absolute cosine between different rows of x (rows, columns): a number, of shape ()."""
    unit, inverse, penalty = np.empty_like(x), np.empty(len(x), x.dtype), np.empty(1, x.dtype)
    orthogonality_kernel.forward(x, factor, epsilon, unit, inverse, penalty)

    def backward(d_penalty: Array) -> Array:
        d_x = np.empty_like(x)
        orthogonality_kernel.backward(np.reshape(d_penalty, 1), factor, epsilon, unit, inverse, d_x)
        return d_x

    return penalty.reshape(()), backward
