"""Lamb (You et al. 2020): Adam's direction, with steps as long as each variable's weights are large."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array, DType
from tinynn.kernels.bias_correction import bias_correction


def effective_rates(t: Array, learning_rate: float | Array, beta_1: float, beta_2: float, dtype: DType) -> Array:
    """learning_rate, 1 - beta_1^t, 1 - beta_2^t of steps t = 1, 2, 3, ...;  t (n,), learning_rate a number or (n,) -> (n, 3)

    In the parameters' precision; the betas by way of float32, as in Keras.
    """
    rate = np.broadcast_to(np.asarray(learning_rate, dtype), t.shape)
    left_1, left_2 = (bias_correction(t, beta, dtype) for beta in (beta_1, beta_2))
    return np.stack([rate, left_1, left_2], axis=1)


def step(
    params: Array,
    grads: Array,
    momentum: Array,
    velocity: Array,
    starts: Array,
    rates: Array,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """One Lamb step over the whole flat vector, in place. params, grads and slots (n_params,); rates (3,), see above.

    m <- m + (g - m)(1 - beta_1)                      momentum
    v <- v + (g^2 - v)(1 - beta_2)                    velocity
    u  = m / rates[1] / (sqrt(v / rates[2]) + epsilon)
    p <- p - rates[0] |p| / |u| u                     variable by variable; the quotient is 1 where either norm is 0

    Variable k is params[starts[k] : starts[k + 1]]: the norms are taken over it, which no entry can know alone.
    """
    rate, left_1, left_2 = (float(number) for number in rates)
    momentum += (grads - momentum) * (1 - beta_1)
    velocity += (grads * grads - velocity) * (1 - beta_2)
    update = momentum / left_1 / (np.sqrt(velocity / left_2) + epsilon)
    for start, stop in pairwise(starts):
        p, u = params[start:stop], update[start:stop]
        norm_p, norm_u = np.sqrt(np.sum(p * p)), np.sqrt(np.sum(u * u))
        ratio = float(norm_p / norm_u) if norm_p > 0 and norm_u > 0 else 1.0
        p -= float(params.dtype.type(ratio) * params.dtype.type(rate)) * u


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    momentum: Array,
    velocity: Array,
    starts: Array,
    rates: Array,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    rate, left_1, left_2 = real(rates[0]), real(rates[1]), real(rates[2])
    gain_1, gain_2, eps = real(1 - beta_1), real(1 - beta_2), real(epsilon)
    for k in range(starts.size - 1):
        of_p, of_u = real(0), real(0)
        for i in range(starts[k], starts[k + 1]):
            momentum[i] += (grads[i] - momentum[i]) * gain_1
            velocity[i] += (grads[i] * grads[i] - velocity[i]) * gain_2
            u = momentum[i] / left_1 / (np.sqrt(velocity[i] / left_2) + eps)
            of_p += params[i] * params[i]
            of_u += u * u
        ratio = np.sqrt(of_p) / np.sqrt(of_u) if of_p > 0 and of_u > 0 else real(1)
        for i in range(starts[k], starts[k + 1]):  # u again rather than kept: a twin has no memory of its own
            u = momentum[i] / left_1 / (np.sqrt(velocity[i] / left_2) + eps)
            params[i] -= ratio * rate * u
