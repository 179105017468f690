"""Nadam (Dozat 2016): Adam with Nesterov's look-ahead and a momentum that grows on the way."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array, DType
from tinynn.kernels.bias_correction import bias_correction


def u_products(u_product: float, t: Array, beta_1: float, dtype: DType) -> Array:
    """prod_s u_s after steps t = t_0, t_0 + 1, ... given that before t_0, where u_s = beta_1 (1 - 0.96^s / 2). t (n,) -> (n,)

    One multiplication after another, in Keras's order, so that many steps asked for at once round as one by one.
    """
    grown = dtype.type(1) - dtype.type(0.5) * np.power(dtype.type(0.96), t.astype(dtype))
    factors = np.empty(2 * len(t) + 1, dtype)
    factors[0], factors[1::2], factors[2::2] = u_product, beta_1, grown
    return np.asarray(np.multiply.accumulate(factors)[2::2])


def effective_rates(
    t: Array, learning_rate: float | Array, beta_1: float, beta_2: float, products: Array, dtype: DType
) -> Array:
    """What `step` needs to know of steps t = 1, 2, 3, ...: the factors of m, of g, and what v still lacks. t (n,) -> (n, 3)

        learning_rate u_{t+1} / (1 - U_{t+1}),   learning_rate (1 - u_t) / (1 - U_t),   1 - beta_2^t

    with u_t = beta_1 (1 - 0.96^t / 2) and U_t = u_1 ... u_t, which is `products` (n,). In the parameters' precision, but
    the betas and 0.96 by way of float32, as in Keras (whose products, however, know them in full).
    """
    real = dtype.type
    steps, rate = t.astype(dtype), np.asarray(learning_rate, dtype)
    decay, b_1 = (real(np.float32(number)) for number in (0.96, beta_1))
    u = b_1 * (real(1) - real(0.5) * np.power(decay, steps))
    u_next = b_1 * (real(1) - real(0.5) * np.power(decay, steps + real(1)))
    of_m = rate * u_next / (real(1) - products * u_next)
    of_g = rate * (real(1) - u) / (real(1) - products)
    return np.stack([of_m, of_g, bias_correction(t, beta_2, dtype)], axis=1)


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
    """One Nadam step over the whole flat vector, in place. All arrays (n_params,); rates (3,) is `effective_rates` of the step.

    m <- m + (g - m)(1 - beta_1)                      momentum
    v <- v + (g^2 - v)(1 - beta_2)                    velocity
    p <- p - (rates[0] m + rates[1] g) / (sqrt(v / rates[2]) + epsilon)

    m with the momentum of the next step, g with what this step's leaves: Nesterov's look-ahead. The betas by way of
    float32, as in Keras. PyTorch has the schedule's 0.96 to the power of 0.004 t, as in Dozat's thesis.
    """
    kept_1, kept_2 = float(np.float32(beta_1)), float(np.float32(beta_2))
    of_m, of_g, left = (float(rate) for rate in rates)
    momentum += (grads - momentum) * (1 - kept_1)
    velocity += (grads * grads - velocity) * (1 - kept_2)
    params -= (of_m * momentum + of_g * grads) / (np.sqrt(velocity / left) + epsilon)


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
    gain_1, gain_2 = real(1) - real(np.float32(beta_1)), real(1) - real(np.float32(beta_2))
    of_m, of_g, left, eps = real(rates[0]), real(rates[1]), real(rates[2]), real(epsilon)
    for i in range(params.size):
        g = grads[i]
        momentum[i] += (g - momentum[i]) * gain_1
        velocity[i] += (g * g - velocity[i]) * gain_2
        params[i] -= (of_m * momentum[i] + of_g * g) / (np.sqrt(velocity[i] / left) + eps)
