"""Normal numbers for `GaussianNoise` and `GaussianDropout`, drawn from Keras's Philox stream.

The reference draws them in `tinynn.random`; the twin here draws the same ones. In float32 they agree bit for bit: logarithm,
sine and cosine are taken in float64 and rounded once. In float64 they differ by a unit in the last place here and there, where
the C library and NumPy round those functions differently.
"""

from __future__ import annotations

import math

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array
from tinynn.kernels.philox import fraction_32, fraction_64, stream_of, words_of
from tinynn.random import streams


def factors(seed: int, uses: int, mean: float, stddev: float, out: Array) -> None:
    """out = mean + stddev z,  z normal with variance 1.  uses: how often the seed was drawn from before. out (size,)."""
    out[:] = streams.normal(np.array([seed, uses]), out.shape, mean, stddev, out.dtype)


@compiled
def factors_compiled(seed: int, uses: int, mean: float, stddev: float, out: Array) -> None:
    """As `tinynn.random.streams.box_muller`: uniform u, v give the pair r sin(2 pi v), r cos(2 pi v), r^2 = -2 ln u."""
    real = out.dtype.type
    level, scale, two = real(mean), real(stddev), real(2)
    k0, k1, upper_0, upper_1 = stream_of(seed, uses)
    least = np.float64(real(1e-7))
    pairs = 2 if out.itemsize == 4 else 1  # of numbers in a block
    for pair in range((out.size + 1) // 2):
        w0, w1, w2, w3 = words_of(pair // pairs, k0, k1, upper_0, upper_1)
        if pairs == 1:
            u, v = fraction_64(w0, w1), fraction_64(w2, w3)
        elif pair % 2 == 0:
            u, v = np.float64(fraction_32(w0)), np.float64(fraction_32(w1))
        else:
            u, v = np.float64(fraction_32(w2)), np.float64(fraction_32(w3))
        radius = np.sqrt(-two * real(math.log(max(u, least))))
        angle = np.float64(real(np.float64(2 * np.pi) * v))
        out[2 * pair] = real(math.sin(angle)) * radius * scale + level
        if 2 * pair + 1 < out.size:
            out[2 * pair + 1] = real(math.cos(angle)) * radius * scale + level
