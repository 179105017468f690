"""Dropout (Srivastava et al. 2014): factors of 0 or 1 / (1 - rate), drawn from Keras's Philox stream.

The reference draws its mask in `tinynn.random`; the twin here draws the same one, a part of the columns at a time, so that
threads can share a layer. That the two agree bit for bit is a test.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array
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


_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_STEP_0, _STEP_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_MIXER_0, _MIXER_1 = np.uint64(0x3EC8F720), np.uint64(0x02461E29)
_MODULUS = 2**31 - 2
_MANTISSA_32, _MANTISSA_64 = np.uint64(0x7FFFFF), np.uint64(0xFFFFF)


@compiled
def _philox(x0: Any, x1: Any, x2: Any, x3: Any, k0: Any, k1: Any) -> Any:
    """Ten rounds of Philox 4x32 (`tinynn.random.philox`): four words from a counter and a key, all uint64 below 2^32."""
    for _ in range(10):
        p, q = x0 * _MULTIPLY_0, x2 * _MULTIPLY_1
        x0, x1, x2, x3 = (q >> _HALF) ^ x1 ^ k0, q & _LOW, (p >> _HALF) ^ x3 ^ k1, p & _LOW
        k0, k1 = (k0 + _STEP_0) & _LOW, (k1 + _STEP_1) & _LOW
    return x0, x1, x2, x3


@compiled
def factors_compiled(seed: int, uses: int, rate: float, width: int, first: int, out: Array) -> None:
    zero, real = np.uint64(0), out.dtype.type
    kept, limit = real(1 / (1 - rate)), real(rate)
    k0, k1, upper_0, upper_1 = _philox(
        np.uint64(seed % _MODULUS), zero, np.uint64(uses % _MODULUS), zero, _MIXER_0, _MIXER_1
    )
    per_block = 4 if out.itemsize == 4 else 2
    known = -1
    w0, w1, w2, w3 = zero, zero, zero, zero
    for b in range(out.shape[0]):
        for i in range(out.shape[1]):
            index = b * width + first + i
            block = index // per_block
            if block != known:
                place = np.uint64(block)
                w0, w1, w2, w3 = _philox(place & _LOW, place >> _HALF, upper_0, upper_1, k0, k1)
                known = block
            at = index - block * per_block
            if per_block == 4:
                word = w0 if at == 0 else (w1 if at == 1 else (w2 if at == 2 else w3))
                uniform = real(word & _MANTISSA_32) * real(2.0**-23)
            else:
                high, low = (w0, w1) if at == 0 else (w2, w3)
                uniform = real(((high & _MANTISSA_64) << _HALF) | low) * real(2.0**-52)
            out[b, i] = kept if uniform >= limit else real(0)


@compiled
def forward_compiled(x: Array, factors: Array, out: Array) -> None:
    """All (batch, columns); the twin of `backward` is the same."""
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[b, i] = x[b, i] * factors[b, i]
