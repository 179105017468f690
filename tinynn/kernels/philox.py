"""Philox 4x32-10 one block at a time, for twins that draw: `tinynn/random/philox.py` explains it and does many at once.

Words are uint64 below 2^32 throughout. That twins draw what `tinynn.random` does, bit for bit, is a test of each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._compiled import compiled

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_STEP_0, _STEP_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_MIXER_0, _MIXER_1 = np.uint64(0x3EC8F720), np.uint64(0x02461E29)
_MODULUS = 2**31 - 2
_MANTISSA_32, _MANTISSA_64 = np.uint64(0x7FFFFF), np.uint64(0xFFFFF)


@compiled
def _ten_rounds(x0: Any, x1: Any, x2: Any, x3: Any, k0: Any, k1: Any) -> Any:
    """Four words from a counter and a key."""
    for _ in range(10):
        p, q = x0 * _MULTIPLY_0, x2 * _MULTIPLY_1
        x0, x1, x2, x3 = (q >> _HALF) ^ x1 ^ k0, q & _LOW, (p >> _HALF) ^ x3 ^ k1, p & _LOW
        k0, k1 = (k0 + _STEP_0) & _LOW, (k1 + _STEP_1) & _LOW
    return x0, x1, x2, x3


@compiled
def stream_of(seed: int, uses: int) -> Any:
    """The key, two words, and the upper half of all counters, two words, of a seed that was drawn from so often before."""
    zero = np.uint64(0)
    return _ten_rounds(np.uint64(seed % _MODULUS), zero, np.uint64(uses % _MODULUS), zero, _MIXER_0, _MIXER_1)


@compiled
def words_of(block: int, k0: Any, k1: Any, upper_0: Any, upper_1: Any) -> Any:
    """The four words of a block of a stream."""
    place = np.uint64(block)
    return _ten_rounds(place & _LOW, place >> _HALF, upper_0, upper_1, k0, k1)


@compiled
def fraction_32(word: Any) -> Any:
    """A float32 in [0, 1) from the low 23 bits of a word."""
    return np.float32(word & _MANTISSA_32) * np.float32(2.0**-23)


@compiled
def fraction_64(high: Any, low: Any) -> Any:
    """A float64 in [0, 1) from 20 bits of one word and the 32 of another."""
    return np.float64(((high & _MANTISSA_64) << _HALF) | low) * np.float64(2.0**-52)
