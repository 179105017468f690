"""Schedule-free AdamW (Defazio et al. 2024): an average of the iterates in place of a falling learning rate."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array, DType
from tinynn.kernels.bias_correction import bias_correction


def effective_rates(t: Array, learning_rate: float | Array, beta_2: float, warmup_steps: int, dtype: DType) -> Array:
    """learning_rate min(t / warmup_steps, 1), 1 - beta_2^t, 1 / t of steps t = 1, 2, 3, ...;  t (n,) -> (n, 3)

    In the parameters' precision; beta_2 by way of float32, as in Keras.
    """
    real, steps = dtype.type, t.astype(dtype)
    rate = np.broadcast_to(np.asarray(learning_rate, dtype), steps.shape)
    if warmup_steps > 0:
        rate = rate * np.minimum(steps / real(warmup_steps), real(1))
    return np.stack([rate, bias_correction(t, beta_2, dtype), real(1) / steps], axis=1)


def step(
    params: Array,
    grads: Array,
    momentum: Array,
    velocity: Array,
    rates: Array,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """One step over the whole flat vector, in place. All arrays (n_params,); rates (3,) is `effective_rates` of the step.

    v <- v + (g^2 - v)(1 - beta_2)                             velocity
    z <- z - rates[0] g / (sqrt(v / rates[1]) + epsilon)       momentum: the iterate itself, the parameters at first
    x  = (p - (1 - beta_1) z) / beta_1                         the average so far, which is not kept but found again
    x <- (1 - rates[2]) x + rates[2] z
    p <- (1 - beta_1) z + beta_1 x                             where gradients are taken

    The paper finds x with z before its change. Keras means to, but holds on to the variable rather than to its value, and
    so sees the new one; as we match its numbers, so do we.
    """
    kept_1, kept_2, epsilon = (float(np.float32(number)) for number in (beta_1, beta_2, epsilon))
    rate, left, weight = (float(number) for number in rates)
    velocity += (grads * grads - velocity) * (1 - kept_2)
    momentum -= rate * grads / (np.sqrt(velocity / left) + epsilon)
    average = (params - (1 - kept_1) * momentum) / kept_1
    average = (params.dtype.type(1) - params.dtype.type(weight)) * average + weight * momentum
    params[:] = (1 - kept_1) * momentum + kept_1 * average


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    momentum: Array,
    velocity: Array,
    rates: Array,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    kept, gain, eps = real(np.float32(beta_1)), real(1) - real(np.float32(beta_2)), real(np.float32(epsilon))
    rate, left, weight, one = real(rates[0]), real(rates[1]), real(rates[2]), real(1)
    for i in range(params.size):
        g = grads[i]
        velocity[i] += (g * g - velocity[i]) * gain
        momentum[i] -= rate * g / (np.sqrt(velocity[i] / left) + eps)
        average = (params[i] - (one - kept) * momentum[i]) / kept
        average = (one - weight) * average + weight * momentum[i]
        params[i] = (one - kept) * momentum[i] + kept * average
