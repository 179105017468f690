"""Picking entries by place, and setting them: take, slice, scatter, segments, the marks of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn import config
from tinynn._checks import unknown_name
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import differentiable
from tinynn.ops.arrays import Result, _tensor, cast, convert_to_tensor, getitem, result_type, where
from tinynn.ops.shapes import moved

# Picking ---------------------------------------------------------------------------------------------------------------


def take(x: Tensor, indices: Tensor, axis: int | None = None) -> Any:
    """The slices at these places along an axis (of the flat array without one); negative places count from the end."""
    places = _places(indices)
    return moved(_tensor(x), move=lambda part: np.take(part, places, axis))


def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> Any:
    """out[i, j] = x[i, indices[i, j]] for the last of two axes, and so on: each line its own places. Other axes broadcast."""
    places = _places(indices)

    def move(part: Array) -> Array:
        if axis is None:
            return part.ravel()[places]
        if part.ndim == places.ndim:
            shape = list(np.broadcast_shapes(*(tuple(np.delete(a.shape, axis)) for a in (part, places))))
            place = axis % part.ndim
            part = np.broadcast_to(part, (*shape[:place], part.shape[axis], *shape[place:]))
            return np.take_along_axis(
                part, np.broadcast_to(places, (*shape[:place], places.shape[axis], *shape[place:])), axis
            )
        return np.take_along_axis(part, places, axis)

    return moved(_tensor(x), move=move)


def get_item(x: Tensor, key: Any) -> Any:
    """x[key]."""
    return getitem(_tensor(x), index=tuple(map(value_of, key)) if isinstance(key, tuple) else value_of(key))


def slice(inputs: Tensor, start_indices: Any, shape: Any) -> Any:
    """The block of this shape that starts at this place; a length of -1 goes to the end."""
    return getitem(_tensor(inputs), index=_block(start_indices, shape))


def slice_update(inputs: Tensor, start_indices: Any, updates: Tensor) -> Any:
    """A copy in which the block that starts at this place is replaced by `updates`."""
    inputs, updates = _tensor(inputs), _tensor(updates)
    return _with_block(inputs, cast(updates, inputs.dtype), index=_block(start_indices, updates.shape))


@differentiable
def _with_block(x: Array, updates: Array, index: Any) -> Result:
    out = x.copy()
    out[index] = updates

    def backward(d_out: Array) -> Any:
        d_x = d_out.copy()
        d_x[index] = 0
        return d_x, d_out[index]

    return out, backward


def _block(start_indices: Any, shape: Any) -> Any:
    starts = [int(i) for i in np.atleast_1d(value_of(start_indices))]
    lengths = [int(n) for n in np.atleast_1d(value_of(shape))] if len(starts) else []
    return tuple(np.s_[i : None if n == -1 else i + n] for i, n in zip(starts, lengths, strict=True))


# Setting ---------------------------------------------------------------------------------------------------------------


@differentiable
def _scattered(values: Array, places: Any, shape: Any) -> Result:
    out = np.zeros(shape, values.dtype)
    np.add.at(out, places, values)
    return out, lambda d_out: d_out[places]


def scatter(indices: Tensor, values: Tensor, shape: Any) -> Any:
    """Zeros with values added at places: out[indices[i]] += values[i]. The derivative reads d_out there.

    Args:
        indices: (..., axes), the place on the first `axes` axes for each value.
        values: (..., *rest), what to add; several to one place add up.
        shape: of the result.
    """
    return _scattered(_tensor(values), places=_rows_as_index(indices), shape=tuple(int(n) for n in value_of(shape)))


def scatter_update(inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None) -> Any:
    """A copy in which out[indices[i]] is updates[i], or what comes of it and the entry that was there.

    Args:
        inputs: what to copy.
        indices: (n, axes), places on the first `axes` axes.
        updates: (n, *rest).
        reduction: None to replace; "add", "max", "min" or "mul".

    Raises:
        ValueError: another reduction.
    """
    inputs, updates = _tensor(inputs), _tensor(updates)
    updates = cast(updates, inputs.dtype)
    places = _rows_as_index(indices)
    if reduction is None:
        return _replaced(inputs, updates, places=places)
    known = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}
    if reduction not in known:
        raise unknown_name("reduction", str(reduction), known)
    return _combined(inputs, updates, places=places, ufunc=known[reduction])


@differentiable
def _replaced(x: Array, updates: Array, places: Any) -> Result:
    """Of several updates to one place the last stands; the gradient goes to that one."""
    out, owner = x.copy(), np.full(x.shape, -1)
    numbers = np.arange(updates.size).reshape(updates.shape)
    out[places], owner[places] = updates, numbers

    def backward(d_out: Array) -> Any:
        return np.where(owner < 0, d_out, 0), np.where(owner[places] == numbers, d_out[places], 0)

    return out, backward


@differentiable
def _combined(x: Array, updates: Array, places: Any, ufunc: Any) -> Result:
    """add: every summand moves the sum by as much as itself. mul: by the product of the others. max, min: equals share."""
    out = x.copy()
    ufunc.at(out, places, updates)

    def backward(d_out: Array) -> Any:
        if ufunc is np.add:
            return d_out, d_out[places]
        if ufunc is np.multiply:
            return _d_products(d_out, x, updates, places)
        mine, theirs = x == out, updates == out[places]
        tied = mine.astype(x.dtype)
        np.add.at(tied, places, theirs)
        share = d_out / np.where(tied == 0, 1, tied)
        return mine * share, theirs * share[places]

    return out, backward


def _d_products(d_out: Array, x: Array, updates: Array, places: Any) -> tuple[Array, Array]:
    """Products of all factors but one, right also where factors are 0: the nonzero ones' product, unless another is 0."""
    product, zeros = np.where(x == 0, 1, x), (x == 0).astype(int)
    np.multiply.at(product, places, np.where(updates == 0, 1, updates))
    np.add.at(zeros, places, updates == 0)

    def others(factor: Array, product: Array, zeros: Array) -> Array:
        left = zeros - (factor == 0)
        return np.where(left > 0, 0, product / np.where(factor == 0, 1, factor))

    return d_out * others(x, product, zeros), d_out[places] * others(updates, product[places], zeros[places])


def _rows_as_index(indices: Tensor) -> Any:
    return tuple(np.moveaxis(_places(indices), -1, 0))


# Segments --------------------------------------------------------------------------------------------------------------


def segment_sum(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Any:
    """out[s] = the sum of the rows data[i] with segment_ids[i] = s; rows with ids outside 0..num_segments - 1 count nowhere.

    Args:
        data: (n, ...).
        segment_ids: (n,), integers.
        num_segments: how many segments; the largest id and one by default.
        sorted: whether ids are known to rise; makes no difference here.
    """
    return _segments(data, segment_ids, num_segments, np.add, 0)


def segment_prod(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Any:
    """As `segment_sum`, with products; an empty segment gives 1."""
    return _segments(data, segment_ids, num_segments, np.multiply, 1)


def segment_max(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Any:
    """As `segment_sum`, with the largest; tied rows share the gradient. An empty segment gives the lowest number there is."""
    dtype = value_of(_tensor(data)).dtype
    return _segments(data, segment_ids, num_segments, np.maximum, _limits(dtype).min)


def segment_min(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> Any:
    """As `segment_sum`, with the smallest; tied rows share the gradient. An empty segment gives the highest number there is."""
    dtype = value_of(_tensor(data)).dtype
    return _segments(data, segment_ids, num_segments, np.minimum, _limits(dtype).max)


def _limits(dtype: Any) -> Any:
    return np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)


def _segments(data: Tensor, segment_ids: Tensor, num_segments: int | None, ufunc: Any, empty: Any) -> Any:
    data, ids = _tensor(data), _places(segment_ids)
    if num_segments is None:
        num_segments = int(ids.max(initial=-1)) + 1
    inside = np.flatnonzero((ids >= 0) & (ids < num_segments))
    if len(inside) < len(ids):
        data, ids = take(data, inside, 0), ids[inside]
    start = np.full((num_segments, *value_of(data).shape[1:]), empty, value_of(data).dtype)
    return _combined(start, data, places=(ids,), ufunc=ufunc)


# Marks of classes ------------------------------------------------------------------------------------------------------


def multi_hot(inputs: Tensor, num_classes: int | None = None, axis: int = -1, dtype: Any = None) -> Array:
    """Sets of class numbers (..., n) as rows (..., num_classes) with ones at the classes in the set.

    Numbers outside 0..num_classes - 1 are left out. As in Keras, of more than two axes it is the second that holds the sets,
    and for a single set the marks stand along the last axis only.

    Raises:
        ValueError: no num_classes.
    """
    if num_classes is None:
        raise ValueError("multi_hot expects num_classes, the length of its rows; got None.")
    labels = _places(inputs)
    marks = (labels[..., None] == np.arange(num_classes)).astype(dtype or config.floatx())
    marks = marks if axis == -1 else np.moveaxis(marks, -1, axis)
    return np.asarray(marks.max(axis=1 if labels.ndim > 1 else 0))


# Choices ---------------------------------------------------------------------------------------------------------------


def select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor = 0) -> Any:
    """For each entry, that of the first choice whose condition holds, else the default; the gradient goes where it was taken.

    Raises:
        ValueError: lists of different lengths, or empty ones.
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(
            f"select expects as many choices as conditions, at least one; got {len(choicelist)} and {len(condlist)}."
        )
    dtype = result_type(*choicelist, default)
    out = convert_to_tensor(default, dtype)
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        out = where(condition, convert_to_tensor(choice, dtype), out)
    return out


def unravel_index(indices: Tensor, shape: Any) -> tuple[Array, ...]:
    """Places in the flat array as places on each axis."""
    flat = value_of(_tensor(indices))
    return tuple(np.asarray(place, flat.dtype) for place in np.unravel_index(flat, tuple(shape)))


def nonzero(x: Tensor) -> tuple[Array, ...]:
    """The places of the entries that are not 0: an int32 array of them for each axis."""
    return tuple(place.astype(np.int32) for place in np.nonzero(value_of(_tensor(x))))


def _places(indices: Tensor) -> Array:
    return np.asarray(value_of(_tensor(indices))).astype(np.int64)
