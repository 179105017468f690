"""Dropout (Srivastava et al. 2014): factors of 0 or 1 / (1 - rate), drawn from Keras's Philox stream.

The reference draws its mask in `tinynn.random`; the twin here draws the same one, a part of the columns at a time, so that
threads can share a layer. That the two agree bit for bit is a test.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array
from tinynn.kernels.philox import fraction_32, fraction_64, stream_of, words_of
from tinynn.random import streams


def factors(seed: int, uses: int, rate: float, width: int, first: int, out: Array) -> None:
    """out[b,i] = 0 with probability `rate`, else 1 / (1 - rate): columns first, first + 1, ... of a (batch, width) mask.

    uses: how often the seed was drawn from before. out (batch, columns).
    """
    kept = streams.keep_mask(np.array([seed, uses]), (len(out), width), rate, out.dtype)[
        :, first : first + out.shape[1]
    ]
    out[:] = kept * out.dtype.type(1 / (1 - rate))


def forward(x: Array, factors: Array, out: Array) -> None:
    """out = x factors: the expectation stays."""
    np.multiply(x, factors, out=out)


def backward(d_out: Array, factors: Array, d_x: Array) -> None:
    """Each input moves its output by its factor."""
    np.multiply(d_out, factors, out=d_x)


@compiled
def factors_compiled(seed: int, uses: int, rate: float, width: int, first: int, out: Array) -> None:
    zero, real = np.uint64(0), out.dtype.type
    kept, limit = real(1 / (1 - rate)), real(rate)
    k0, k1, upper_0, upper_1 = stream_of(seed, uses)
    per_block = 4 if out.itemsize == 4 else 2
    known = -1
    w0, w1, w2, w3 = zero, zero, zero, zero
    for b in range(out.shape[0]):
        for i in range(out.shape[1]):
            index = b * width + first + i
            block = index // per_block
            if block != known:
                w0, w1, w2, w3 = words_of(block, k0, k1, upper_0, upper_1)
                known = block
            at = index - block * per_block
            if per_block == 4:
                uniform = real(fraction_32(w0 if at == 0 else (w1 if at == 1 else (w2 if at == 2 else w3))))
            else:
                uniform = real(fraction_64(w0, w1) if at == 0 else fraction_64(w2, w3))
            out[b, i] = kept if uniform >= limit else real(0)


@compiled
def forward_compiled(x: Array, factors: Array, out: Array) -> None:
    """All (batch, columns); the twin of `backward` is the same."""
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[b, i] = x[b, i] * factors[b, i]
