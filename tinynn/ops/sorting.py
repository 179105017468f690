"""Order: sorting, searching, counting, the largest few. A sorted array is the array with its entries moved: see `moved`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.ops.arrays import _tensor, convert_to_tensor, result_type
from tinynn.ops.indexing import take_along_axis
from tinynn.ops.shapes import moved


class TopK(NamedTuple):
    """What `top_k` gives."""

    values: Any
    indices: Array


def argsort(x: Tensor, axis: int | None = -1) -> Array:
    """The places of the entries along an axis in rising order, equals in their order, as int32. None: of the flat array."""
    x = value_of(_tensor(x))
    if axis is None:
        x, axis = x.ravel(), -1
    return np.asarray(np.argsort(x, axis=axis, kind="stable"), np.int32)


def sort(x: Tensor, axis: int | None = -1) -> Any:
    """The entries along an axis in rising order (of the flat array with None); each takes its gradient along."""
    x = _tensor(x)
    order = argsort(x, axis).astype(np.int64)
    if axis is None:
        return moved(x, move=lambda part: part.ravel()[order])
    return moved(x, move=lambda part: np.take_along_axis(part, order, axis))


def argpartition(x: Tensor, kth: int, axis: int = -1) -> Array:
    """Places such that the entry at kth is where sorting puts it, lower ones before and higher ones after; int32."""
    return np.asarray(np.argpartition(value_of(_tensor(x)), kth, axis), np.int32)


def top_k(x: Tensor, k: int, sorted: bool = True) -> TopK:
    """The k largest along the last axis, the largest first, and their places.

    Args:
        x: (..., n).
        k: how many, at most n.
        sorted: Keras leaves their order open if False; here they are sorted all the same.

    Returns:
        (values, indices), both (..., k), the indices int32; the first of equals comes first.

    Raises:
        ValueError: k above n.
    """
    x = _tensor(x)
    values = value_of(x)
    if not 0 <= k <= values.shape[-1]:
        raise ValueError(f"top_k expects k between 0 and the length of the last axis, {values.shape[-1]}; got {k}.")
    upside_down = -values.astype(np.int64) - 1 if values.dtype.kind in "iub" else -values
    places = np.argsort(upside_down, axis=-1, kind="stable")[..., :k]
    return TopK(take_along_axis(x, places, -1), places.astype(np.int32))


def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Array:
    """Whether the target class is among the k with the highest predictions; those tied with the last of them count, too.

    Args:
        targets: (batch,), class numbers; one outside 0..classes - 1 is never in.
        predictions: (batch, classes); rows with a NaN or infinity at or above the target's are out.
        k: how many.
    """
    labels, scores = value_of(_tensor(targets)).astype(np.int64), value_of(_tensor(predictions))
    inside = (labels >= 0) & (labels < scores.shape[1])
    mine = np.take_along_axis(scores, np.where(inside, labels, 0)[:, None], axis=1)
    finite = np.isfinite(scores).all(axis=1)
    return np.asarray(inside & finite & ((scores > mine).sum(axis=1) < k))


def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Array:
    """Where to insert values so that the sequence stays sorted: before equals, or after them with side="right"; int32.

    Raises:
        ValueError: a sequence that is not a vector.
    """
    sequence = value_of(_tensor(sorted_sequence))
    if sequence.ndim != 1:
        raise ValueError(
            "`searchsorted` only supports 1-D sorted sequences. You can use `keras.ops.vectorized_map` to extend it to N-D "
            f"sequences. Received: sorted_sequence.shape={sequence.shape}"
        )
    dtype = result_type(sequence, values)
    wanted = value_of(convert_to_tensor(values, dtype))
    return np.asarray(np.searchsorted(sequence.astype(dtype), wanted, side), np.int32)  # type: ignore[call-overload]


def digitize(x: Tensor, bins: Any) -> Array:
    """The number of the bin of each entry, i where bins[i - 1] <= x < bins[i]; int32."""
    return np.asarray(np.digitize(value_of(_tensor(x)), np.asarray(value_of(bins))), np.int32)


def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Array:
    """How often each of 0, 1, ... is among the integers x (or the sum of its weights), each row of a matrix by itself."""
    labels = value_of(_tensor(x)).astype(np.int64)
    length = max(int(labels.max(initial=-1)) + 1, minlength)
    dtype: Any = np.int32
    if weights is not None:
        given = value_of(_tensor(weights))
        dtype = result_type(value_of(_tensor(x)), given)
    rows = labels.reshape(-1, labels.shape[-1])
    weighing = [None] * len(rows) if weights is None else given.reshape(rows.shape)
    counts = [np.bincount(row, w, length) for row, w in zip(rows, weighing)]
    return np.asarray(counts, dtype).reshape((*labels.shape[:-1], length))


def histogram(x: Tensor, bins: int = 10, range: Any = None) -> tuple[Array, Array]:
    """How many entries fall into bins of equal width over a range, that of x by default, and the edges of the bins.

    Returns:
        counts (bins,) and edges (bins + 1,), both of x's dtype, as in Keras.
    """
    values = value_of(_tensor(x)).ravel()
    low, high = (values.min(), values.max()) if range is None else range
    edges = np.linspace(low, high, bins + 1).astype(values.dtype)
    inside = values[(values >= low) & (values <= high)]
    counts = np.bincount(np.searchsorted(edges[1:-1], inside, side="right"), minlength=bins)
    return counts.astype(values.dtype), edges


def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different entries (or slices along an axis) in rising order.

    Args:
        x: any array.
        sorted: makes no difference here: they always are.
        return_index: also where each is first.
        return_inverse: also which of them each entry is.
        return_counts: also how often each is there.
        axis: compare slices along it; None compares entries.
        size: cut to this many, or filled up to it.
        fill_value: what to fill up with; the first value by default.
    """
    x = value_of(_tensor(x))
    found = np.unique(x, True, True, True, axis=axis)
    values, others = found[0], [found[1], found[2], found[3]]
    along = axis or 0
    if size is not None:
        missing = size - values.shape[along]
        values = np.take(values, np.arange(min(size, values.shape[along])), along)
        if missing > 0:
            filler = (
                np.take(values, [0], along)
                if fill_value is None
                else np.full_like(np.take(values, [0], along), fill_value)
            )
            values = np.concatenate([values, np.repeat(filler, missing, along)], along)
        others[0] = _cut_or_filled(others[0], size, others[0][:1])
        others[2] = _cut_or_filled(others[2], size, np.zeros(1, int))
    wanted = [y.astype(np.int32) for y, asked in zip(others, (return_index, return_inverse, return_counts)) if asked]
    return (values, *wanted) if wanted else values


def _cut_or_filled(x: Array, size: int, filler: Array) -> Array:
    return np.concatenate([x[:size], np.repeat(filler, max(size - len(x), 0))])
