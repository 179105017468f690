"""`keras.random`: random arrays. Each call with the same integer seed gives the same numbers; see `SeedGenerator`."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, Shape, Tensor
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.engine.tape import Backward, differentiable
from tinynn.random import streams
from tinynn.random.global_seed import draw_seed


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers spread evenly over [minval, maxval).

    Args:
        shape: of the result.
        minval: the lowest value; a number, or an array that broadcasts to the shape.
        maxval: the upper end, itself excluded.
        dtype: "float32" or "float64"; floatx by default.
        seed: an integer or a SeedGenerator.
    """
    dtype = streams.float_dtype(dtype)
    return streams.uniform(draw_seed(seed), _shape("uniform", shape), minval, maxval, dtype)


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers mean + stddev z, z from the normal distribution with variance 1.

    Args:
        shape: of the result.
        mean: its mean.
        stddev: its standard deviation.
        dtype: floatx by default.
        seed: an integer, which gives the same numbers each time, a `SeedGenerator`, or None for the global generator.
    """
    dtype = streams.float_dtype(dtype)
    return streams.normal(draw_seed(seed), _shape("normal", shape), mean, stddev, dtype)


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """As `normal`, but numbers two or more standard deviations away from the mean are drawn again.

    Args:
        shape, mean, stddev, dtype, seed: as for `normal`; stddev is that before the cut.
    """
    dtype = streams.float_dtype(dtype)
    return streams.truncated_normal(draw_seed(seed), _shape("truncated_normal", shape), mean, stddev, dtype)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Array:
    """Whole numbers spread evenly over minval, ..., maxval - 1.

    Args:
        shape: of the result.
        minval: the lowest value.
        maxval: one more than the highest.
        dtype: an integer type. Types other than int32 are drawn as int64 and cast, wrapping around.
        seed: an integer or a SeedGenerator.

    Raises:
        TypeError: bounds that are not integers.
        ValueError: no number in the range, bounds beyond the type's, or a dtype that is not an integer type.
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu":
        raise ValueError(f'randint expects an integer dtype, such as "int32"; got {dtype.name!r}.')
    low, high = (_integer_bound(name, bound) for name, bound in (("minval", minval), ("maxval", maxval)))
    drawn = dtype if dtype in (np.int32, np.int64) else np.dtype(np.int64)
    limits = np.iinfo(drawn)
    if not limits.min <= low < high <= limits.max:
        raise ValueError(
            f"randint expects {limits.min} <= minval < maxval <= {limits.max} for {drawn.name}; "
            f"got minval={low}, maxval={high}."
        )
    return streams.integers(draw_seed(seed), _shape("randint", shape), low, high, drawn).astype(dtype, copy=False)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers from the gamma distribution with density x^(alpha - 1) e^-x / Gamma(alpha), x > 0.

    Args:
        shape: of the result.
        alpha: above 0; a number, or an array that broadcasts to the shape.
        dtype: "float32" or "float64"; floatx by default.
        seed: an integer or a SeedGenerator.
    """
    dtype, shape = streams.float_dtype(dtype), _shape("gamma", shape)
    alpha, pair = np.asarray(value_of(alpha), dtype), draw_seed(seed)
    if shape[len(shape) - alpha.ndim :] != alpha.shape or not alpha.size:  # Keras refuses what has to be stretched
        return streams.gamma(pair, np.broadcast_to(alpha, shape), dtype)
    # In TensorFlow all numbers of the first alpha come first, then those of the second, ...
    repeats = math.prod(shape) // alpha.size
    drawn = streams.gamma(pair, np.repeat(alpha.reshape(-1, 1), repeats, axis=1), dtype)
    return np.ascontiguousarray(drawn.T).reshape(shape)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Array:
    """Numbers in [0, 1] from the beta distribution: g / (g + h), g and h gamma distributed with alpha and beta.

    Args:
        shape: of the result.
        alpha: above 0; a number, or an array that broadcasts to the shape.
        beta: above 0, likewise.
        dtype: "float32" or "float64"; floatx by default.
        seed: an integer or a SeedGenerator.
    """
    dtype, shape = streams.float_dtype(dtype), _shape("beta", shape)
    pair = draw_seed(seed)
    g, h = (
        streams.gamma(pair + shift, np.broadcast_to(np.asarray(value_of(parameter), dtype), shape), dtype)
        for parameter, shift in ((alpha, 0), (beta, 12))
    )
    found: Array = g / (g + h)
    return found


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Array:
    """How many of `counts` tries succeed, each with this probability; as floats.

    Other numbers than Keras's for the same seed, whose sampler is not followed: here each try compares a uniform number
    with the probability.

    Args:
        shape: of the result.
        counts: whole numbers; one, or an array that broadcasts to the shape.
        probabilities: in [0, 1], likewise.
        dtype: "float32" or "float64"; floatx by default.
        seed: an integer or a SeedGenerator.
    """
    dtype, shape = streams.float_dtype(dtype), _shape("binomial", shape)
    tries = np.broadcast_to(np.asarray(value_of(counts)), shape).astype(np.int64)
    chance = np.broadcast_to(np.asarray(value_of(probabilities), np.float64), shape)
    pair = draw_seed(seed)
    most = int(tries.max(initial=0))
    out = np.zeros(shape, np.int64)
    step = max(1, 2**22 // max(out.size, 1))  # so many tries at a time: memory stays small
    for start in range(0, most, step):
        block = min(step, most - start)
        u = streams.uniform(pair, (block, *shape), dtype="float64")
        live = np.arange(start, start + block).reshape(-1, *(1,) * len(shape)) < tries
        out += ((u < chance) & live).sum(axis=0)
        pair = pair + 1_000_003  # another stream for the next tries
    return out.astype(dtype)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Array:
    """x with its slices along an axis in random order: sorted by uniform numbers, one for each.

    Args:
        x: an array.
        axis: whose slices.
        seed: as for `normal`.
    """
    x = _array(x)
    keys = streams.uniform(draw_seed(seed), (x.shape[axis],), dtype="float32")
    return np.take(x, np.argsort(keys, kind="stable"), axis=axis)


def dropout(inputs: Tensor, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Each entry is 0 with probability `rate`, else multiplied by 1 / (1 - rate), which keeps the expectation.

    Recorded by tapes.

    Args:
        inputs: floats.
        rate: in [0, 1]. At 0 the inputs come back as they are, at 1 zeros; neither draws a seed.
        noise_shape: the shape of the mask, if not the inputs': entries along an axis of length 1 share their fate. None
            in it stands for the inputs' length of that axis.
        seed: an integer or a SeedGenerator.

    Raises:
        ValueError: a rate outside [0, 1], inputs that are not floats, or a noise_shape that does not fit them.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout expects a rate between 0 and 1; got {rate!r}.")
    if rate == 0:
        return inputs
    if not isinstance(inputs, TensorLike):
        inputs = _array(inputs)
    dtype = value_of(inputs).dtype
    if rate == 1:
        return _times_mask(inputs, kept=np.zeros(inputs.shape, bool), scale=dtype.type(1))
    if dtype.kind != "f":
        raise ValueError(f"dropout expects floats, for it scales them; got dtype {dtype.name}. Cast them first.")
    kept = streams.keep_mask(draw_seed(seed), _noise_shape(noise_shape, inputs.shape), rate, dtype)
    return _times_mask(inputs, kept=kept, scale=dtype.type(1 / (1 - rate)))


@differentiable
def _times_mask(x: Array, *, kept: Array, scale: Any) -> tuple[Array, Backward]:
    """x scale where kept, else 0 (also where x is infinite); dL/dx is d_out treated the same way."""

    def masked(values: Array) -> Array:
        out: Array = np.where(kept, values * scale, values.dtype.type(0))
        return out

    return masked(x), masked


def _noise_shape(noise_shape: Any, shape: Shape) -> Shape:
    if noise_shape is None:
        return shape
    found = tuple(have if want is None else want for want, have in zip(noise_shape, shape))
    if len(noise_shape) != len(shape) or any(n not in (1, have) for n, have in zip(found, shape)):
        raise ValueError(
            f"dropout expects a noise_shape of {len(shape)} lengths, each 1, None or the inputs' own, for inputs of "
            f"shape {shape}; got {noise_shape!r}."
        )
    return found


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Array:
    """Class numbers (batch, num_samples), each row drawn with probabilities softmax(logits[row]).

    The first class is taken whose cumulated probability exceeds a uniform number. Rows and samples use the seed's
    float64 uniform numbers in order. So does TensorFlow while it works in one thread. It splits large batches (at two
    cores, 300 rows of 10 classes are still one, 1,000 are not), and then its numbers depend on how many cores there
    are; those we do not follow.

    Args:
        logits: (batch, classes), the logarithms of unnormalised probabilities.
        num_samples: how many to draw for each row.
        dtype: of the result.
        seed: an integer or a SeedGenerator.

    Raises:
        ValueError: logits that do not have two axes.
    """
    logits = _array(logits)
    if logits.ndim != 2:
        raise ValueError(f"categorical expects logits of shape (batch, classes); got {logits.shape}.")
    finite = np.isfinite(logits)
    highest = np.max(logits, axis=1, keepdims=True, where=finite, initial=np.finfo(np.float32).min).astype(np.float64)
    weight = np.exp(np.where(finite, logits - highest, -np.inf))
    cumulated = np.cumsum(weight, axis=1)
    sought = streams.uniform(draw_seed(seed), (len(logits), num_samples), dtype="float64") * cumulated[:, -1:]
    found = [np.searchsorted(c, s, side="right") for c, s in zip(cumulated, sought)]
    return np.reshape(found, sought.shape).astype(dtype)


def _shape(where: str, shape: Any) -> Shape:
    try:
        found = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise TypeError(f"{where} expects a shape such as (2, 3); got {shape!r}.") from None
    if min(found, default=0) < 0:
        raise ValueError(f"{where} expects a shape of lengths from 0 up; got {shape!r}.")
    return found


def _integer_bound(name: str, bound: Any) -> int:
    try:
        return operator.index(bound)
    except TypeError:
        raise TypeError(f"randint expects {name} to be an integer; got {bound!r}.") from None


def _array(x: Any) -> Array:
    """A plain array; Python's own numbers become floatx and int32, as in Keras."""
    x = value_of(x)
    if isinstance(x, (np.ndarray, np.generic)):
        return np.asarray(x)
    found = np.asarray(x)
    return found.astype({"f": config.floatx(), "i": "int32"}.get(found.dtype.kind, found.dtype))
