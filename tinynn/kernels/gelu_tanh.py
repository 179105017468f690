"""The Gaussian error linear unit with its tanh approximation (Hendrycks & Gimpel 2016), off by at most 5e-4."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, tanh
from tinynn._typing import Array

ROOT_TWO_OVER_PI = 0.7978845608028654
CUBIC = float(np.float32(0.044715))  # TensorFlow rounds it to float32 whatever the precision of x


def forward(x: Array, out: Array) -> None:
    """out = x/2 (1 + tanh u),  u = sqrt(2/pi) (x + 0.044715 x^3); any shape."""
    real = x.real.dtype.type
    u = real(ROOT_TWO_OVER_PI) * (x + real(CUBIC) * (x * x * x))
    out[:] = real(0.5) * x * (1 + np.tanh(u))


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """out' = (1 + tanh u) / 2 + x/2 (1 - tanh^2 u) u',  u' = sqrt(2/pi) (1 + 3 0.044715 x^2)"""
    real = x.dtype.type
    u = real(ROOT_TWO_OVER_PI) * (x + real(CUBIC) * (x * x * x))
    t = np.tanh(u)
    d_u = d_out * (real(0.5) * x) * (1 - t * t) * real(ROOT_TWO_OVER_PI)
    d_x[:] = d_out * (real(0.5) * (1 + t)) + d_u + d_u * real(CUBIC) * (3 * (x * x))


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    real = out.dtype.type
    half, one, root, cubic = real(0.5), real(1), real(ROOT_TWO_OVER_PI), real(CUBIC)
    for i in range(x.size):
        v = x[i]
        out[i] = half * v * (one + tanh(root * (v + cubic * (v * v * v))))


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    real = d_x.dtype.type
    half, one, three, root, cubic = real(0.5), real(1), real(3), real(ROOT_TWO_OVER_PI), real(CUBIC)
    for i in range(d_x.size):
        v = x[i]
        t = tanh(root * (v + cubic * (v * v * v)))
        d_u = d_out[i] * (half * v) * (one - t * t) * root
        d_x[i] = d_out[i] * (half * (one + t)) + d_u + d_u * cubic * (three * (v * v))
