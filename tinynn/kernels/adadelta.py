"""Adadelta (Zeiler 2012): steps in the units of the parameters, from running means of gradients and of past steps."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def step(
    params: Array,
    grads: Array,
    accumulated_grad: Array,
    accumulated_delta_var: Array,
    rate: float,
    rho: float,
    epsilon: float,
) -> None:
    """One Adadelta step over the whole flat vector, in place. All arrays (n_params,), the slots zeros at first.

    a <- rho a + (1 - rho) g^2                        accumulated_grad
    d  = -sqrt(x + epsilon) g / sqrt(a + epsilon)
    x <- rho x + (1 - rho) d^2                        accumulated_delta_var
    p <- p + rate d                                   rate is 1 in the paper, 0.001 by default in Keras
    """
    accumulated_grad *= rho
    accumulated_grad += (1 - rho) * (grads * grads)
    delta = -(np.sqrt(accumulated_delta_var + epsilon) * grads / np.sqrt(accumulated_grad + epsilon))
    accumulated_delta_var *= rho
    accumulated_delta_var += (1 - rho) * (delta * delta)
    params += rate * delta


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    accumulated_grad: Array,
    accumulated_delta_var: Array,
    rate: float,
    rho: float,
    epsilon: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    a, kept, gain, eps = real(rate), real(rho), real(1 - rho), real(epsilon)
    for i in range(params.size):
        g = grads[i]
        accumulated_grad[i] = accumulated_grad[i] * kept + gain * (g * g)
        delta = -(np.sqrt(accumulated_delta_var[i] + eps) * g / np.sqrt(accumulated_grad[i] + eps))
        accumulated_delta_var[i] = accumulated_delta_var[i] * kept + gain * (delta * delta)
        params[i] += a * delta
