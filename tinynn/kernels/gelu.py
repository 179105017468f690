"""The Gaussian error linear unit (Hendrycks & Gimpel 2016): x times the chance that a normal number is below x."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array
from tinynn.kernels.elementary import ERFC_32, ERFC_64, erfc

# TensorFlow rounds this one constant to float32 whatever the precision of x; from the true 1/sqrt 2 it differs by 1.7e-8
# relatively, and so would the outputs.
ROOT_HALF = float(np.float32(0.7071067811865476))
TWO_OVER_ROOT_PI = 1.1283791670955126


def forward(x: Array, out: Array) -> None:
    """out = x P(N <= x) = x/2 erfc(-x / sqrt 2), any shape.

    erfc, rather than 1 + erf, keeps all digits where x is negative and P small.
    """
    real = x.real.dtype.type
    out[:] = real(0.5) * x * _erfc(-x * real(ROOT_HALF))


def backward(d_out: Array, x: Array, d_x: Array) -> None:
    """By the product rule, with z = -x / sqrt 2 and erfc'(z) = -2/sqrt(pi) e^(-z^2):

    out' = erfc(z) / 2 + x/2 (2/sqrt(pi) e^(-z^2)) / sqrt 2
    """
    real = x.dtype.type
    z = -x * real(ROOT_HALF)
    bell = real(TWO_OVER_ROOT_PI) * np.exp(-z * z)
    d_x[:] = d_out * (real(0.5) * _erfc(z)) + d_out * (real(0.5) * x) * bell * real(ROOT_HALF)


def _erfc(z: Array) -> Array:
    """1 - erf z by the polynomial of `tinynn.kernels.elementary.erfc`, over an array."""
    real = z.real.dtype.type
    size = np.where(z.real < 0, -z, z)
    t = real(4) / (real(4) + size)
    y = t + t - real(1)
    coefficients = ERFC_32 if real is np.float32 else ERFC_64
    p = np.full_like(z, coefficients[0])
    for coefficient in coefficients[1:]:
        p = p * y + real(coefficient)
    tail = np.exp(-size * size) * t * p
    out: Array = np.where(z.real < 0, 2 - tail, tail)
    return out


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    real = out.dtype.type
    half, root_half = real(0.5), real(ROOT_HALF)
    for i in range(x.size):
        out[i] = half * x[i] * erfc(-x[i] * root_half, out)


@compiled
def backward_compiled(d_out: Array, x: Array, d_x: Array) -> None:
    real = d_x.dtype.type
    half, root_half, factor = real(0.5), real(ROOT_HALF), real(TWO_OVER_ROOT_PI)
    for i in range(d_x.size):
        z = -x[i] * root_half
        bell = factor * exp(-z * z)
        d_x[i] = d_out[i] * (half * erfc(z, d_x)) + d_out[i] * (half * x[i]) * bell * root_half
