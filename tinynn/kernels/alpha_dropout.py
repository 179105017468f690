"""Alpha dropout (Klambauer et al. 2017): dropout for SELU networks, which keeps mean 0 and variance 1.

Dropped entries become SELU's limit for x -> -inf, `SATURATED`, instead of 0, and an affine map puts mean and variance back.
"""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array

SATURATED = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


def _affine(rate: float) -> tuple[float, float]:
    """(a, b): for x of mean 0 and variance 1, a (x kept + SATURATED (1 - kept)) + b has mean 0 and variance 1 again.

    The mixture has mean rate SATURATED and variance (1 - rate)(1 + rate SATURATED^2).
    """
    a = ((1 - rate) * (1 + rate * SATURATED**2)) ** -0.5
    return a, -a * SATURATED * rate


def forward(x: Array, kept: Array, rate: float, out: Array) -> None:
    """out = a (x kept + SATURATED (1 - kept)) + b;  kept (1 or 0 for each entry, in x's dtype) in the shape of x."""
    a, b = _affine(rate)
    real = x.dtype.type
    out[:] = real(a) * (x * kept + real(SATURATED) * (1 - kept)) + real(b)


def backward(d_out: Array, kept: Array, rate: float, d_x: Array) -> None:
    """dL/dx = a kept d_out."""
    d_x[:] = d_out * d_out.dtype.type(_affine(rate)[0]) * kept


@compiled
def forward_compiled(x: Array, kept: Array, rate: float, out: Array) -> None:
    """All (size,)."""
    real = x.dtype.type
    gain = ((1 - rate) * (1 + rate * SATURATED**2)) ** -0.5
    a, b, saturated, one = real(gain), real(-gain * SATURATED * rate), real(SATURATED), real(1)
    for i in range(x.size):
        out[i] = a * (x[i] * kept[i] + saturated * (one - kept[i])) + b


@compiled
def backward_compiled(d_out: Array, kept: Array, rate: float, d_x: Array) -> None:
    """All (size,)."""
    a = d_out.dtype.type(((1 - rate) * (1 + rate * SATURATED**2)) ** -0.5)
    for i in range(d_out.size):
        d_x[i] = d_out[i] * a * kept[i]
