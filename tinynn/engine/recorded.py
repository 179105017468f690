"""A value with a past: the array wrapper that operations return while a tape is open, and that variables build on."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tinynn._typing import Array, DType, Shape, Tensor

numpy_functions: dict[Any, Callable[..., Any]] = {}
"""NumPy function -> the operation of `tinynn.ops` that differentiates it; filled by `tinynn.ops`."""


class TensorLike(NDArrayOperatorsMixin):
    """Behaves as the array in `.value`; operators and NumPy functions on it become operations of `tinynn.ops`.

    So `x @ w + b` and `np.tanh(x)` are recorded. Under an open tape, a NumPy function that has no derivative here raises
    TypeError, rather than drop the gradient in silence: `x.numpy()` leaves the tape on purpose.
    """

    __slots__ = ()
    value: Array

    @property
    def shape(self) -> Shape:
        """The array's shape."""
        return tuple(self.value.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.value.size

    @property
    def dtype(self) -> DType:
        """The NumPy dtype."""
        return self.value.dtype

    @property
    def T(self) -> Any:
        """The transpose, recorded."""
        return numpy_functions[np.transpose](self)

    def numpy(self) -> Array:
        """A plain NumPy copy, off the tape."""
        return np.array(self.value)

    def snapshot(self) -> Array:
        """The array as it is now, which nobody changes later: what a backward pass may keep."""
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        if method == "__call__" and not settings and ufunc in numpy_functions:
            return numpy_functions[ufunc](*inputs)
        _refuse_under_a_tape(ufunc)
        return getattr(ufunc, method)(*_plain(inputs), **_plain(settings))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in numpy_functions and _takes(numpy_functions[function], len(args), kwargs):
            return numpy_functions[function](*args, **kwargs)
        _refuse_under_a_tape(function)
        return function(*_plain(args), **_plain(kwargs))

    def __getitem__(self, index: Any) -> Any:
        return numpy_functions["getitem"](self, index=index)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value.item() if self.value.ndim == 0 else self.value, spec)

    __hash__ = object.__hash__  # `==` compares entries, as arrays do; identity is what makes a dict key


class Recorded(TensorLike):
    """The output of an operation that a tape recorded."""

    __slots__ = ("__weakref__", "value")

    def __init__(self, value: Array) -> None:
        self.value = np.asarray(value)

    def __repr__(self) -> str:
        return f"<Recorded shape={self.shape}, dtype={self.dtype}, value={self.value}>"


def value_of(tensor: Tensor) -> Any:
    """The plain array behind a recorded value or a variable; anything else as it is."""
    return tensor.value if isinstance(tensor, TensorLike) else tensor


def snapshot_of(tensor: Tensor) -> Any:
    """As `value_of`, but safe from a variable's later changes."""
    return tensor.snapshot() if isinstance(tensor, TensorLike) else tensor


def _takes(operation: Callable[..., Any], count: int, settings: dict[str, Any]) -> bool:
    """Whether an operation has these arguments: NumPy's functions have more (`np.std(x, ddof=1)`)."""
    names = _argument_names(operation)
    return names is None or (count <= len(names) and settings.keys() <= set(names))


@functools.cache
def _argument_names(operation: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of its arguments, None if it takes any number of them."""
    while hasattr(operation, "__wrapped__"):
        operation = operation.__wrapped__
    code = operation.__code__
    takes_any = code.co_flags & 0x0C  # *args or **kwargs
    return None if takes_any else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _refuse_under_a_tape(function: Any) -> None:
    from tinynn.engine.tape import any_tape_open

    if any_tape_open():
        raise TypeError(
            f"np.{function.__name__}, used in this way, has no derivative in tinynn. Use a function of tinynn.ops, or "
            "x.numpy() to leave the tape."
        )


def _plain(structure: Any) -> Any:
    """The plain arrays in a nest of tuples, lists and dictionaries."""
    if isinstance(structure, dict):
        return {name: _plain(value) for name, value in structure.items()}
    if isinstance(structure, (tuple, list)):
        return type(structure)(_plain(value) for value in structure)
    return value_of(structure)


# An output remembers the logits it came from ---------------------------------------------------------------------------
#
# Keras's cross-entropy, handed the output of a softmax or sigmoid activation, goes back to the logits: log(softmax(z))
# is exact where log of a rounded probability is not (PARITY_TRAPS.md: 120 against 16.1 in a saturated case). Keras hangs
# them on the output tensor; a NumPy array takes no attributes, so they stand in a side table that dies with the output.

_logits: dict[int, tuple[weakref.ref[Any], Tensor]] = {}


def remember_logits(output: Tensor, logits: Tensor) -> None:
    """Note that `output` is an activation of `logits`."""
    _remember(_logits, output, logits)


def logits_of(output: Tensor) -> Tensor | None:
    """The logits that an activation's output came from, None if it did not."""
    return _noted(_logits, output)


# Losses remember which of their values count ---------------------------------------------------------------------------
#
# Values of padding (`ignore_class`) and of samples without a partner (`circle`) are left out of a batch's mean, not merely
# added to it as zeros. Keras hangs such a mask on the tensor as well.

_masks: dict[int, tuple[weakref.ref[Any], Array]] = {}


def remember_mask(values: Tensor, mask: Array) -> None:
    """Note which entries of a loss's values count."""
    _remember(_masks, values, mask)


def mask_of(values: Tensor) -> Array | None:
    """Which entries of a loss's values count; None if all do."""
    found: Array | None = _noted(_masks, values)
    return found


def _remember(table: dict[int, Any], key: Tensor, note: Any) -> None:
    number = id(key)
    table[number] = (weakref.ref(key, lambda _: table.pop(number, None)), note)


def _noted(table: dict[int, Any], key: Tensor) -> Any:
    found = table.get(id(key))
    return found[1] if found is not None and found[0]() is key else None
