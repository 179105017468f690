"""Stochastic gradient descent, with momentum (Polyak 1964) and Nesterov's look-ahead (Sutskever et al. 2013).

Keras casts the momentum, a Python number, by way of float32 even beside float64 parameters, and so do we.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def step(params: Array, grads: Array, learning_rate: float) -> None:
    """p <- p - learning_rate g, over the whole flat vector, in place. params, grads (n_params,)"""
    params -= grads * learning_rate


def momentum_step(params: Array, grads: Array, velocity: Array, learning_rate: float, momentum: float) -> None:
    """v <- momentum v - learning_rate g;  p <- p + v.  velocity (n_params,), zeros at first.

    PyTorch keeps v without the learning rate in it; the two differ when the rate changes on the way.
    """
    velocity *= float(np.float32(momentum))
    velocity -= grads * learning_rate
    params += velocity


def nesterov_step(params: Array, grads: Array, velocity: Array, learning_rate: float, momentum: float) -> None:
    """v <- momentum v - learning_rate g;  p <- p + momentum v - learning_rate g: a step from where v is about to lead."""
    momentum = float(np.float32(momentum))
    velocity *= momentum
    velocity -= grads * learning_rate
    params += velocity * momentum - grads * learning_rate


@compiled
def step_compiled(params: Array, grads: Array, learning_rate: float) -> None:
    rate = params.dtype.type(learning_rate)  # scalars in the parameters' precision, as NumPy does for us
    for i in range(params.size):
        params[i] -= grads[i] * rate


@compiled
def momentum_step_compiled(params: Array, grads: Array, velocity: Array, learning_rate: float, momentum: float) -> None:
    rate, kept = params.dtype.type(learning_rate), params.dtype.type(np.float32(momentum))
    for i in range(params.size):
        velocity[i] = velocity[i] * kept - grads[i] * rate
        params[i] += velocity[i]


@compiled
def nesterov_step_compiled(params: Array, grads: Array, velocity: Array, learning_rate: float, momentum: float) -> None:
    rate, kept = params.dtype.type(learning_rate), params.dtype.type(np.float32(momentum))
    for i in range(params.size):
        velocity[i] = velocity[i] * kept - grads[i] * rate
        params[i] += velocity[i] * kept - grads[i] * rate
