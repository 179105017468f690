"""Adam (Kingma & Ba 2014): running means of the gradient and of its square, corrected for their start at zero."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array, DType
from tinynn.kernels.bias_correction import bias_correction


def effective_rate(t: Array, learning_rate: float | Array, beta_1: float, beta_2: float, dtype: DType) -> Array:
    """a = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t),  t = 1, 2, 3, ...;  t (n,), learning_rate a number or (n,) -> (n,)

    m and v start at zero and lag behind; after t steps m holds 1 - beta_1^t of the mean of g, v 1 - beta_2^t of that of
    g^2. Every operation is in the parameters' precision, as in Keras, except that Keras casts the betas by way of float32
    even to float64: 1 - 0.999 is off by 1.3e-5 in either, which makes the first step 6.7e-6 short, relatively.
    """
    left_1, left_2 = (bias_correction(t, beta, dtype) for beta in (beta_1, beta_2))
    return np.asarray(np.asarray(learning_rate, dtype) * np.sqrt(left_2) / left_1)


def step(
    params: Array,
    grads: Array,
    m: Array,
    v: Array,
    v_max: Array,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """One Adam step over the whole flat vector, in place. All arrays (n_params,); rate is `effective_rate` of the step.

    m <- m + (g - m)(1 - beta_1)                 running mean of g
    v <- v + (g^2 - v)(1 - beta_2)               running mean of g^2
    w <- max(w, v)                               v_max, only for AMSGrad (Reddi et al. 2018): empty switches it off, w = v
    p <- p - rate m / (sqrt(w) + epsilon)

    The form above section 2.1 of the paper, as in Keras; PyTorch and optax follow its Algorithm 1 (another epsilon).
    """
    m += (grads - m) * (1 - beta_1)
    v += (grads * grads - v) * (1 - beta_2)
    if v_max.size:
        np.maximum(v_max, v, out=v_max)
        v = v_max
    params -= m * rate / (np.sqrt(v) + epsilon)


@compiled
def step_compiled(
    params: Array,
    grads: Array,
    m: Array,
    v: Array,
    v_max: Array,
    rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    real = params.dtype.type  # scalars in the parameters' precision, as NumPy does for us
    a, gain_1, gain_2, eps = real(rate), real(1 - beta_1), real(1 - beta_2), real(epsilon)
    if v_max.size:
        for i in range(params.size):
            m[i] += (grads[i] - m[i]) * gain_1
            v[i] += (grads[i] * grads[i] - v[i]) * gain_2
            v_max[i] = v_max[i] if v_max[i] >= v[i] or v_max[i] != v_max[i] else v[i]  # NaN stays, as in np.maximum
            params[i] -= m[i] * a / (np.sqrt(v_max[i]) + eps)
        return
    for i in range(params.size):  # one pass over memory instead of a dozen
        m[i] += (grads[i] - m[i]) * gain_1
        v[i] += (grads[i] * grads[i] - v[i]) * gain_2
        params[i] -= m[i] * a / (np.sqrt(v[i]) + eps)
