"""Adam (Kingma & Ba 2014): running means of the gradient and of its square, corrected for their start at zero."""

from __future__ import annotations

import numpy as np

from tinynn._typing import Array, DType


def effective_rate(t: int, learning_rate: float, beta_1: float, beta_2: float, dtype: DType) -> float:
    """a = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t),  t = 1, 2, 3, ...

    m and v start at zero and lag behind; after t steps m holds 1 - beta_1^t of the mean of g, v 1 - beta_2^t of that of
    g^2. Every operation is in the parameters' precision, as in Keras: in float32 1 - 0.999 is off by 4.7e-5, which makes
    the first step 6.4e-6 short, relatively.
    """
    real = dtype.type
    one, steps = real(1), real(t)
    left_1 = one - np.power(real(beta_1), steps)
    left_2 = one - np.power(real(beta_2), steps)
    return float(real(learning_rate) * np.sqrt(left_2) / left_1)


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
