"""The scaled exponential linear unit (Klambauer et al. 2017): keeps mean 0 and variance 1 from layer to layer."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array

# Chosen so that inputs of mean 0 and variance 1 give outputs of mean 0 and variance 1.
SCALE = 1.0507009873554804934193349852946
SCALE_ALPHA = 1.7580993408473768599402175208123  # SCALE times alpha = 1.6732632...


def forward(x: Array, out: Array) -> None:
    """out = SCALE x where x >= 0, else SCALE_ALPHA (e^x - 1); any shape. Not expm1, as in `elu`."""
    real, below = x.real.dtype.type, x.real < 0
    out[:] = np.where(below, real(SCALE_ALPHA) * (np.exp(np.where(below, x, 0)) - 1), real(SCALE) * x)


def backward(d_out: Array, out: Array, d_x: Array) -> None:
    """SCALE where out >= 0, else SCALE_ALPHA e^x = out + SCALE_ALPHA: the saved output is enough."""
    real = out.dtype.type
    d_x[:] = d_out * np.where(out < 0, out + real(SCALE_ALPHA), real(SCALE))


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    real = out.dtype.type
    zero, one, scale, scale_alpha = real(0), real(1), real(SCALE), real(SCALE_ALPHA)
    for i in range(x.size):
        v = x[i]
        bent = scale_alpha * (exp(v if v < zero else zero) - one)
        out[i] = bent if v < zero else scale * v


@compiled
def backward_compiled(d_out: Array, out: Array, d_x: Array) -> None:
    real = out.dtype.type
    zero, scale, scale_alpha = real(0), real(SCALE), real(SCALE_ALPHA)
    for i in range(d_x.size):
        d_x[i] = d_out[i] * (out[i] + scale_alpha if out[i] < zero else scale)
