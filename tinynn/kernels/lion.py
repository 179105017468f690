"""Lion (Chen et al. 2023): steps of one length in every direction, by the sign of a momentum."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def step(params: Array, grads: Array, momentum: Array, rate: float, beta_1: float, beta_2: float) -> None:
    """One Lion step over the whole flat vector, in place. All arrays (n_params,).

    p <- p - rate sign(beta_1 m + (1 - beta_1) g)
    m <- beta_2 m + (1 - beta_2) g                    momentum: remembers longer than what the step is taken by

    The sign of 0 is 0. The betas by way of float32, as in Keras.
    """
    beta_1, beta_2 = float(np.float32(beta_1)), float(np.float32(beta_2))
    params -= rate * np.sign(momentum * beta_1 + grads * (1 - beta_1))
    momentum *= beta_2
    momentum += grads * (1 - beta_2)


@compiled
def step_compiled(params: Array, grads: Array, momentum: Array, rate: float, beta_1: float, beta_2: float) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    a, kept_1, kept_2 = real(rate), real(np.float32(beta_1)), real(np.float32(beta_2))
    gain_1, gain_2 = real(1) - kept_1, real(1) - kept_2
    for i in range(params.size):
        towards = momentum[i] * kept_1 + grads[i] * gain_1
        if towards > 0:
            params[i] -= a
        elif towards < 0:
            params[i] += a
        elif towards != towards:
            params[i] = towards
        momentum[i] = momentum[i] * kept_2 + grads[i] * gain_2
