"""Statistics: order statistics (quantiles, medians), correlations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynn import config
from tinynn._checks import unknown_name
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.ops.arrays import (
    _tensor,
    add,
    clip,
    convert_to_tensor,
    divide,
    floating,
    getitem,
    matmul,
    mean,
    multiply,
    reshape,
    result_type,
    sqrt,
    stack,
    subtract,
    transpose,
    where,
)
from tinynn.ops.elementwise import floating_or_double
from tinynn.ops.indexing import take_along_axis
from tinynn.ops.shapes import diagonal, extract_sequences, pad
from tinynn.ops.sorting import sort

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def quantile(x: Tensor, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The value below which the part q of the entries lies: the sorted entry at place q (n - 1), or between two.

    Args:
        x: any array; integers become floatx. A NaN makes its quantiles NaN.
        q: a number in [0, 1], or a vector of them, which gives the result a first axis.
        axis: one, several, or all.
        method: between two places, "linear" interpolates; "lower", "higher" and "nearest" take one of them,
            "midpoint" their mean.
        keepdims: keep the reduced axes with length 1.

    Raises:
        ValueError: an unknown method.
    """
    return _quantile(x, q, axis, method, keepdims, skip_nan=False)


def percentile(x: Tensor, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`quantile` with q from 0 to 100."""
    return _quantile(x, _hundredth(q), axis, method, keepdims, skip_nan=False)


def median(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The middle entry, or the mean of the two in the middle."""
    return _quantile(x, 0.5, axis, "linear", keepdims, skip_nan=False)


def nanquantile(x: Tensor, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The quantile of what is not NaN; NaN where nothing is left."""
    return _quantile(x, q, axis, method, keepdims, skip_nan=True)


def nanpercentile(x: Tensor, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """`nanquantile` with q from 0 to 100."""
    return _quantile(x, _hundredth(q, True), axis, method, keepdims, skip_nan=True)


def nanmedian(x: Tensor, axis: Any = None, keepdims: bool = False) -> Any:
    """The median of what is not NaN."""
    return _quantile(x, 0.5, axis, "linear", keepdims, skip_nan=True)


def _share(q: Any, skip_nan: bool = False) -> Array:
    """q as Keras rounds it: Python's floats become float32 whatever floatx is (0.3 is 0.30000001), floatx to skip NaN."""
    q = value_of(convert_to_tensor(q, config.floatx() if skip_nan else None))
    return np.asarray(q if q.dtype.kind == "f" else q.astype(config.floatx()))


def _hundredth(q: Any, skip_nan: bool = False) -> Array:
    q = _share(q, skip_nan)
    return np.asarray(q / q.dtype.type(100))


def _quantile(x: Tensor, q: Any, axis: Any, method: str, keepdims: bool, skip_nan: bool) -> Any:
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    x = floating(x)
    shape, dtype = tuple(x.shape), value_of(x).dtype
    axes = tuple(range(len(shape))) if axis is None else tuple(int(a) % len(shape) for a in np.atleast_1d(axis))
    kept = [a for a in range(len(shape)) if a not in axes]
    lines = reshape(transpose(x, [*kept, *axes]), (*(shape[a] for a in kept), math.prod(shape[a] for a in axes)))
    nan = np.isnan(value_of(lines))
    ordered = sort(lines, -1)  # NaN comes last
    count = (
        (~nan).sum(axis=-1, keepdims=True) if skip_nan else np.full((*value_of(lines).shape[:-1], 1), lines.shape[-1])
    )
    gone = nan.all(axis=-1) if skip_nan else nan.any(axis=-1)
    share = _share(q, skip_nan).astype(np.float64)
    results = [_at_place(ordered, float(part) * np.maximum(count - 1, 0), method) for part in share.ravel()]
    results = [where(gone, dtype.type(np.nan), reshape(part, gone.shape)) for part in results]
    out = results[0] if share.ndim == 0 else reshape(stack(results), (*share.shape, *gone.shape))
    if not keepdims:
        return out
    return reshape(out, (*share.shape, *(1 if a in axes else n for a, n in enumerate(shape))))


def _at_place(ordered: Tensor, place: Array, method: str) -> Any:
    """The sorted entries (..., n) at places (..., 1) that need not be whole."""
    below, above = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    if method in ("lower", "higher", "nearest"):
        chosen = {"lower": below, "higher": above, "nearest": np.round(place).astype(np.int64)}[method]
        return take_along_axis(ordered, chosen, -1)
    low, high = take_along_axis(ordered, below, -1), take_along_axis(ordered, above, -1)
    dtype = value_of(ordered).dtype
    if method == "midpoint":
        return multiply(add(low, high), dtype.type(0.5))
    weight = (place - below).astype(dtype)
    return add(multiply(low, 1 - weight), multiply(high, weight))


def corrcoef(x: Tensor) -> Any:
    """Correlations (rows, rows) between the rows of x (rows, samples): c_ij / sqrt(c_ii c_jj), c the covariances."""
    x = floating_or_double(x)
    if value_of(x).ndim == 1:
        x = reshape(x, (1, -1))
    centred = subtract(x, mean(x, -1, keepdims=True))
    n = value_of(x).shape[-1]
    covariance = divide(matmul(centred, transpose(centred)), value_of(x).dtype.type(n - 1))
    deviation = sqrt(diagonal(covariance))
    out = divide(divide(covariance, reshape(deviation, (-1, 1))), reshape(deviation, (1, -1)))
    return reshape(clip(out, -1.0, 1.0), ()) if tuple(out.shape) == (1, 1) else clip(out, -1.0, 1.0)


def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> Any:
    """out[k] = sum_i x1[i + k] x2[i] for vectors: the products of x1 with x2 moved along it.

    Args:
        x1: (n,).
        x2: (m,).
        mode: "valid" where x2 lies wholly on x1 (nowhere if it is longer), "full" where they touch at all, "same" for the
            max(n, m) in the middle of "full".

    Raises:
        ValueError: another mode.
    """
    if mode not in ("valid", "same", "full"):
        raise unknown_name("mode", mode, ("valid", "same", "full"))
    both = result_type(value_of(_tensor(x1)), value_of(_tensor(x2)))
    dtype = np.float64 if both in (np.int64, np.float64) else np.float32
    x1, x2 = convert_to_tensor(x1, dtype), convert_to_tensor(x2, dtype)
    n, m = value_of(x1).size, value_of(x2).size
    if mode == "valid":
        return matmul(extract_sequences(x1, m, 1), x2)
    out = matmul(extract_sequences(pad(x1, (m - 1, m - 1)), m, 1), x2)
    longer = n if n > m else m
    start = (n + m - 1 - longer) // 2
    return out if mode == "full" else getitem(out, index=np.s_[start : start + longer])
