"""RMSprop (Hinton 2012, lecture 6e): divide the gradient by a running mean of its size; centered: Graves 2013."""

from __future__ import annotations

import numpy as np

from tinynn._typing import Array


def step(
    params: Array,
    grads: Array,
    mean_square: Array,
    mean_grad: Array,
    velocity: Array,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> None:
    """One RMSprop step over the whole flat vector, in place. All arrays (n_params,); empty slots switch their line off.

    s <- rho s + (1 - rho) g^2                                       mean_square, running mean of g^2
    a <- rho a + (1 - rho) g                                         mean_grad, only when centered
    u  = learning_rate g / sqrt(s - a^2 + epsilon)                   a = 0 unless centered
    v <- momentum v + u;  p <- p - v                                 velocity, only with momentum; else p <- p - u

    epsilon stands inside the root, as in Keras; PyTorch and optax (by default) add it to the root.
    """
    mean_square *= rho
    mean_square += (1 - rho) * (grads * grads)
    if mean_grad.size:
        mean_grad *= rho
        mean_grad += (1 - rho) * grads
        denominator = mean_square - mean_grad * mean_grad + epsilon
    else:
        denominator = mean_square + epsilon
    increment = learning_rate * grads / np.sqrt(denominator)
    if velocity.size:
        velocity *= momentum
        velocity += increment
        params -= velocity
    else:
        params -= increment
