"""How much of a running mean is there after t steps: 1 - beta^t (Kingma & Ba 2014, section 3)."""

from __future__ import annotations

import numpy as np

from tinynn._typing import Array, DType


def bias_correction(t: Array, beta: float, dtype: DType) -> Array:
    """1 - beta^t,  t = 1, 2, 3, ... ascending (n,) -> (n,), in the dtype

    m <- beta m + (1 - beta) g from m = 0 has given the gradients of t steps the weights (1 - beta) beta^(t-1), ..., 1 - beta:
    1 - beta^t together, and m divided by that is a mean. beta goes by way of float32 even in float64, as in Keras.

    Powers below a quarter of epsilon are not asked for: without them 1 - beta^t rounds to 1 as well, and np.power takes
    thirty times as long for numbers that are not normal (0.9^t from t = 830 on, in float32).
    """
    real = dtype.type
    base = real(np.float32(beta))
    if len(t) and abs(float(base)) ** int(t[0]) < np.finfo(dtype).eps / 4:
        return np.ones(len(t), dtype)
    return np.asarray(real(1) - np.power(base, t.astype(dtype)))
