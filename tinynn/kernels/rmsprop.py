"""RMSprop (Hinton 2012, lecture 6e): divide the gradient by a running mean of its size; centered: Graves 2013."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
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


@compiled
def step_compiled(
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
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    rate, kept, gain, kept_velocity, eps = real(learning_rate), real(rho), real(1 - rho), real(momentum), real(epsilon)
    for i in range(params.size):
        g = grads[i]
        mean_square[i] = mean_square[i] * kept + gain * (g * g)
        denominator = mean_square[i]
        if mean_grad.size:
            mean_grad[i] = mean_grad[i] * kept + gain * g
            denominator -= mean_grad[i] * mean_grad[i]
        increment = rate * g / np.sqrt(denominator + eps)
        if velocity.size:
            velocity[i] = velocity[i] * kept_velocity + increment
            increment = velocity[i]
        params[i] -= increment
