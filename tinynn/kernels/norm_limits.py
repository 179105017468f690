"""Keep the lengths of a weight matrix's columns (or rows) within limits: what is done after an optimizer's step.

A `Dense` kernel is (fan_in, units), so that axis 0 is the weights into each unit (max-norm: Srivastava et al. 2014).
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(
    w: Array, min_value: float, max_value: float, rate: float, axis: int, epsilon: float, norms: Array, out: Array
) -> None:
    """out = w desired / (epsilon + n),   n = the length of w along axis 0 or 1,
    desired = rate clip(n, min_value, max_value) + (1 - rate) n

    w, out (rows, columns), possibly the same array; norms (columns,) for axis 0, (rows,) for axis 1, is filled with n.
    epsilon shortens every column a little, even one within the limits: Keras's way, kept.
    """
    real = w.dtype.type
    norms[:] = np.sqrt(np.square(w).sum(axis=axis))
    clipped = np.minimum(np.maximum(norms, real(min_value)), real(max_value))
    desired = clipped if rate == 1 else real(rate) * clipped + real(1 - rate) * norms
    out[:] = w * np.expand_dims(desired / (real(epsilon) + norms), axis)


def unit_forward(w: Array, axis: int, epsilon: float, norms: Array, out: Array) -> None:
    """out = w / (epsilon + n): length 1, up to epsilon. Shapes as above."""
    norms[:] = np.sqrt(np.square(w).sum(axis=axis))
    out[:] = w / np.expand_dims(w.dtype.type(epsilon) + norms, axis)


@compiled
def lengths_into(w: Array, axis: int, norms: Array) -> None:
    """norms = the lengths of w's columns (axis 0) or rows (axis 1)."""
    for j in range(norms.size):
        norms[j] = 0
    for i in range(w.shape[0]):
        for k in range(w.shape[1]):
            norms[k if axis == 0 else i] += w[i, k] * w[i, k]
    for j in range(norms.size):
        norms[j] = np.sqrt(norms[j])


@compiled
def forward_compiled(
    w: Array, min_value: float, max_value: float, rate: float, axis: int, epsilon: float, norms: Array, out: Array
) -> None:
    real = w.dtype.type
    low, high, eps, towards, away = real(min_value), real(max_value), real(epsilon), real(rate), real(1 - rate)
    lengths_into(w, axis, norms)
    for i in range(w.shape[0]):
        for k in range(w.shape[1]):
            n = norms[k if axis == 0 else i]
            desired = n if n >= low or n != n else low  # NaN stays, as in np.maximum
            desired = desired if desired <= high or n != n else high
            if rate != 1:
                desired = towards * desired + away * n
            out[i, k] = w[i, k] * (desired / (eps + n))


@compiled
def unit_forward_compiled(w: Array, axis: int, epsilon: float, norms: Array, out: Array) -> None:
    eps = w.dtype.type(epsilon)
    lengths_into(w, axis, norms)
    for i in range(w.shape[0]):
        for k in range(w.shape[1]):
            out[i, k] = w[i, k] / (eps + norms[k if axis == 0 else i])
