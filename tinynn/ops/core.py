"""Control flow and what arrays are: in tinynn, Python itself decides, and the tape records what was done.

cond, while_loop, scan and the like are there for code written for Keras: plain `if`, `for` and `while` do as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.ops.arrays import _tensor, cast, clip, concatenate, getitem, reshape, stack
from tinynn.ops.shapes import stretched

# Branches and loops ----------------------------------------------------------------------------------------------------


def cond(pred: Tensor, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """true_fn() if pred holds, else false_fn(); only one of them is called."""
    return true_fn() if bool(value_of(pred)) else false_fn()


def switch(index: Tensor, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """branches[index](*operands); an index outside goes to the first or last."""
    place = int(np.clip(int(value_of(index)), 0, len(branches) - 1))
    return branches[place](*operands)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """loop_vars = body(*loop_vars) for as long as cond(*loop_vars) holds.

    Args:
        cond: gives a truth value.
        body: gives new loop variables, as many as it takes.
        loop_vars: a tuple or list of them, or a single one.
        maximum_iterations: stop after this many.
    """
    several = isinstance(loop_vars, (tuple, list))
    now = tuple(loop_vars) if several else (loop_vars,)
    done = 0
    while bool(value_of(cond(*now))) and (maximum_iterations is None or done < maximum_iterations):
        out = body(*now)
        now = tuple(out) if isinstance(out, (tuple, list)) and several else (out,)
        done += 1
    return now if several else now[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """value = body_fun(i, value) for i = lower, ..., upper - 1, from init_val."""
    value = init_val
    for i in range(int(value_of(lower)), int(value_of(upper))):
        value = body_fun(i, value)
    return value


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[Any, Any]:
    """carry, y = f(carry, x) for each slice x of xs along its first axis, from carry = init.

    Args:
        f: takes the carry and a slice (None without xs).
        init: the first carry: an array, or a tuple, list or dict of them.
        xs: an array or a structure of arrays of one length.
        length: how many steps; needed without xs.
        reverse: from the last slice to the first; the ys stand in the order of the xs all the same.
        unroll: makes no difference here.

    Returns:
        The last carry, and the ys stacked.

    Raises:
        ValueError: neither xs nor length.
    """
    leaves = _leaves(xs)
    if length is None:
        if not leaves:
            raise ValueError("scan expects xs, or the number of steps as length=...; got neither.")
        length = value_of(_tensor(leaves[0])).shape[0]
    carry, ys = init, []
    for i in reversed(range(int(length))) if reverse else range(int(length)):
        carry, y = f(carry, _mapped(lambda part, i=i: getitem(_tensor(part), index=i), xs))
        ys.append(y)
    return carry, _stacked(ys[::-1] if reverse else ys)


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Running results: e0, f(e0, e1), f(f(e0, e1), e2), ... along an axis, for an associative f of arrays with that axis.

    One after the other, where Keras goes by pairs: for an f that is associative but for rounding, so is the result.
    """
    leaves = _leaves(elems)
    n = value_of(_tensor(leaves[0])).shape[axis]

    def slice_at(i: int) -> Any:
        def of(part: Tensor) -> Any:
            index = [slice(None)] * value_of(_tensor(part)).ndim
            index[axis] = slice(i, i + 1)
            return getitem(_tensor(part), index=tuple(index))

        return _mapped(of, elems)

    running: list[Any] = []
    for i in reversed(range(n)) if reverse else range(n):
        running.append(slice_at(i) if not running else f(running[-1], slice_at(i)))
    return _joined(running[::-1] if reverse else running, axis)


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """f of each slice along the first axis, stacked."""
    n = value_of(_tensor(_leaves(xs)[0])).shape[0]
    return _stacked([f(_mapped(lambda part, i=i: getitem(_tensor(part), index=i), xs)) for i in range(n)])


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """As `map`."""
    return map(function, elements)


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function of single entries made one of arrays: it is called for each entry of the broadcast arguments.

    Raises:
        NotImplementedError: with `excluded` or `signature`.
    """
    if excluded or signature:
        raise NotImplementedError("vectorize(excluded=..., signature=...) is not there; write the loop with ops.map.")

    def of_arrays(*arrays: Tensor) -> Any:
        parts = stretched(*arrays)
        shape = tuple(parts[0].shape)
        flat = [reshape(part, (-1,)) for part in parts]
        n = value_of(flat[0]).size
        return reshape(stack([_tensor(pyfunc(*(part[i] for part in flat))) for i in range(n)]), shape)

    return of_arrays


# Structures of arrays --------------------------------------------------------------------------------------------------


def _leaves(structure: Any) -> list[Any]:
    if structure is None:
        return []
    if isinstance(structure, dict):
        return [leaf for part in structure.values() for leaf in _leaves(part)]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in _leaves(part)]
    return [structure]


def _mapped(function: Callable[..., Any], *structures: Any) -> Any:
    """function of the leaves that stand in the same place of each structure, in the structure of the first."""
    first = structures[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: _mapped(function, *(s[key] for s in structures)) for key in first}
    if isinstance(first, (list, tuple)):
        parts = [_mapped(function, *together) for together in zip(*structures, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return function(*structures)


def _stacked(results: list[Any]) -> Any:
    return _mapped(lambda *parts: stack([_tensor(part) for part in parts]), *results) if results else None


def _joined(results: list[Any], axis: int) -> Any:
    return _mapped(lambda *parts: concatenate(parts, axis), *results)


# What an array is ------------------------------------------------------------------------------------------------------


def is_tensor(x: Any) -> bool:
    """Whether x is an array, a recorded value or a variable."""
    return isinstance(x, (np.ndarray, TensorLike))


def dtype(x: Tensor) -> str:
    """The dtype's name."""
    return str(value_of(_tensor(x)).dtype.name)


def ndim(x: Tensor) -> int:
    """The number of axes."""
    return int(value_of(_tensor(x)).ndim)


def size(x: Tensor) -> Array:
    """The number of entries, as int32."""
    return np.asarray(value_of(_tensor(x)).size, np.int32)


def copy(x: Tensor) -> Any:
    """The same values in an array of their own."""
    x = _tensor(x)
    return getitem(x, index=...) if isinstance(x, TensorLike) else np.array(x)


def saturate_cast(x: Tensor, dtype: Any) -> Any:
    """`cast`, with values beyond the range of an integer dtype brought to its ends first."""
    x, wanted = _tensor(x), np.dtype(dtype)
    have = value_of(x).dtype
    if wanted.kind in "iu" and have.kind in "iuf":
        limits = np.iinfo(wanted)
        low, high = limits.min, limits.max
        if have.kind in "iu":
            low, high = max(low, np.iinfo(have).min), min(high, np.iinfo(have).max)
        else:  # the largest float of the dtype that does not round up beyond the range
            kind = have.type
            low, high = kind(low), kind(high) if int(kind(high)) <= high else np.nextafter(kind(high), kind(0))
        x = clip(x, low, high)
    return cast(x, wanted)


def view(x: Tensor, dtype: Any = None) -> Array:
    """The same bits read as another dtype; a last axis grows or shrinks with the size of the entries. Has no gradient."""
    x = np.ascontiguousarray(value_of(_tensor(x)))
    return np.asarray(x if dtype is None else x.view(np.dtype(dtype)))
