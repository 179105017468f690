"""Numbers from words: the uniform, normal, truncated normal and integer streams of a seed pair, as Keras draws them.

Every function takes the pair `[seed, counter]` that `draw_seed` gives, and a stack of pairs (k, 2) gives a stack of
streams (k, *shape), each the same as on its own: the masks of a whole epoch are one call.

Uniform numbers and integers are Keras's bit for bit. The normal ones use a logarithm, a sine and a cosine, which the C
library that TensorFlow calls rounds in its own way: on Linux 98.5 of 100 float32 values are the very same and the rest
within 3 units in the last place (2.4e-7); float64 values agree to 1e-15.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, DType, Shape
from tinynn.random.philox import blocks, words

_SMALLEST = 1e-7  # no logarithm of less: a normal number cannot leave +-5.678
_CUT = 2.0  # truncated normal numbers lie within two standard deviations


def float_dtype(dtype: Any = None) -> DType:
    """The dtype to draw in: floatx by default.

    Raises:
        ValueError: not float32 or float64.
    """
    found = np.dtype(config.floatx() if dtype is None else dtype)
    if found not in (np.float32, np.float64):
        raise ValueError(f'Random numbers come as "float32" or "float64"; got dtype={found.name!r}.')
    return found


def uniform(seed: Any, shape: Shape, low: Any = 0.0, high: Any = 1.0, dtype: Any = None) -> Array:
    """low + (high - low) u,  u uniform in [0, 1), of the given shape; exactly Keras's.

    Python numbers as bounds are rounded to float32 even when drawing in float64, as Keras hands them to TensorFlow.
    """
    dtype = float_dtype(dtype)
    out = unit_interval(words(seed, math.prod(shape) * _words_per_number(dtype)), dtype)
    low, high = _as_keras_casts(low, dtype), _as_keras_casts(high, dtype)
    out = out.reshape((*out.shape[:-1], *shape))
    out *= high - low
    out += low
    return out


def normal(seed: Any, shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None) -> Array:
    """mean + stddev z,  z normal with variance 1, of the given shape; words are used in pairs (see `box_muller`)."""
    dtype = float_dtype(dtype)
    count = math.prod(shape)
    z = box_muller(words(seed, 2 * -(-count // 2) * _words_per_number(dtype)), dtype)[..., :count]
    return _scaled(z.reshape((*z.shape[:-1], *shape)), mean, stddev)


def truncated_normal(seed: Any, shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None) -> Array:
    """mean + stddev z,  z normal with |z| < 2: numbers beyond are drawn again. One seed pair (2,), not a stack.

    Rejection makes it uncertain how many words a number takes, which would make the numbers after it wait. So groups
    of one block's worth of numbers (4 in float32, 2 in float64) get private words, 64 for each number: group g reads
    the blocks from g * 256 (float64: g * 128) on, and keeps what lies within the cut until it is full. A block fills
    a group with probability 0.83 (float64: 0.91), so the unfilled groups of each turn of the loop are soon few.
    """
    dtype = float_dtype(dtype)
    size = 4 // _words_per_number(dtype)
    start = np.arange(-(-math.prod(shape) // size)) * (64 * size)
    out = box_muller(blocks(seed, start), dtype)  # (groups, size), right already where nothing lies beyond the cut
    waiting = np.flatnonzero((np.abs(out) >= _CUT).any(axis=1))
    drawn, turn = out[waiting], 0
    while len(waiting):
        turn += 1
        drawn = np.hstack([drawn, box_muller(blocks(seed, start[waiting] + turn), dtype)])
        beyond = np.abs(drawn) >= _CUT
        kept_first = np.argsort(beyond, axis=1, kind="stable")[:, :size]
        out[waiting] = np.take_along_axis(drawn, kept_first, axis=1)  # overwritten by the next turn where still too few
        short = (~beyond).sum(axis=1) < size
        waiting, drawn = waiting[short], drawn[short]
    return _scaled(out.ravel()[: math.prod(shape)].reshape(shape), mean, stddev)


def gamma(seed: Any, alpha: Array, dtype: Any = None) -> Array:
    """Gamma distributed numbers with scale 1, one for each entry of alpha. One seed pair (2,), not a stack.

    Rejection (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000), in float64: with
    d = alpha - 1/3 and c = 1 / (3 sqrt d), draw z normal and u uniform until  v = (1 + c z)^3  is positive and
    log u < z^2 / 2 + d (1 - v + log v);  then d v.  For alpha < 1 take alpha + 1 and multiply by u'^(1/alpha); alpha = 1
    is -log(1 - u). About one draw in twenty is refused at worst.

    As in TensorFlow, number i reads the blocks of the stream from 256 i on; a block gives two normal numbers or two
    uniform ones, of which the second is used first.
    """
    dtype = float_dtype(dtype)
    shape_parameter = np.asarray(alpha, np.float64).ravel()
    draw = _BlockReader(seed, 256 * np.arange(shape_parameter.size))
    out = np.empty(shape_parameter.size)
    small = shape_parameter < 1
    d = shape_parameter + np.where(small, 2 / 3, -1 / 3)
    simple = np.flatnonzero(shape_parameter == 1)
    out[simple] = -np.log1p(-draw.uniform(simple))
    waiting = np.flatnonzero(shape_parameter != 1)
    while len(waiting):
        z = draw.normal(waiting)
        base = 1 + z * (1 / 3 / np.sqrt(d[waiting]))
        positive = base > 0
        tried, z, v = waiting[positive], z[positive], base[positive] ** 3
        u = draw.uniform(tried)
        with np.errstate(divide="ignore"):
            accepted = np.log(u) < 0.5 * z * z + d[tried] * (1 - v + np.log(v))
        accepted |= u < 1 - 0.0331 * (z * z) * (z * z)
        done = tried[accepted]
        out[done] = d[done] * v[accepted]
        scaled = done[small[done]]
        out[scaled] *= draw.uniform(scaled) ** (1 / shape_parameter[scaled])
        waiting = np.setdiff1d(waiting, done, assume_unique=True)
    least = np.finfo(dtype).tiny
    found: Array = np.maximum(out.astype(dtype), least).reshape(np.shape(alpha))
    return found


class _BlockReader:
    """Private streams of normal and uniform float64 numbers, two from each block, the second first."""

    def __init__(self, seed: Any, start: Array) -> None:
        self.seed = seed
        self.place = start.copy()
        self.numbers = {kind: np.empty((len(start), 2)) for kind in ("normal", "uniform")}
        self.left = {kind: np.zeros(len(start), int) for kind in ("normal", "uniform")}

    def normal(self, streams: Array) -> Array:
        """The next normal number of each of these streams."""
        return self._next("normal", streams)

    def uniform(self, streams: Array) -> Array:
        """The next uniform number of each of these streams."""
        return self._next("uniform", streams)

    def _next(self, kind: str, streams: Array) -> Array:
        numbers, left = self.numbers[kind], self.left[kind]
        empty = streams[left[streams] == 0]
        if len(empty):
            words_of_blocks = blocks(self.seed, self.place[empty])
            double = np.dtype(np.float64)
            make = box_muller if kind == "normal" else unit_interval
            numbers[empty] = make(words_of_blocks, double)
            self.place[empty] += 1
            left[empty] = 2
        left[streams] -= 1
        found: Array = numbers[streams, left[streams]]
        return found


def integers(seed: Any, shape: Shape, low: int, high: int, dtype: Any = "int32") -> Array:
    """low + (word mod (high - low)): integers in [low, high), of dtype int32 (one word each) or int64 (two); exactly
    Keras's.

    The lower numbers are a little likelier when high - low does not divide 2^32 (2^64): Keras's way, kept.
    """
    count = math.prod(shape)
    if np.dtype(dtype) == np.int32:
        bits = words(seed, count)
    else:
        pairs = words(seed, 2 * count).astype(np.uint64)
        bits = pairs[..., 0::2] | pairs[..., 1::2] << np.uint64(32)
    unsigned = bits.dtype.type
    out: Array = bits % unsigned(high - low) + unsigned(
        low % 2 ** (8 * bits.itemsize)
    )  # unsigned sums wrap around: no overflow
    out = out.view(dtype)
    return out.reshape((*out.shape[:-1], *shape))


def keep_mask(seed: Any, shape: Shape, rate: float, dtype: Any = None) -> Array:
    """Which entries dropout keeps: bool of the given shape, True with probability 1 - rate; exactly Keras's.

    Keras compares uniform numbers in the precision of the inputs with the rate: dtype is theirs.
    """
    dtype = float_dtype(dtype)
    kept: Array = uniform(seed, shape, dtype=dtype) >= dtype.type(rate)
    return kept


def unit_interval(random_words: Array, dtype: DType) -> Array:
    """Words (..., n) to numbers in [0, 1): (..., n) float32 or (..., n / 2) float64.

    The random bits become the fraction of a number in [1, 2), and 1 is taken away. float32 uses the low 23 bits of a
    word; float64 uses 52 bits, the low 20 of one word above the 32 of the next.
    """
    if dtype == np.float32:
        bits = random_words & np.uint32(0x7FFFFF)
        bits |= np.uint32(127 << 23)  # the exponent of numbers in [1, 2)
    else:
        bits = (random_words[..., 0::2] & np.uint32(0xFFFFF)).astype(np.uint64)
        bits <<= np.uint64(32)
        bits |= random_words[..., 1::2]
        bits |= np.uint64(1023 << 52)
    out: Array = bits.view(dtype)
    out -= 1
    return out


def box_muller(random_words: Array, dtype: DType) -> Array:
    """Words (..., n) to normal numbers: (..., n) float32 or (..., n / 2) float64 (Box and Muller 1958).

    A pair of independent normal numbers is a point whose angle is uniform and whose squared radius is exponential:
    from uniform u, v:  r = sqrt(-2 ln u),  (r sin 2 pi v, r cos 2 pi v).  The sine comes first.

    log, sin and cos are taken in float64 and rounded once, which is closest to what the C library's float32 ones give.
    """
    numbers = unit_interval(random_words, dtype)
    u, v = numbers[..., 0::2].astype(np.float64), numbers[..., 1::2].astype(np.float64)
    radius = np.sqrt(-2 * np.log(np.maximum(u, dtype.type(_SMALLEST))).astype(dtype))
    angle = (2 * np.pi * v).astype(dtype).astype(np.float64)
    numbers[..., 0::2] = np.sin(angle).astype(dtype) * radius
    numbers[..., 1::2] = np.cos(angle).astype(dtype) * radius
    return numbers


def _words_per_number(dtype: DType) -> int:
    return dtype.itemsize // 4


def _scaled(z: Array, mean: Any, stddev: Any) -> Array:
    """mean + stddev z, in z's dtype and in place."""
    z *= np.asarray(stddev, z.dtype)
    z += np.asarray(mean, z.dtype)
    return z


def _as_keras_casts(bound: Any, dtype: DType) -> Array:
    found = np.asarray(bound)
    if found.dtype.kind == "f" and not isinstance(bound, (np.ndarray, np.generic)):
        found = found.astype(np.float32)
    return found.astype(dtype)
