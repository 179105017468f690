"""Array functions, each with its derivative: `keras.ops` as far as layers and losses need it.

Every function returns its output and a closure that turns dL/d(output), `d_out`, into dL/d(each input). Where an input
was broadcast, one of its entries reached several outputs, so its derivative is the sum over them: `_unbroadcast`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, DType, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import Backward, differentiable

Result = tuple[Array, Backward]
Axis = int | tuple[int, ...] | None


def _unbroadcast(d: Array, like: Any) -> Array | None:
    """Sum d over the axes along which `like` was stretched; None for Python numbers and integers, which have no gradient."""
    if not isinstance(like, np.ndarray) and not isinstance(like, np.generic):
        return None
    if like.dtype.kind not in "fc":
        return None
    if d.shape != like.shape:
        d = d.sum(axis=tuple(range(d.ndim - like.ndim)))
        stretched = tuple(i for i, n in enumerate(like.shape) if n == 1 and d.shape[i] != 1)
        d = d.sum(axis=stretched, keepdims=True)
    return d.astype(like.dtype, copy=False)


def _spread(d_out: Array, like: Array, axis: Axis, keepdims: bool) -> Array:
    """dL/d(reduction) put back beside every entry that was reduced into it."""
    if axis is not None and not keepdims:
        d_out = np.expand_dims(d_out, axis)
    return np.broadcast_to(d_out, like.shape)


def _axis(axis: Any) -> Axis:
    return tuple(axis) if isinstance(axis, list) else axis


# Entry by entry --------------------------------------------------------------------------------------------------------


def _two(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation of two arrays: both are first brought to one dtype, by Keras's rules: see `result_type`."""

    @functools.wraps(operation)
    def of_two(x1: Tensor, x2: Tensor) -> Any:
        return operation(*promote(x1, x2))

    return of_two


def _one(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation of one array; lists and numbers become arrays."""

    @functools.wraps(operation)
    def of_one(x: Tensor) -> Any:
        return operation(_tensor(x))

    return of_one


def _one_float(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation of one array of floats; integers become floatx."""

    @functools.wraps(operation)
    def of_one_float(x: Tensor) -> Any:
        return operation(floating(x))

    return of_one_float


@_two
@differentiable
def add(x1: Any, x2: Any) -> Result:
    """x1 + x2."""
    return np.add(x1, x2), lambda d_out: (_unbroadcast(d_out, x1), _unbroadcast(d_out, x2))


@_two
@differentiable
def subtract(x1: Any, x2: Any) -> Result:
    """x1 - x2."""
    return np.subtract(x1, x2), lambda d_out: (_unbroadcast(d_out, x1), _unbroadcast(-d_out, x2))


@_two
@differentiable
def multiply(x1: Any, x2: Any) -> Result:
    """x1 x2; the derivative by one factor is the other."""
    return np.multiply(x1, x2), lambda d_out: (_unbroadcast(d_out * x2, x1), _unbroadcast(d_out * x1, x2))


@differentiable
def _divide(x1: Any, x2: Any) -> Result:
    out = np.divide(x1, x2)
    return out, lambda d_out: (_unbroadcast(d_out / x2, x1), _unbroadcast(-d_out * out / x2, x2))


def divide(x1: Tensor, x2: Tensor) -> Any:
    """x1 / x2:  d/dx1 = 1 / x2,  d/dx2 = -x1 / x2^2. Integers give floatx."""
    return _divide(*promote(x1, x2, beside=(0.0,)))


@differentiable
def _divide_no_nan(x1: Any, x2: Any) -> Result:
    zero = np.equal(x2, 0)
    safe = np.where(zero, 1, x2)
    out = np.where(zero, 0, np.divide(x1, safe)).astype(np.result_type(x1, x2))

    def backward(d_out: Array) -> Any:
        d_quotient = np.where(zero, 0, d_out)
        return _unbroadcast(d_quotient / safe, x1), _unbroadcast(-d_quotient * out / safe, x2)

    return out, backward


def divide_no_nan(x1: Tensor, x2: Tensor) -> Any:
    """x1 / x2, and 0 where x2 is 0 (with derivative 0)."""
    return _divide_no_nan(*promote(x1, x2, beside=(0.0,)))


@_two
@differentiable
def power(x1: Any, x2: Any) -> Result:
    """x1^x2:  d/dx1 = x2 x1^(x2 - 1),  d/dx2 = x1^x2 log x1 (taken as 0 where x1 <= 0, as TensorFlow does)."""
    out = np.power(x1, x2)

    def backward(d_out: Array) -> Any:
        d_base = _unbroadcast(d_out * x2 * np.power(x1, np.subtract(x2, 1)), x1) if isinstance(x1, np.ndarray) else None
        if not isinstance(x2, np.ndarray):
            return d_base, None
        log_base = np.log(np.where(np.greater(x1, 0), x1, 1))
        return d_base, _unbroadcast(d_out * out * log_base, x2)

    return out, backward


@_two
@differentiable
def maximum(x1: Any, x2: Any) -> Result:
    """The larger of two. At a tie the gradient goes to x1, as in TensorFlow."""
    first = np.greater_equal(x1, x2)
    return np.maximum(x1, x2), lambda d_out: (_unbroadcast(d_out * first, x1), _unbroadcast(d_out * ~first, x2))


@_two
@differentiable
def minimum(x1: Any, x2: Any) -> Result:
    """The smaller of two. At a tie the gradient goes to x1, as in TensorFlow."""
    first = np.less_equal(x1, x2)
    return np.minimum(x1, x2), lambda d_out: (_unbroadcast(d_out * first, x1), _unbroadcast(d_out * ~first, x2))


@_one
@differentiable
def negative(x: Array) -> Result:
    """-x."""
    return np.negative(x), lambda d_out: -d_out


@differentiable
def _square(x: Array) -> Result:
    return np.square(x), lambda d_out: 2 * x * d_out


def square(x: Tensor) -> Any:
    """x^2, with derivative 2 x."""
    return _square(_numeric(x))


@_one
@differentiable
def absolute(x: Array) -> Result:
    """|x|, with derivative sign(x): 0 at the kink."""
    return np.absolute(x), lambda d_out: d_out * np.sign(x)


@_one_float
@differentiable
def sqrt(x: Array) -> Result:
    """The square root, with derivative 1 / (2 sqrt x)."""
    out = np.sqrt(x)
    return out, lambda d_out: d_out / (2 * out)


@_one_float
@differentiable
def exp(x: Array) -> Result:
    """e^x is its own derivative."""
    out = np.exp(x)
    return out, lambda d_out: d_out * out


@_one_float
@differentiable
def log(x: Array) -> Result:
    """The natural logarithm, with derivative 1 / x."""
    return np.log(x), lambda d_out: d_out / x


@_one_float
@differentiable
def log1p(x: Array) -> Result:
    """log(1 + x), exact for small x; derivative 1 / (1 + x)."""
    return np.log1p(x), lambda d_out: d_out / (1 + x)


@_one_float
@differentiable
def sin(x: Array) -> Result:
    """The sine, with derivative cos x."""
    return np.sin(x), lambda d_out: d_out * np.cos(x)


@_one_float
@differentiable
def cos(x: Array) -> Result:
    """The cosine, with derivative -sin x."""
    return np.cos(x), lambda d_out: -d_out * np.sin(x)


@differentiable
def _clip(x: Array, x_min: float, x_max: float) -> Result:
    inside = (x >= x_min) & (x <= x_max)
    return np.clip(x, x_min, x_max), lambda d_out: d_out * inside


def clip(x: Tensor, x_min: float, x_max: float) -> Any:
    """x kept within [x_min, x_max]; the derivative is 0 outside and 1 inside, ends included, as in TensorFlow."""
    x = _numeric(x)
    kind = value_of(x).dtype.type
    return _clip(x, x_min=kind(x_min), x_max=kind(x_max))


@differentiable
def _where(x1: Any, x2: Any, condition: Array) -> Result:
    def backward(d_out: Array) -> Any:
        return _unbroadcast(np.where(condition, d_out, 0), x1), _unbroadcast(np.where(condition, 0, d_out), x2)

    return np.where(condition, x1, x2), backward


def where(condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Any:
    """x1 where the condition holds, else x2; the gradient goes to the one that was taken.

    With the condition alone: the places where it holds, as `nonzero`.

    Raises:
        ValueError: one of x1 and x2 without the other.
    """
    if x1 is None and x2 is None:
        return tuple(place.astype(np.int32) for place in np.nonzero(value_of(_tensor(condition))))
    if x1 is None or x2 is None:
        raise ValueError("where expects both x1 and x2, or neither; got one of them.")
    return _where(*promote(x1, x2), condition=np.asarray(value_of(condition), bool))


# Many entries into one -------------------------------------------------------------------------------------------------


@differentiable
def _sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Result:
    wider = {"b": "int32", "i": "int32", "u": "uint32"}.get(x.dtype.kind) if x.dtype.itemsize < 4 else None
    return np.sum(x, axis=axis, keepdims=keepdims, dtype=wider or x.dtype), lambda d_out: _spread(
        d_out, x, axis, keepdims
    )


@differentiable
def _mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Result:
    out: Array = np.asarray(
        np.mean(x, axis=axis, keepdims=keepdims, dtype=None if x.dtype.kind in "fc" else np.float32)
    )
    share = x.dtype.type(out.size / x.size if x.size else 0)
    return out, lambda d_out: _spread(d_out * share, x, axis, keepdims)


@differentiable
def _max(x: Array, axis: Axis = None, keepdims: bool = False) -> Result:
    out = np.max(x, axis=axis, keepdims=keepdims)

    def backward(d_out: Array) -> Array:
        top = x == _spread(out, x, axis, keepdims)
        return np.asarray(top * _spread(d_out, x, axis, keepdims) / top.sum(axis=axis, keepdims=True).astype(x.dtype))

    return out, backward


@differentiable
def _min(x: Array, axis: Axis = None, keepdims: bool = False) -> Result:
    out = np.min(x, axis=axis, keepdims=keepdims)

    def backward(d_out: Array) -> Array:
        bottom = x == _spread(out, x, axis, keepdims)
        return np.asarray(
            bottom * _spread(d_out, x, axis, keepdims) / bottom.sum(axis=axis, keepdims=True).astype(x.dtype)
        )

    return out, backward


def sum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over an axis, several, or all: every entry moves it by as much as it moves itself.

    Integers of less than 32 bits, and truth values, are summed in 32.
    """
    return _sum(_tensor(x), axis=_axis(axis), keepdims=keepdims)


def mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over an axis, several, or all: of n entries each moves it by 1/n. Integers give float32, as in Keras."""
    return _mean(_tensor(x), axis=_axis(axis), keepdims=keepdims)


def max(x: Tensor, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest entry, at least `initial`; tied ones share the gradient evenly, as in TensorFlow.

    Of no entries it is `initial`, and an error without one.
    """
    return _extreme(_max, maximum, _tensor(x), axis, keepdims, initial)


def min(x: Tensor, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest entry, at most `initial`; tied ones share the gradient evenly, as in TensorFlow.

    Of no entries it is `initial`, and an error without one.
    """
    return _extreme(_min, minimum, _tensor(x), axis, keepdims, initial)


def _extreme(reduce: Any, of_two: Any, x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    if initial is None:
        return reduce(x, axis=_axis(axis), keepdims=keepdims)
    dtype, first = value_of(x).dtype, np.asarray(value_of(initial))
    if dtype.kind == "b":  # compared as 0 and 1
        return cast(_extreme(reduce, of_two, cast(x, np.int32), axis, keepdims, initial), dtype)
    if dtype.kind in "iu":
        first = np.clip(first, np.iinfo(dtype).min, np.iinfo(dtype).max)
    first = first.astype(dtype)
    if value_of(x).size:
        return of_two(reduce(x, axis=_axis(axis), keepdims=keepdims), first)
    ufunc: Any = np.maximum if reduce is _max else np.minimum
    return np.asarray(ufunc.reduce(value_of(x), axis=_axis(axis), keepdims=keepdims, initial=first))


def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the largest entry stands (the first of equals), as int32. Has no gradient.

    As in Keras, NaN is never the largest (if all are NaN, the first counts), and -0 is less than 0.
    """
    values = value_of(_tensor(x))
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -np.inf, values)
        values = np.where((values == 0) & np.signbit(values), -np.finfo(values.dtype).tiny, values)
    return np.asarray(np.argmax(values, axis=axis, keepdims=keepdims), np.int32)


# Products --------------------------------------------------------------------------------------------------------------


@differentiable
def _matmul(x1: Array, x2: Array) -> Result:
    """The matrix product  out[..., i, k] = sum_j x1[..., i, j] x2[..., j, k];  vectors as in NumPy.

    dL/dx1 = d_out @ x2.T and dL/dx2 = x1.T @ d_out, over the last two axes; leading axes broadcast.
    """

    def backward(d_out: Array) -> Any:
        a = x1[None, :] if x1.ndim == 1 else x1
        b = x2[:, None] if x2.ndim == 1 else x2
        d = d_out
        if x1.ndim == 1:
            d = np.expand_dims(d, -2 if x2.ndim > 1 else -1)
        if x2.ndim == 1:
            d = np.expand_dims(d, -1)
        d_a = np.matmul(d, b.swapaxes(-1, -2))
        d_b = np.matmul(a.swapaxes(-1, -2), d)
        d_1 = _unbroadcast(d_a.sum(axis=tuple(range(d_a.ndim - 2)))[0] if x1.ndim == 1 else d_a, x1)
        d_2 = _unbroadcast(d_b.sum(axis=tuple(range(d_b.ndim - 2)))[:, 0] if x2.ndim == 1 else d_b, x2)
        return d_1, d_2

    return np.matmul(x1, x2), backward


def matmul(x1: Tensor, x2: Tensor) -> Any:
    """The matrix product over the last two axes; leading axes broadcast, vectors count as in NumPy."""
    return _matmul(*promote(_tensor(x1), _tensor(x2)))


# Shape -----------------------------------------------------------------------------------------------------------------


@differentiable
def _reshape(x: Array, newshape: Any) -> Result:
    return np.reshape(x, newshape), lambda d_out: d_out.reshape(x.shape)


def reshape(x: Tensor, newshape: Any) -> Any:
    """The same entries, in row-major order, in another shape."""
    return _reshape(_tensor(x), newshape=newshape)


@differentiable
def _transpose(x: Array, axes: Any = None) -> Result:
    return np.transpose(x, axes), lambda d_out: np.transpose(d_out, None if axes is None else np.argsort(axes))


def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order, reversed by default."""
    return _transpose(_tensor(x), axes=axes)


@differentiable
def _expand_dims(x: Array, axis: Any) -> Result:
    return np.expand_dims(x, axis), lambda d_out: d_out.reshape(x.shape)


def expand_dims(x: Tensor, axis: Any) -> Any:
    """A new axis of length one."""
    return _expand_dims(_tensor(x), axis=_axis(axis))


@differentiable
def _squeeze(x: Array, axis: Any = None) -> Result:
    return np.squeeze(x, axis), lambda d_out: d_out.reshape(x.shape)


def squeeze(x: Tensor, axis: Any = None) -> Any:
    """Without its axes of length one (or without the one named)."""
    return _squeeze(_tensor(x), axis=_axis(axis))


@differentiable
def _broadcast_to(x: Array, shape: Any) -> Result:
    return np.broadcast_to(x, shape), lambda d_out: _unbroadcast(d_out, x)


def broadcast_to(x: Tensor, shape: Any) -> Any:
    """Stretched to a shape by repeating it."""
    return _broadcast_to(_tensor(x), shape=tuple(shape))


@differentiable
def _concatenate(*xs: Array, axis: int) -> Result:
    stops = np.cumsum([x.shape[axis] for x in xs])[:-1]
    return np.concatenate(xs, axis=axis), lambda d_out: tuple(np.split(d_out, stops, axis=axis))


def concatenate(xs: Sequence[Tensor], axis: int = 0) -> Any:
    """Joined along an axis they have, the first by default."""
    return _concatenate(*promote(*[_tensor(x) for x in xs]), axis=axis)


@differentiable
def _stack(*xs: Array, axis: int) -> Result:
    return np.stack(xs, axis=axis), lambda d_out: tuple(np.moveaxis(d_out, axis, 0))


def stack(x: Sequence[Tensor], axis: int = 0) -> Any:
    """Joined along a new axis."""
    dtype = result_type(*x)
    return _stack(*[convert_to_tensor(part, dtype) for part in x], axis=axis)


@differentiable
def getitem(x: Array, index: Any) -> Result:
    """x[index]; an entry picked twice gets both shares."""

    def backward(d_out: Array) -> Array:
        d_x = np.zeros_like(x)
        np.add.at(d_x, index, d_out)
        return d_x

    return np.asarray(x[index]), backward


@differentiable
def _cast(x: Array, dtype: Any) -> Result:
    return x.astype(dtype), lambda d_out: d_out.astype(x.dtype) if x.dtype.kind in "fc" else None


def cast(x: Tensor, dtype: Any) -> Any:
    """The same values in another dtype; as it is when it has that dtype."""
    x = _tensor(x)
    return x if value_of(x).dtype == np.dtype(dtype) else _cast(x, dtype=dtype)


# Without gradient ------------------------------------------------------------------------------------------------------


def shape(x: Tensor) -> tuple[int, ...]:
    """The shape."""
    return tuple(np.shape(value_of(x)))


def zeros(shape: Any, dtype: Any = None) -> Array:
    """Zeros; floatx by default."""
    return np.zeros(shape, dtype or config.floatx())


def ones(shape: Any, dtype: Any = None) -> Array:
    """Ones; floatx by default."""
    return np.ones(shape, dtype or config.floatx())


def zeros_like(x: Tensor, dtype: Any = None) -> Array:
    """Zeros in the shape of x."""
    return np.zeros_like(value_of(_tensor(x)), dtype=dtype)


def ones_like(x: Tensor, dtype: Any = None) -> Array:
    """Ones in the shape of x."""
    return np.ones_like(value_of(_tensor(x)), dtype=dtype)


def equal(x1: Tensor, x2: Tensor) -> Array:
    """Where two arrays agree."""
    return _compared(np.equal, x1, x2)


def not_equal(x1: Tensor, x2: Tensor) -> Array:
    """Where two arrays differ."""
    return _compared(np.not_equal, x1, x2)


def greater(x1: Tensor, x2: Tensor) -> Array:
    """Where x1 > x2."""
    return _compared(np.greater, x1, x2)


def greater_equal(x1: Tensor, x2: Tensor) -> Array:
    """Where x1 >= x2."""
    return _compared(np.greater_equal, x1, x2)


def less(x1: Tensor, x2: Tensor) -> Array:
    """Where x1 < x2."""
    return _compared(np.less, x1, x2)


def less_equal(x1: Tensor, x2: Tensor) -> Array:
    """Where x1 <= x2."""
    return _compared(np.less_equal, x1, x2)


def _compared(comparison: Callable[..., Any], x1: Tensor, x2: Tensor) -> Array:
    """In the dtype that the two have together: 0.1 in a list is a float32, which is not float64's 0.1."""
    return np.asarray(comparison(*promote(value_of(x1), value_of(x2))))


def isnan(x: Tensor) -> Array:
    """Where x is not a number."""
    return np.asarray(np.isnan(value_of(x)))


def sign(x: Tensor) -> Array:
    """-1, 0 or 1; flat, so without gradient."""
    return np.asarray(np.sign(value_of(_tensor(x))))


def convert_to_tensor(x: Any, dtype: Any = None) -> Any:
    """Lists and numbers as arrays; arrays, recorded values and variables as they are, cast on request.

    Without a dtype, Python's numbers become float32 and int32 whatever floatx is, as in Keras.
    """
    if dtype is not None and isinstance(x, (int, float, list, tuple)) and not _holds_tensors(x):
        return np.asarray(x).astype(dtype)  # straight to it: float64 by way of float32 would lose digits
    x = _tensor(x)
    return x if dtype is None else cast(x, dtype)


def convert_to_numpy(x: Tensor) -> Array:
    """A plain NumPy array, off the tape."""
    return np.asarray(value_of(x))


# What operations take --------------------------------------------------------------------------------------------------


def result_type(*operands: Tensor) -> DType:
    """The dtype of an operation on these operands, by Keras's rules, which are JAX's rather than NumPy's.

    Floats beside integers keep their own type (NumPy widens float32 beside int32 to float64). Python's numbers are weak:
    they take the type of an array of their kind, and that of floatx, or the integer as wide, where there is none.
    """
    weak = [type(x) for x in operands if _is_weak(x)]
    strong = [value_of(_tensor(x)).dtype for x in operands if not _is_weak(x)]
    floats = [dtype for dtype in strong if dtype.kind in "fc"]
    integers = [dtype for dtype in strong if dtype.kind in "iu"]
    floatx = np.dtype(config.floatx())
    if floats:
        return np.result_type(*floats)
    if float in weak or np.result_type(*integers, np.bool_).kind == "f":  # NumPy's way out for int64 beside uint64
        return floatx
    if integers:
        return np.result_type(*integers)
    return np.dtype(f"int{8 * floatx.itemsize}") if weak else np.dtype(bool)


def promote(*operands: Tensor, beside: tuple[Any, ...] = ()) -> list[Any]:
    """The operands in the dtype that they have together (and beside further ones); see `result_type`.

    Python's numbers stay as they are if there is an array, which NumPy then lets decide.
    """
    dtype = result_type(*operands, *beside)
    if all(map(_is_weak, operands)):
        return [np.asarray(x, dtype) for x in operands]
    return [x if _is_weak(x) else cast(x, dtype) for x in operands]


def floating(x: Any) -> Any:
    """An array of floats, or what wraps one; integers become floatx."""
    x = _tensor(x)
    return cast(x, config.floatx()) if value_of(x).dtype.kind not in "fc" else x


def _tensor(x: Any) -> Any:
    """An array, or what wraps one."""
    if isinstance(x, np.ndarray) or isinstance(getattr(x, "value", None), np.ndarray):
        return x
    if _holds_tensors(x):
        return stack(x)
    array = np.asarray(x)
    if hasattr(x, "__array__"):  # NumPy's scalars, arrays of other libraries: they have a type of their own
        return array
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64 and np.array_equal(array, array.astype(np.int32)):
        return array.astype(np.int32)
    return array


def _numeric(x: Any) -> Any:
    """An array of numbers, or what wraps one; truth values become int32."""
    x = _tensor(x)
    return cast(x, np.int32) if value_of(x).dtype.kind == "b" else x


def _holds_tensors(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and any(isinstance(getattr(part, "value", None), np.ndarray) for part in x)


def _is_weak(x: Any) -> bool:
    """Python's own numbers: not True and False, nor NumPy's float64, which is a float by inheritance."""
    return type(x) in (int, float)
