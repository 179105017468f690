"""Adagrad (Duchi et al. 2011): each parameter's steps shrink with the gradients it has seen."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def step(params: Array, grads: Array, accumulator: Array, rate: float, epsilon: float) -> None:
    """One Adagrad step over the whole flat vector, in place. All arrays (n_params,).

    a <- a + g^2                                      accumulator, from initial_accumulator_value on
    p <- p - rate g / sqrt(a + epsilon)

    epsilon stands inside the root, as in Keras; PyTorch adds it to the root.
    """
    accumulator += grads * grads
    params -= rate * grads / np.sqrt(accumulator + epsilon)


@compiled
def step_compiled(params: Array, grads: Array, accumulator: Array, rate: float, epsilon: float) -> None:
    a, eps = params.dtype.type(rate), params.dtype.type(epsilon)
    for i in range(params.size):
        accumulator[i] += grads[i] * grads[i]
        params[i] -= a * grads[i] / np.sqrt(accumulator[i] + eps)
