"""Entries put elsewhere: turned, repeated, joined, cut, picked. One derivative serves them all: see `moved`.

Picking along an axis (`take`, `sort`, `top_k`) and setting (`scatter`, segments) are in indexing.py and sorting.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import differentiable
from tinynn.ops.arrays import (
    Result,
    _axis,
    _tensor,
    broadcast_to,
    concatenate,
    expand_dims,
    getitem,
    reshape,
    transpose,
    where,
)


@differentiable
def moved(x: Array, move: Callable[[Array], Array]) -> Result:
    """move(x), where every entry of the result is an entry of x, or 0.

    out[i] = x[origin(i)], so dL/dx[k] is the sum of d_out over the places i that came from k. Where they came from is
    found by moving the numbers 1, 2, ... in the same way; 0 marks what came from nowhere.
    """

    def backward(d_out: Array) -> Array:
        origin = move(np.arange(1, x.size + 1).reshape(x.shape)).ravel()
        d_x = np.bincount(origin, weights=d_out.ravel(), minlength=x.size + 1)[1:]
        return d_x.reshape(x.shape).astype(d_out.dtype)

    return np.asarray(move(x)), backward


# Order of axes ---------------------------------------------------------------------------------------------------------


def moveaxis(x: Tensor, source: Any, destination: Any) -> Any:
    """Axes put in other places, the rest in their order."""
    return moved(_tensor(x), move=lambda part: np.moveaxis(part, source, destination))


def swapaxes(x: Tensor, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return moved(_tensor(x), move=lambda part: np.swapaxes(part, axis1, axis2))


def ravel(x: Tensor) -> Any:
    """All entries in one axis, row by row."""
    return reshape(_tensor(x), (-1,))


def rot90(array: Tensor, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by k right angles in the plane of two axes, from the first towards the second."""
    return moved(_tensor(array), move=lambda part: np.rot90(part, k, tuple(axes)))


def flip(x: Tensor, axis: Any = None) -> Any:
    """Backwards along an axis, several, or all."""
    return moved(_tensor(x), move=lambda part: np.flip(part, _axis(axis)))


def fliplr(x: Tensor) -> Any:
    """Backwards along the second axis."""
    return flip(x, 1)


def flipud(x: Tensor) -> Any:
    """Backwards along the first axis."""
    return flip(x, 0)


def roll(x: Tensor, shift: Any, axis: Any = None) -> Any:
    """Moved on by `shift` places; what leaves at the end comes in at the start. Without an axis, as if flat."""
    return moved(_tensor(x), move=lambda part: np.roll(part, shift, _axis(axis)))


# Repetition ------------------------------------------------------------------------------------------------------------


def repeat(x: Tensor, repeats: Any, axis: int | None = None) -> Any:
    """Each slice along an axis several times in a row; without an axis, each entry of the flat array."""
    repeats = value_of(repeats)
    return moved(_tensor(x), move=lambda part: np.repeat(part, repeats, axis))


def tile(x: Tensor, repeats: Any) -> Any:
    """The whole array several times along each axis."""
    return moved(_tensor(x), move=lambda part: np.tile(part, repeats))


def pad(x: Tensor, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """More entries before and after those along each axis.

    Args:
        x: any array.
        pad_width: one number, a pair (before, after), or a pair for each axis.
        mode: "constant", "reflect" (mirrored at the last entry, which is not repeated) or "symmetric" (it is repeated).
        constant_values: what to put there with "constant"; 0 by default.

    Raises:
        ValueError: another mode, or constant_values with one that does not use them.
    """
    if mode not in ("constant", "reflect", "symmetric"):
        raise ValueError(f'pad expects mode to be "constant", "reflect" or "symmetric"; got {mode!r}.')
    if mode != "constant" and constant_values is not None:
        raise ValueError(
            "Argument `constant_values` can only be provided when `mode == 'constant'`. "
            f"Received: constant_values={constant_values}"
        )
    x = _tensor(x)
    width = _pad_width(pad_width, value_of(x).ndim)
    out = moved(x, move=lambda part: np.pad(part, width, mode))  # type: ignore[call-overload]
    if constant_values is None or np.all(np.asarray(constant_values) == 0):
        return out
    inside = np.pad(np.ones(value_of(x).shape, bool), width)
    return where(inside, out, np.asarray(value_of(constant_values), value_of(x).dtype))


def _pad_width(pad_width: Any, ndim: int) -> Any:
    """A pair for each axis."""
    width = np.asarray(value_of(pad_width))
    return [(int(before), int(after)) for before, after in np.broadcast_to(width, (ndim, 2))]


# Diagonals and triangles -----------------------------------------------------------------------------------------------


def diag(x: Tensor, k: int = 0) -> Any:
    """A vector on the k-th diagonal of a matrix of zeros, or the k-th diagonal of a matrix."""
    return moved(_tensor(x), move=lambda part: np.diag(part, k))


def diagflat(x: Tensor, k: int = 0) -> Any:
    """All entries on the k-th diagonal of a matrix of zeros."""
    return moved(_tensor(x), move=lambda part: np.diagflat(part, k))


def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A diagonal of the matrices in the plane of two axes, along a new last axis."""
    return moved(_tensor(x), move=lambda part: np.diagonal(part, offset, axis1, axis2))


def tril(x: Tensor, k: int = 0) -> Any:
    """What is on and below the k-th diagonal; 0 above."""
    return moved(_tensor(x), move=lambda part: np.tril(part, k))


def triu(x: Tensor, k: int = 0) -> Any:
    """What is on and above the k-th diagonal; 0 below."""
    return moved(_tensor(x), move=lambda part: np.triu(part, k))


# Cutting ---------------------------------------------------------------------------------------------------------------


def split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts along an axis: so many equal ones, or cut at these places.

    Raises:
        ValueError: a length that is no multiple of the number of parts.
    """
    x = _tensor(x)
    indices_or_sections = value_of(indices_or_sections)
    n = value_of(x).shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if n % indices_or_sections:
            raise ValueError(
                f"split expects the length of axis {axis}, {n}, to be a multiple of the number of parts, "
                f"{indices_or_sections}; array_split takes any."
            )
        stops = list(range(0, n + 1, n // indices_or_sections)) if n else [0] * (indices_or_sections + 1)
    else:
        stops = [0, *(int(i) for i in indices_or_sections), n]
    return [_part(x, slice(start, stop), axis) for start, stop in pairwise(stops)]


def array_split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """As `split`, but a length that is no multiple gives the first parts one entry more."""
    x = _tensor(x)
    n = value_of(x).shape[axis]
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, axis)
    size, longer = divmod(n, int(indices_or_sections))
    sizes = [size + (i < longer) for i in range(int(indices_or_sections))]
    return split(x, np.cumsum(sizes)[:-1], axis)


def vsplit(x: Tensor, indices_or_sections: Any) -> list[Any]:
    """Parts along the first axis."""
    return split(x, indices_or_sections, 0)


def hsplit(x: Tensor, indices_or_sections: Any) -> list[Any]:
    """Parts along the second axis, or the only one."""
    return split(x, indices_or_sections, 0 if value_of(_tensor(x)).ndim == 1 else 1)


def dsplit(x: Tensor, indices_or_sections: Any) -> list[Any]:
    """Parts along the third axis."""
    return split(x, indices_or_sections, 2)


def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[Any]:
    """The slices along an axis, which disappears.

    Raises:
        ValueError: `num` differs from the axis's length.
    """
    x = _tensor(x)
    n = value_of(x).shape[axis]
    if num is not None and num != n:
        raise ValueError(f"unstack expects num to be the length of axis {axis}, {n}; got {num}.")
    return [_part(x, i, axis) for i in range(n)]


def _part(x: Tensor, place: Any, axis: int) -> Any:
    index = [slice(None)] * value_of(x).ndim
    index[axis] = place
    return getitem(x, index=tuple(index))


# Joining ---------------------------------------------------------------------------------------------------------------


def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Any:
    """x2 after x1 along an axis; both flat without one."""
    parts = [_tensor(x1), _tensor(x2)]
    return concatenate([ravel(part) for part in parts]) if axis is None else concatenate(parts, axis)


def vstack(xs: Sequence[Tensor]) -> Any:
    """Joined along the first axis: vectors end to end, as in Keras on TensorFlow (NumPy makes rows of them: `stack`)."""
    return concatenate([_at_least(x, 1) for x in xs], 0)


def hstack(xs: Sequence[Tensor]) -> Any:
    """Joined along the second axis, vectors along their only one."""
    parts = [_at_least(x, 1) for x in xs]
    return concatenate(parts, 0 if value_of(parts[0]).ndim == 1 else 1)


def dstack(xs: Sequence[Tensor]) -> Any:
    """Joined along the third axis; vectors (n,) count as (1, n, 1), matrices (m, n) as (m, n, 1)."""
    return concatenate([_at_least(x, 3) for x in xs], 2)


def _at_least(x: Tensor, ndim: int) -> Any:
    """With axes of length one added as `np.atleast_1d`, `_2d` and `_3d` do."""
    x = _tensor(x)
    have = value_of(x).ndim
    if have < 2 <= ndim:
        x = expand_dims(reshape(x, (-1,)), 0)
    if have == 0 and ndim == 1:
        x = reshape(x, (1,))
    return expand_dims(x, -1) if ndim == 3 and value_of(x).ndim == 2 else x


# Windows over a sequence -----------------------------------------------------------------------------------------------


def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Any:
    """Windows of a length along the last axis, a stride apart: (..., n) -> (..., windows, sequence_length)."""
    x = _tensor(x)
    n = value_of(x).shape[-1]
    starts = np.arange(0, n - sequence_length + 1, sequence_stride)
    places = starts[:, None] + np.arange(sequence_length)
    return moved(x, move=lambda part: np.take(part, places, axis=-1))


# By a pattern ----------------------------------------------------------------------------------------------------------


def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> Any:
    """Axes split, merged and reordered by names: "b (h w) c -> b h w c" with h=2.

    Args:
        tensor: what to rearrange.
        pattern: names of axes, before and after "->". Names in brackets share an axis, the first varying slowest.
        axes_lengths: lengths of names in brackets; one per bracket may be left out.

    Raises:
        ValueError: a pattern without "->", names that differ on both sides, or lengths that do not fit.
    """
    x = _tensor(tensor)
    if pattern.count("->") != 1:
        raise ValueError(f'rearrange expects a pattern such as "b h w -> b (h w)"; got {pattern!r}.')
    before, after = (_groups(side) for side in pattern.split("->"))
    names = [name for group in before for name in group]
    if sorted(names) != sorted(name for group in after for name in group) or len(set(names)) != len(names):
        raise ValueError(f"rearrange expects the same names, each once, on both sides of {pattern!r}.")
    shape = value_of(x).shape
    if len(before) != len(shape):
        raise ValueError(f"rearrange expects {len(before)} axes for {pattern!r}; got shape {shape}.")
    lengths = dict(axes_lengths)
    for group, n in zip(before, shape):
        unknown = [name for name in group if name not in lengths]
        known = math.prod(lengths[name] for name in group if name in lengths)
        if len(unknown) > 1 or (known and n % known) or (not unknown and known != n):
            raise ValueError(
                f"rearrange cannot split an axis of length {n} into ({' '.join(group)}) with {axes_lengths}."
            )
        if unknown:
            lengths[unknown[0]] = n // known if known else 0
    split_up = reshape(x, tuple(lengths[name] for name in names))
    order = [names.index(name) for group in after for name in group]
    return reshape(transpose(split_up, order), tuple(math.prod(lengths[name] for name in group) for group in after))


def _groups(side: str) -> list[list[str]]:
    """ "b (h w)" -> [["b"], ["h", "w"]]."""
    groups: list[list[str]] = []
    inside = False
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        if token == "(":
            groups.append([])
            inside = True
        elif token == ")":
            inside = False
        elif inside:
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


def stretched(*xs: Tensor) -> list[Any]:
    """Arrays broadcast to the shape they have together."""
    arrays = [_tensor(x) for x in xs]
    shape = np.broadcast_shapes(*(tuple(x.shape) for x in arrays))
    return [x if tuple(x.shape) == shape else broadcast_to(x, shape) for x in arrays]
