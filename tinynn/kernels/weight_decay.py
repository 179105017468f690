"""Weights that shrink by themselves, apart from the gradient (decoupled weight decay, Loshchilov & Hutter 2019).

Keras casts the decay, a Python number, by way of float32 even beside float64 parameters, and so do we.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def shrink(params: Array, starts: Array, decays: Array, learning_rate: float) -> None:
    """p <- p - p decay learning_rate, over the whole flat vector, in place, before the optimizer's own step.

    params (n_params,). decays (variables,) float64: variable k, params[starts[k] : starts[k + 1]], has decays[k]; 0 leaves it
    alone. learning_rate is the plain one, not the corrected one of Adam and its kin. PyTorch's AdamW does the same; the
    penalty L2 of a regularizer differs, as an adaptive rule would divide it by the gradient's size.
    """
    for start, stop, decay in zip(starts, starts[1:], decays):
        if decay:
            params[start:stop] -= params[start:stop] * float(np.float32(decay)) * learning_rate


@compiled
def shrink_compiled(params: Array, starts: Array, decays: Array, learning_rate: float) -> None:
    rate = params.dtype.type(learning_rate)
    for k in range(decays.size):
        decay = params.dtype.type(np.float32(decays[k]))
        if decays[k] != 0:
            for i in range(starts[k], starts[k + 1]):
                params[i] -= params[i] * decay * rate
