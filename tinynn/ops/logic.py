"""Questions about entries: comparisons, truth values, bits. Answers are plain arrays, without gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.ops.arrays import _axis, _tensor, convert_to_tensor, result_type

# Which numbers these are -----------------------------------------------------------------------------------------------


def isfinite(x: Tensor) -> Array:
    """Where x is neither infinite nor NaN."""
    return np.asarray(np.isfinite(value_of(_tensor(x))))


def isinf(x: Tensor) -> Array:
    """Where x is infinite."""
    return np.asarray(np.isinf(value_of(_tensor(x))))


def isposinf(x: Tensor) -> Array:
    """Where x is +infinity."""
    return np.asarray(value_of(_tensor(x)) == np.inf)


def isneginf(x: Tensor) -> Array:
    """Where x is -infinity."""
    return np.asarray(value_of(_tensor(x)) == -np.inf)


def isreal(x: Tensor) -> Array:
    """Where the imaginary part is 0: everywhere, for real numbers."""
    return np.asarray(np.isreal(value_of(_tensor(x))))


def signbit(x: Tensor) -> Array:
    """Where the sign is minus, also that of -0."""
    x = value_of(_tensor(x))
    return np.asarray(x < 0 if x.dtype.kind in "iub" else np.signbit(x))


def isclose(x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Where |x1 - x2| <= atol + rtol |x2|; infinities are close to themselves, NaN to NaN with `equal_nan`."""
    x1, x2 = _together(x1, x2)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan))


def allclose(x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether `isclose` holds everywhere."""
    return np.asarray(isclose(x1, x2, rtol, atol, equal_nan).all())


def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> Array:
    """Where an entry of x1 is among those of x2; `invert` asks the opposite."""
    x1, x2 = _together(x1, x2)
    return np.asarray(np.isin(x1, x2, assume_unique=assume_unique, invert=invert))


# Truth values ----------------------------------------------------------------------------------------------------------


def logical_and(x1: Tensor, x2: Tensor) -> Array:
    """Where both hold; numbers count as true unless they are 0."""
    return np.asarray(np.logical_and(_truth(x1), _truth(x2)))


def logical_or(x1: Tensor, x2: Tensor) -> Array:
    """Where at least one holds."""
    return np.asarray(np.logical_or(_truth(x1), _truth(x2)))


def logical_xor(x1: Tensor, x2: Tensor) -> Array:
    """Where exactly one holds."""
    return np.asarray(np.logical_xor(_truth(x1), _truth(x2)))


def logical_not(x: Tensor) -> Array:
    """Where x does not hold."""
    return np.asarray(np.logical_not(_truth(x)))


def all(x: Tensor, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether every entry holds along an axis, several, or all; of no entries, yes."""
    return np.asarray(np.all(_truth(x), axis=_axis(axis), keepdims=keepdims))


def any(x: Tensor, axis: Any = None, keepdims: bool = False) -> Array:
    """Whether an entry holds along an axis, several, or all; of no entries, no."""
    return np.asarray(np.any(_truth(x), axis=_axis(axis), keepdims=keepdims))


def count_nonzero(x: Tensor, axis: Any = None) -> Array:
    """How many entries are not 0, as int32."""
    return np.asarray(np.count_nonzero(value_of(_tensor(x)), axis=_axis(axis)), np.int32)


# Bits of integers ------------------------------------------------------------------------------------------------------


def bitwise_and(x: Tensor, y: Tensor) -> Array:
    """The bits that both have."""
    return _of_bits(np.bitwise_and, x, y)


def bitwise_or(x: Tensor, y: Tensor) -> Array:
    """The bits that one of them has."""
    return _of_bits(np.bitwise_or, x, y)


def bitwise_xor(x: Tensor, y: Tensor) -> Array:
    """The bits that exactly one has."""
    return _of_bits(np.bitwise_xor, x, y)


def bitwise_not(x: Tensor) -> Array:
    """All bits turned over."""
    return np.asarray(np.bitwise_not(value_of(_tensor(x))))


bitwise_invert = bitwise_not


def bitwise_left_shift(x: Tensor, y: Tensor) -> Array:
    """The bits of x moved up by y places: x 2^y, what leaves at the top lost."""
    return _of_bits(np.left_shift, x, y)


def bitwise_right_shift(x: Tensor, y: Tensor) -> Array:
    """The bits of x moved down by y places: floor(x / 2^y)."""
    return _of_bits(np.right_shift, x, y)


left_shift = bitwise_left_shift
right_shift = bitwise_right_shift


def _of_bits(operation: Callable[..., Any], x: Tensor, y: Tensor) -> Array:
    return np.asarray(operation(*_together(x, y)))


def _together(x1: Tensor, x2: Tensor) -> list[Array]:
    """Plain arrays in the dtype that the two have together."""
    dtype = result_type(x1, x2)
    return [np.asarray(value_of(convert_to_tensor(x, dtype))) for x in (x1, x2)]


def _truth(x: Tensor) -> Array:
    return np.asarray(value_of(_tensor(x)), bool)
