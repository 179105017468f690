"""Adamax (Kingma & Ba 2014, section 7.1): Adam with the largest gradient of late in place of the mean square."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array, DType
from tinynn.kernels.bias_correction import bias_correction


def effective_rate(t: Array, learning_rate: float | Array, beta_1: float, dtype: DType) -> Array:
    """a = learning_rate / (1 - beta_1^t),  t = 1, 2, 3, ...;  t (n,), learning_rate a number or (n,) -> (n,)

    momentum starts at zero; after t steps it holds 1 - beta_1^t of the mean of g. In the parameters' precision but for
    beta_1, which Keras casts by way of float32 even to float64.
    """
    return np.asarray(np.asarray(learning_rate, dtype) / bias_correction(t, beta_1, dtype))


def step(
    params: Array,
    grads: Array,
    momentum: Array,
    norm: Array,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """One Adamax step over the whole flat vector, in place. All arrays (n_params,); rate is `effective_rate` of the step.

    m <- m + (g - m)(1 - beta_1)                      momentum
    u <- max(beta_2 u, |g|)                           norm: of the whole past, weighted, the limit of a p-norm
    p <- p - rate m / (u + epsilon)

    The paper has no epsilon; Keras adds one so that a gradient that was always zero moves nothing.
    """
    momentum += (grads - momentum) * (1 - beta_1)
    np.maximum(norm * beta_2, np.abs(grads), out=norm)
    params -= rate * momentum / (norm + epsilon)


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    momentum: Array,
    norm: Array,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    a, gain, kept, eps = real(rate), real(1 - beta_1), real(beta_2), real(epsilon)
    for i in range(params.size):
        momentum[i] += (grads[i] - momentum[i]) * gain
        past, size = norm[i] * kept, abs(grads[i])
        norm[i] = past if past >= size or past != past else size  # NaN stays, as in np.maximum
        params[i] -= a * momentum[i] / (norm[i] + eps)
