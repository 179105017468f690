"""Philox 4x32-10: random words without a state, and the streams of them that Keras draws from.

A random number generator usually remembers where it is. Philox (Salmon, Moraes, Dror and Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011) does not: it is a function that scrambles a counter under a key, so the
millionth word costs what the first one does, and the words of a whole array can be computed side by side.

    counter (4 words of 32 bits), key (2 words)  ->  4 random words

A stream is the words for counters 0, 1, 2, ... under one key. Keras names a stream by a pair of integers: a seed, and
how many times that seed has been used before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._typing import Array

MASK_32 = 0xFFFFFFFF
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_KEY_STEPS = np.array([[0x9E3779B9], [0xBB67AE85]], np.uint32)  # fractions of the golden ratio and the root of 3
_ROUNDS = 10
_CHUNK = 16_384  # counters scrambled at a time: what a round works on stays in the processor's cache

_SEED_MIXER = np.array([0x3EC8F720, 0x02461E29], np.uint32)  # TensorFlow's key for turning seeds into keys
_SEED_MODULUS = 2**31 - 2


def philox_4x32(counter: Array, key: Array) -> Array:
    """Scramble counters: (..., 4) uint32 under a key (2,) or a key for each (..., 2), to random words (..., 4) uint32.

    A round multiplies words 0 and 2 to 64 bits and mixes the high halves into the other two. With key (k0, k1):

        p = x0 * 0xD2511F53,  q = x2 * 0xCD9E8D57
        x0, x1, x2, x3  <-  high(q) ^ x1 ^ k0,  low(q),  high(p) ^ x3 ^ k1,  low(p)

    Ten rounds; after each, k0 and k1 grow by two constants, modulo 2^32.
    """
    counter, key = np.asarray(counter, np.uint32), np.asarray(key, np.uint32)
    if key.ndim > 1:
        key = np.broadcast_to(key, (*counter.shape[:-1], 2)).reshape(-1, 2)
    flat = counter.reshape(-1, 4)
    words = np.empty(flat.shape, np.uint32)
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        _ten_rounds(flat[part], key[part] if key.ndim > 1 else key[None], words[part])
    return words.reshape(counter.shape)


def _ten_rounds(counter: Array, key: Array, words: Array) -> None:
    """counter (n, 4), key (n, 2) or (1, 2) -> words (n, 4), overwritten."""
    even, odd, key = (x.T.copy() for x in (counter[:, 0::2], counter[:, 1::2], key))  # rows x0 x2, x1 x3, k0 k1
    for _ in range(_ROUNDS):
        product = even * _MULTIPLIERS
        high, low = (product >> np.uint64(32)).astype(np.uint32), product.astype(np.uint32)
        even, odd = high[::-1] ^ odd ^ key, low[::-1]
        key = key + _KEY_STEPS
    words[:, 0::2], words[:, 1::2] = even.T, odd.T


def key_and_counter(seed: Any) -> tuple[Array, Array]:
    """The key (..., 2) of a seed pair's stream, and the upper half (..., 2) of all its counters. seed (..., 2) integers

    Nearby seeds must not give similar streams, so Philox itself mixes the pair: its four words of output are the key
    and the upper half. Keras first takes both numbers modulo 2^31 - 2, so that -1 and 2^31 - 3 are one seed.
    """
    seed = np.mod(np.asarray(seed, np.int64), _SEED_MODULUS)
    counter = np.zeros((*seed.shape[:-1], 4), np.uint32)
    counter[..., 0::2] = seed
    mixed = philox_4x32(counter, _SEED_MIXER)
    return mixed[..., :2], mixed[..., 2:]


def blocks(seed: Any, index: Array) -> Array:
    """The words (..., n, 4) at places `index` (n,) of the stream of `seed` (..., 2).

    Place i holds words 4 i to 4 i + 3: its counter is (i mod 2^32, i div 2^32, upper half of the stream).
    """
    key, upper = key_and_counter(seed)
    counter = np.empty((*upper.shape[:-1], len(index), 4), np.uint32)
    counter[..., 0] = index & MASK_32
    counter[..., 1] = index >> 32
    counter[..., 2:] = upper[..., None, :]
    return philox_4x32(counter, key if key.ndim == 1 else key[..., None, :])


def words(seed: Any, count: int) -> Array:
    """The first `count` words (..., count) uint32 of the stream of `seed` (..., 2)."""
    found = blocks(seed, np.arange(-(-count // 4)))
    return found.reshape(*found.shape[:-2], 4 * found.shape[-2])[..., :count]
