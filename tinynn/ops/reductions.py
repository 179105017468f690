"""Many entries into one, or into running ones: products, spreads, cumulated sums, log-sum-exp, and those that skip NaN.

Sums, means and extremes are in arrays.py; order statistics in statistics.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, DType, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import differentiable
from tinynn.ops.arrays import (
    Axis,
    Result,
    _axis,
    _spread,
    _tensor,
    add,
    argmax,
    cast,
    convert_to_tensor,
    divide,
    floating,
    max,
    mean,
    min,
    multiply,
    reshape,
    result_type,
    sqrt,
    square,
    subtract,
    sum,
    where,
)
from tinynn.ops.elementwise import log10
from tinynn.ops.indexing import take
from tinynn.ops.shapes import ravel

amax, amin = max, min


def _wide(dtype: DType) -> DType:
    """What integers are summed and multiplied in: at least 32 bits."""
    narrow = {"b": "int32", "i": "int32", "u": "uint32"}.get(dtype.kind) if dtype.itemsize < 4 else None
    return np.dtype(narrow) if narrow else dtype


# Products --------------------------------------------------------------------------------------------------------------


def _lines(x: Array, axis: Axis) -> tuple[Array, tuple[int, ...], tuple[int, ...]]:
    """x with the reduced axes as one last axis, and what it takes to go back: the order of axes and the shape in it."""
    axes = tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in np.atleast_1d(axis))
    order = tuple(a for a in range(x.ndim) if a not in axes) + axes
    turned = x.transpose(order)
    return turned.reshape((*turned.shape[: x.ndim - len(axes)], -1)) if x.size else turned, order, turned.shape


@differentiable
def _prod(x: Array, axis: Axis = None, keepdims: bool = False) -> Result:
    out = np.asarray(np.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype))

    def backward(d_out: Array) -> Array:
        if not x.size:
            return np.zeros_like(x)
        lines, order, shape = _lines(x, axis)
        before, after = np.ones_like(lines), np.ones_like(lines)
        np.cumprod(lines[..., :-1], axis=-1, out=before[..., 1:])
        np.cumprod(lines[..., :0:-1], axis=-1, out=after[..., -2::-1])
        others = (before * after).reshape(shape).transpose(np.argsort(order))
        return np.asarray(_spread(d_out, x, axis, keepdims) * others)

    return out, backward


def prod(x: Tensor, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product; its derivative by one entry is the product of the others (right also where entries are 0)."""
    x = _tensor(x)
    return _prod(cast(x, dtype or _wide(value_of(x).dtype)), axis=_axis(axis), keepdims=keepdims)


@differentiable
def _cumsum(x: Array, axis: int) -> Result:
    return np.cumsum(x, axis=axis, dtype=x.dtype), lambda d_out: np.flip(np.cumsum(np.flip(d_out, axis), axis), axis)


def cumsum(x: Tensor, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums along an axis (of the flat array without one): entry k moves all from k on, dL/dx[k] = sum_j>=k d_out[j]."""
    x, axis = _running(x, axis, dtype)
    return _cumsum(x, axis=axis)


@differentiable
def _cumprod(x: Array, axis: int) -> Result:
    out = np.cumprod(x, axis=axis, dtype=x.dtype)

    def backward(d_out: Array) -> Array:
        lines, d = np.moveaxis(x, axis, -1), np.moveaxis(d_out, axis, -1)
        d_x = np.zeros_like(lines)
        before = np.ones_like(lines)
        before[..., 1:] = np.moveaxis(out, axis, -1)[..., :-1]
        rest = np.zeros(lines.shape[:-1], lines.dtype)
        for k in range(lines.shape[-1] - 1, -1, -1):
            rest = d[..., k] + (rest * lines[..., k + 1] if k + 1 < lines.shape[-1] else 0)
            d_x[..., k] = rest * before[..., k]
        return np.moveaxis(d_x, -1, axis)

    return out, backward


def cumprod(x: Tensor, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products along an axis (of the flat array without one).

    dL/dx[k] = (prod_i<k x[i]) r[k]  with  r[k] = d_out[k] + x[k+1] r[k+1]: right also where entries are 0.
    """
    x, axis = _running(x, axis, dtype)
    return _cumprod(x, axis=axis)


def _running(x: Tensor, axis: int | None, dtype: Any) -> tuple[Any, int]:
    x = _tensor(x)
    have = value_of(x).dtype
    x = cast(x, dtype or ("int32" if have.kind == "b" else have))
    return (ravel(x), 0) if axis is None else (x, axis)


# Spreads ---------------------------------------------------------------------------------------------------------------


def var(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of (x - mean x)^2. Integers give floatx, but are computed in float32, as in Keras."""
    x = _tensor(x)
    if value_of(x).dtype.kind not in "fc":
        return cast(var(cast(x, np.float32), axis, keepdims), config.floatx())
    centred = subtract(x, mean(x, axis, keepdims=True))
    return mean(square(centred), axis, keepdims)


def std(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The square root of the variance."""
    return sqrt(var(x, axis, keepdims))


def ptp(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest entry less the smallest."""
    return subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def average(x: Tensor, axis: Any = None, weights: Tensor | None = None) -> Any:
    """sum(w x) / sum(w); the mean without weights.

    Args:
        x: any array.
        axis: the axis to average over; all of them by default.
        weights: of x's shape, or one for each entry along the axis.
    """
    x = _tensor(x)
    if weights is None:
        return mean(x if value_of(x).dtype.kind == "f" else floating(x), axis)
    weights = _tensor(weights)
    dtype = result_type(x, weights, 0.0)
    x, weights = cast(x, dtype), cast(weights, dtype)
    if value_of(weights).ndim != value_of(x).ndim and axis is not None:
        shape = [1] * value_of(x).ndim
        shape[axis] = -1
        weights = reshape(weights, tuple(shape))
    return divide(sum(multiply(x, weights), axis), sum(multiply(weights, np.ones_like(value_of(x))), axis))


def moments(x: Tensor, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """Mean and variance over axes, in the dtype of x: for integers the fractions are lost, as in Keras.

    Raises:
        NotImplementedError: synchronized=True, which is for several devices.
    """
    if synchronized:
        raise NotImplementedError("moments(synchronized=True) averages over devices; tinynn has one.")
    x = _tensor(x)
    dtype = value_of(x).dtype
    x = x if dtype.kind in "fc" else cast(x, np.float32)
    return cast(mean(x, axes, keepdims), dtype), cast(var(x, axes, keepdims), dtype)


@differentiable
def _logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Result:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    with np.errstate(divide="ignore"):
        high = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    out = high if keepdims else np.squeeze(high, axis=tuple(range(x.ndim)) if axis is None else axis)
    finite = np.where(np.isneginf(high), 0, high)
    return np.asarray(out), lambda d_out: _spread(d_out, x, axis, keepdims) * np.exp(x - finite)


def logsumexp(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(e^x)), the largest entry taken out first so that nothing overflows; its derivative is softmax(x)."""
    return _logsumexp(floating(x), axis=_axis(axis), keepdims=keepdims)


def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the smallest entry stands (the first of equals), as int32. Has no gradient."""
    values = value_of(_tensor(x))
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.inf, values)
        values = np.where((values == 0) & np.signbit(values), -np.finfo(values.dtype).tiny, values)
    return np.asarray(np.argmin(values, axis=axis, keepdims=keepdims), np.int32)


# Differences and areas -------------------------------------------------------------------------------------------------


def diff(a: Tensor, n: int = 1, axis: int = -1) -> Any:
    """x[i + 1] - x[i] along an axis, n times over."""
    out = _tensor(a)
    for _ in range(n):
        places = np.arange(value_of(out).shape[axis])
        upper, lower = take(out, places[1:], axis), take(out, places[:-1], axis)
        out = _differs(upper, lower) if value_of(out).dtype.kind == "b" else subtract(upper, lower)
    return out


def _differs(x1: Array, x2: Array) -> Array:
    return np.asarray(value_of(x1) != value_of(x2))


def trapezoid(y: Tensor, x: Tensor | None = None, dx: Tensor = 1.0, axis: int = -1) -> Any:
    """The area under y along an axis by trapezoids: sum_i (x[i+1] - x[i]) (y[i+1] + y[i]) / 2."""
    dtype = result_type(*([y] if x is None else [y, x]), dx, 0.0)
    y = convert_to_tensor(y, dtype)
    places = np.arange(value_of(y).shape[axis])
    pairs = add(take(y, places[1:], axis), take(y, places[:-1], axis))
    if x is None:
        return multiply(sum(multiply(pairs, 0.5), axis), convert_to_tensor(dx, dtype))
    x = convert_to_tensor(x, dtype)
    steps = diff(x, axis=axis if value_of(x).ndim > 1 else -1)
    if value_of(x).ndim == 1:
        shape = [1] * value_of(y).ndim
        shape[axis] = -1
        steps = reshape(steps, tuple(shape))
    return sum(multiply(multiply(steps, pairs), 0.5), axis)


# Past NaN --------------------------------------------------------------------------------------------------------------


def _nan(x: Tensor) -> Array:
    x = value_of(x)
    return np.isnan(x) if x.dtype.kind in "fc" else np.zeros(x.shape, bool)


def _without_nan(x: Tensor, instead: Any) -> Any:
    x = _tensor(x)
    return where(_nan(x), value_of(x).dtype.type(instead), x) if value_of(x).dtype.kind in "fc" else x


def nansum(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of what is not NaN."""
    return sum(_without_nan(x, 0), axis, keepdims)


def nanprod(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The product of what is not NaN."""
    return prod(_without_nan(x, 1), axis, keepdims)


def nanmean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of what is not NaN; NaN where nothing is left. Integers give float32."""
    x = _tensor(x)
    x = x if value_of(x).dtype.kind in "fc" else cast(x, np.float32)
    count = np.sum(~_nan(x), axis=_axis(axis), keepdims=keepdims).astype(value_of(x).dtype)
    return divide(nansum(x, axis, keepdims), count)


def nanvar(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance of what is not NaN."""
    x = floating(x)
    gone, zero = _nan(x), value_of(x).dtype.type(0)
    # NaN is taken out before it is computed with: 0 times NaN would be NaN again in the derivative.
    centred = where(gone, zero, subtract(where(gone, zero, x), nanmean(x, axis, keepdims=True)))
    count = np.sum(~gone, axis=_axis(axis), keepdims=keepdims).astype(zero.dtype)
    return divide(sum(square(centred), axis, keepdims), count)


def nanstd(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The square root of `nanvar`."""
    return sqrt(nanvar(x, axis, keepdims))


def nanmax(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest of what is not NaN; NaN where nothing is left."""
    return _nan_extreme(max, -np.inf, x, axis, keepdims)


def nanmin(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest of what is not NaN; NaN where nothing is left."""
    return _nan_extreme(min, np.inf, x, axis, keepdims)


def _nan_extreme(extreme: Any, instead: float, x: Tensor, axis: Any, keepdims: bool) -> Any:
    x = _tensor(x)
    if value_of(x).dtype.kind != "f":
        return extreme(x, axis, keepdims)
    nothing = np.all(_nan(x), axis=_axis(axis), keepdims=keepdims)
    return where(nothing, value_of(x).dtype.type(np.nan), extreme(_without_nan(x, instead), axis, keepdims))


def nanargmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the largest of what is not NaN stands; -1 where nothing is left."""
    nothing = np.all(_nan(_tensor(x)), axis=axis, keepdims=keepdims)
    return np.where(nothing, np.int32(-1), argmax(_without_nan(x, -np.inf), axis, keepdims))


def nanargmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Array:
    """Where the smallest of what is not NaN stands; -1 where nothing is left."""
    nothing = np.all(_nan(_tensor(x)), axis=axis, keepdims=keepdims)
    return np.where(nothing, np.int32(-1), argmin(_without_nan(x, np.inf), axis, keepdims))


def nancumsum(x: Tensor, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums that take NaN as 0."""
    return cumsum(_without_nan(x, 0), axis, dtype)


def nancumprod(x: Tensor, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products that take NaN as 1."""
    return cumprod(_without_nan(x, 1), axis, dtype)


# Scales ---------------------------------------------------------------------------------------------------------------


def psnr(x1: Tensor, x2: Tensor, max_val: Any) -> Any:
    """Peak signal to noise ratio in decibels: 20 log10(max_val) - 10 log10(mean (x1 - x2)^2).

    Raises:
        ValueError: shapes that differ.
    """
    x1, x2 = _tensor(x1), _tensor(x2)
    if tuple(x1.shape) != tuple(x2.shape):
        raise ValueError(f"psnr expects two arrays of one shape; got {tuple(x1.shape)} and {tuple(x2.shape)}.")
    x1, x2 = floating(x1), floating(x2)
    mse = mean(square(subtract(x1, x2)))
    peak = convert_to_tensor(max_val, value_of(mse).dtype)
    return subtract(multiply(log10(peak), 20.0), multiply(log10(mse), 10.0))
