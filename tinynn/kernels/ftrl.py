"""Follow the regularized leader, per coordinate (McMahan et al. 2013): weights that are exactly zero where L1 has its way."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp, log
from tinynn._typing import Array


def step(
    params: Array,
    grads: Array,
    accumulator: Array,
    linear: Array,
    rate: float,
    learning_rate_power: float,
    l1_regularization_strength: float,
    l2_regularization_strength: float,
    l2_shrinkage_regularization_strength: float,
    beta: float,
) -> None:
    """One FTRL step over the whole flat vector, in place. All arrays (n_params,).

    g' = g + 2 l2_shrinkage p
    a' = a + g^2                                      accumulator, from initial_accumulator_value on
    z <- z + g' - (a'^q - a^q) / rate p               linear;  q = -learning_rate_power, 1/2 by default: a root
    p <- (clip(z, -l1, l1) - z) / (a'^q / rate + 2 l2 + beta / rate)

    The weights are made anew from the sums at every step: p minimises z p + (a'^q / rate + ...) p^2 / 2 + l1 |p|. An L1
    strength above |z| makes it 0. l2_shrinkage acts on g' alone, so that the accumulator does not feel it.
    """
    q = -learning_rate_power
    shrunk = grads + (2 * l2_shrinkage_regularization_strength) * params
    before = _power(accumulator, q)
    accumulator += grads * grads
    after = _power(accumulator, q)
    linear += shrunk - (after - before) / rate * params
    l2 = l2_regularization_strength + beta / (2.0 * rate)
    quadratic = after / rate + 2 * l2
    clipped = np.clip(linear, -l1_regularization_strength, l1_regularization_strength)
    params[:] = (clipped - linear) / quadratic


def _power(x: Array, q: float) -> Array:
    return np.sqrt(x) if q == 0.5 else np.power(x, q)


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    accumulator: Array,
    linear: Array,
    rate: float,
    learning_rate_power: float,
    l1_regularization_strength: float,
    l2_regularization_strength: float,
    l2_shrinkage_regularization_strength: float,
    beta: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    a, q, l1 = real(rate), real(-learning_rate_power), real(l1_regularization_strength)
    shrinkage = real(2 * l2_shrinkage_regularization_strength)
    l2 = real(2 * (l2_regularization_strength + beta / (2.0 * rate)))
    root = learning_rate_power == -0.5
    for i in range(params.size):
        shrunk = grads[i] + shrinkage * params[i]
        new = accumulator[i] + grads[i] * grads[i]
        if root:
            before, after = np.sqrt(accumulator[i]), np.sqrt(new)
        elif q == 0:
            before, after = real(1), real(1)
        else:
            before, after = exp(q * log(accumulator[i])), exp(q * log(new))  # 0^q: exp(-inf) = 0
        linear[i] += shrunk - (after - before) / a * params[i]
        accumulator[i] = new
        z = linear[i]
        clipped = min(max(z, -l1), l1) if z == z else z
        params[i] = (clipped - z) / (after / a + l2)
