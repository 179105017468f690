"""The rectified linear unit with all its options: a threshold, a top, a slope below the threshold; relu6 is one."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array

# With t = threshold, m = max_value, s = negative_slope the function is, for m > t >= 0,
#
#     out = s (x - t)   for x <= t             slope s
#           x           for t < x <= m         slope 1     (jumps from 0 to t at the threshold)
#           m           for x > m              slope 0
#
# What Keras computes, and what happens for other settings, is  out = min(max(r, 0), m) - s max(t - x, 0)  with r = x where
# x > t, else 0; without a top (m infinite) r is not kept above 0 either, which matters for t < 0 alone.


def forward(x: Array, negative_slope: float, max_value: float, threshold: float, out: Array) -> None:
    """The formula above, any shape; max_value = inf for no top. NaN stays NaN (in Keras, not with a threshold)."""
    top, zero = x.real.dtype.type(max_value), x.real.dtype.type(0)
    r = np.where(x.real <= threshold, zero, x)
    if max_value < np.inf:
        r = np.where(r.real < 0, zero, np.where(r.real > top, top, r))
    if negative_slope:
        t, slope = x.real.dtype.type(threshold), x.real.dtype.type(negative_slope)
        r = r - slope * np.where(x.real < t, t - x, zero)
    out[:] = r


def backward(d_out: Array, x: Array, negative_slope: float, max_value: float, threshold: float, d_x: Array) -> None:
    """1 for threshold < x <= max_value, negative_slope below the threshold, else 0.

    At the threshold itself neither side counts: 0. At the top TensorFlow's clip passes the gradient; its relu6, which Keras
    calls for max_value = 6 with threshold = 0, does not.
    """
    passes = x > threshold
    if max_value < np.inf:
        passes &= (x >= 0) & ((x < 6) if max_value == 6 and threshold == 0 else (x <= x.dtype.type(max_value)))
    d = d_out * passes
    if negative_slope:
        d = d + d_out * x.dtype.type(negative_slope) * (x < threshold)
    d_x[:] = d


@compiled
def forward_compiled(x: Array, negative_slope: float, max_value: float, threshold: float, out: Array) -> None:
    real = out.dtype.type
    zero, top, t, slope = real(0), real(max_value), real(threshold), real(negative_slope)
    bounded = max_value < np.inf
    for i in range(x.size):
        v = x[i]
        r = zero if v <= t else v
        if bounded:
            r = zero if r < zero else (top if r > top else r)
        if slope != zero:
            r = r - slope * (t - v if v < t else zero)
        out[i] = r


@compiled
def backward_compiled(
    d_out: Array, x: Array, negative_slope: float, max_value: float, threshold: float, d_x: Array
) -> None:
    real = d_x.dtype.type
    zero, one, top, t, slope = real(0), real(1), real(max_value), real(threshold), real(negative_slope)
    bounded, relu6 = max_value < np.inf, max_value == 6 and threshold == 0
    for i in range(d_x.size):
        v = x[i]
        factor = one if v > t else zero
        if bounded and not (v >= zero and v <= top and not (relu6 and v == top)):
            factor = zero
        d = d_out[i] * factor
        if slope != zero:
            d = d + d_out[i] * slope * (one if v < t else zero)
        d_x[i] = d
