"""Arrays from nothing but numbers: constants, grids, windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.ops.arrays import (
    _tensor,
    add,
    broadcast_to,
    convert_to_tensor,
    exp,
    expand_dims,
    log,
    multiply,
    power,
    reshape,
    result_type,
    subtract,
)
from tinynn.ops.shapes import moveaxis, swapaxes

# Constants -------------------------------------------------------------------------------------------------------------


def array(x: Any, dtype: Any = None) -> Any:
    """As `convert_to_tensor`."""
    return convert_to_tensor(x, dtype)


def empty(shape: Any, dtype: Any = None) -> Array:
    """An array to be filled; floatx by default. As in Keras on TensorFlow, it holds zeros."""
    return np.zeros(shape, dtype or config.floatx())


def empty_like(x: Tensor, dtype: Any = None) -> Array:
    """An array to be filled, in the shape of x; it holds zeros."""
    return np.zeros_like(value_of(_tensor(x)), dtype=dtype)


def full(shape: Any, fill_value: Tensor, dtype: Any = None) -> Any:
    """One value everywhere; floatx by default."""
    return broadcast_to(convert_to_tensor(fill_value, dtype or config.floatx()), _shape(shape))


def full_like(x: Tensor, fill_value: Tensor, dtype: Any = None) -> Any:
    """One value everywhere, in the shape and dtype of x."""
    x = value_of(_tensor(x))
    return broadcast_to(convert_to_tensor(fill_value, dtype or x.dtype), x.shape)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Ones on the k-th diagonal of an (N, M) array of zeros; M = N by default."""
    return np.eye(N, M, k, dtype=dtype or config.floatx())


def identity(n: int, dtype: Any = None) -> Array:
    """The unit matrix (n, n)."""
    return np.eye(n, dtype=dtype or config.floatx())


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Ones on and below the k-th diagonal of an (N, M) array of zeros."""
    return np.tri(N, M, k, dtype=dtype or config.floatx())


# Grids -----------------------------------------------------------------------------------------------------------------


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Array:
    """start, start + step, ... up to stop, itself excluded; one number means 0, 1, ... below it."""
    bounds = [value_of(x) for x in (start, stop, step) if x is not None]
    if dtype is None:
        dtype = result_type(*bounds)
    if stop is None:
        start, stop = 0, start
    return np.arange(value_of(start), value_of(stop), 1 if step is None else value_of(step)).astype(dtype)


def linspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """num values at equal steps from start to stop:  start + i (stop - start) / (num - 1), along a new axis.

    Args:
        start: the first value, or an array of them.
        stop: the last value, itself left out (and the steps (stop - start) / num) unless `endpoint`.
        num: how many.
        endpoint: whether stop is reached.
        retstep: give the step, too.
        dtype: of the result; that of start, stop and a float together by default.
        axis: where the new axis goes.
    """
    wanted = dtype or result_type(start, stop, 0.0)
    work = wanted if np.dtype(wanted).kind == "f" else np.dtype(config.floatx())
    start, stop = convert_to_tensor(start, work), convert_to_tensor(stop, work)
    parts = num - 1 if endpoint else num
    step = multiply(subtract(stop, start), np.asarray(1 / parts if parts > 0 else np.nan, work))
    lead = (num,) + (1,) * len(np.broadcast_shapes(tuple(start.shape), tuple(stop.shape)))
    at = (np.arange(num, dtype=np.float64) / max(parts, 1)).astype(work).reshape(lead)
    # Weighing both ends reaches each exactly, and the gradient goes to both.
    out = add(multiply(start, 1 - at), multiply(stop, at))
    out = convert_to_tensor(moveaxis(out, 0, axis), wanted)
    return (out, step) if retstep else out


def logspace(
    start: Tensor, stop: Tensor, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0
) -> Any:
    """base^y for the values y of `linspace`, which with an integer dtype are whole."""
    wanted = dtype or result_type(start, stop, 0.0)
    return power(np.asarray(base, wanted), linspace(start, stop, num, endpoint, dtype=wanted, axis=axis))


def geomspace(
    start: Tensor, stop: Tensor, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """num values at equal ratios from start to stop: `linspace` of the logarithms, both of one sign; floatx by default."""
    wanted = dtype or config.floatx()
    work = wanted if np.dtype(wanted).kind == "f" else np.dtype(config.floatx())
    start, stop = convert_to_tensor(start, work), convert_to_tensor(stop, work)
    sign = np.sign(value_of(start))
    out = exp(linspace(log(multiply(start, sign)), log(multiply(stop, sign)), num, endpoint, dtype=work, axis=axis))
    return convert_to_tensor(multiply(out, sign), wanted)


def meshgrid(*x: Tensor, indexing: str = "xy") -> list[Any]:
    """Coordinate arrays: the i-th varies along the i-th axis only; with "xy" the first two axes are exchanged.

    Raises:
        ValueError: an indexing other than "xy" and "ij".
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid expects indexing to be "xy" or "ij"; got {indexing!r}.')
    parts = [_tensor(part) for part in x]
    shape = tuple(int(value_of(part).size) for part in parts)
    grids = []
    for i, part in enumerate(parts):
        ones = [1] * len(parts)
        ones[i] = -1
        grid = broadcast_to(reshape(part, tuple(ones)), shape)
        grids.append(swapaxes(grid, 0, 1) if indexing == "xy" and len(parts) > 1 else grid)
    return grids


# Windows ---------------------------------------------------------------------------------------------------------------


def bartlett(x: int) -> Array:
    """A triangle over x points: 1 - |2 i / (x - 1) - 1|."""
    return np.bartlett(int(x)).astype(config.floatx())


def blackman(x: int) -> Array:
    """0.42 - 0.5 cos(2 pi i / (x - 1)) + 0.08 cos(4 pi i / (x - 1)) over x points."""
    return np.blackman(int(x)).astype(config.floatx())


def hamming(x: int) -> Array:
    """0.54 - 0.46 cos(2 pi i / (x - 1)) over x points, float32."""
    return np.hamming(int(x)).astype(np.float32)


def hanning(x: int) -> Array:
    """0.5 - 0.5 cos(2 pi i / (x - 1)) over x points, float32."""
    return np.hanning(int(x)).astype(np.float32)


def kaiser(x: int, beta: float) -> Array:
    """I0(beta sqrt(1 - (2 i / (x - 1) - 1)^2)) / I0(beta) over x points, I0 a Bessel function; float32."""
    return np.kaiser(int(x), float(beta)).astype(np.float32)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Any:
    """Columns of powers of x (n,): x^(N-1), ..., x, 1, or the other way around; N = n by default."""
    x = _tensor(x)
    n = value_of(x).size if N is None else N
    powers = np.arange(n) if increasing else np.arange(n)[::-1]
    return power(expand_dims(x, -1), powers.astype(value_of(x).dtype))


def _shape(shape: Any) -> Any:
    return (shape,) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)
