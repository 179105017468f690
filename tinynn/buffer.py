"""One flat vector for many variables: an optimizer step is one loop, a checkpoint one array, an exchange one call.

flat = [ dense/kernel | dense/bias | dense_1/kernel | ... ]     row-major, no gaps; each variable's value is a view
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from tinynn._typing import Array, DType, Shape
from tinynn.variable import Variable


def split_views(flat: Array, shapes: Sequence[Shape]) -> list[Array]:
    """Views of a flat vector, one after another, in the given shapes: no copy."""
    stops = list(accumulate(math.prod(shape) for shape in shapes))
    return [
        part.reshape(shape) for part, shape in zip(np.split(flat, stops[:-1]) if stops else [], shapes, strict=True)
    ]


def flat_view(variables: Sequence[Variable]) -> Array | None:
    """The flat vector that these variables tile, in this order and without gaps; None when they do not."""
    if not variables:
        return None
    first = variables[0].value
    base = first.base
    if not isinstance(base, np.ndarray) or base.ndim != 1 or base.dtype != first.dtype or not base.flags.c_contiguous:
        return None
    start = stop = (_address(first) - _address(base)) // base.itemsize
    for variable in variables:
        value = variable.value
        in_place = value.base is base and value.flags.c_contiguous and value.dtype == base.dtype
        if not in_place or _address(value) != _address(base) + stop * base.itemsize:
            return None
        stop += value.size
    view: Array = base[start:stop]
    return view


def pack(variables: Sequence[Variable]) -> list[Array]:
    """Make the variables views of one flat vector per dtype, keeping their values; nothing moves when they are already.

    A layer that two models share belongs to the vector of the model that trained last; either still works.

    Returns:
        The flat vectors, in the order in which their dtypes first occur.
    """
    flats = []
    for dtype in dict.fromkeys(variable.value.dtype for variable in variables):
        group = [variable for variable in variables if variable.value.dtype == dtype]
        flat = flat_view(group)
        flats.append(_repack(group, dtype) if flat is None else flat)
    return flats


def _repack(variables: Sequence[Variable], dtype: DType) -> Array:
    flat = np.empty(sum(variable.value.size for variable in variables), dtype)
    for variable, view in zip(variables, split_views(flat, [variable.shape for variable in variables]), strict=True):
        view[...] = variable.value
        variable.value = view
    return flat


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]
