"""Ops as units of machine code: which arrays a twin takes is told by the names of its parameters.

The loop knows no op. It puts the addresses of arrays into a *frame*, each at the place that belongs to its name, and calls
the address of a unit, which takes from the frame what its twin asks for. So a new kernel needs no line in the loop, is
compiled when a model first uses it, and is kept on disk by itself.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinynn._typing import Array, DType

# Places in a frame, three words each: address, rows, columns. A whole number stands in the first of them.
X, OUT, D_OUT, D_X, FACTORS = range(5)  # D_OUT is never filled: see Unit
Y_TRUE, LABELS, LOGITS, Y_PRED, VALUES, PROBS, ENTRIES, D_PRED, WEIGHTS = range(5, 14)
PARAMS, GRADS, RATE, SETTINGS, SOURCE, ORDER, PENALTY = range(14, 21)
WORD_0, WORD_1, WORD_2, WORD_3 = range(21, 25)
SLOT_0, SLOT_1, SLOT_2, SLOT_3 = range(25, 29)
SLOTS, WORDS = range(SLOT_0, SLOT_0 + 8), (WORD_0, WORD_1, WORD_2, WORD_3)
FRAME = 3 * 33 + 5
"""Words of a frame, rounded up to whole cache lines."""

_PLACES = {
    "x": X,
    "out": OUT,
    "d_out": D_OUT,
    "d_x": D_X,
    "factors": FACTORS,
    "y_true": Y_TRUE,
    "labels": LABELS,
    "logits": LOGITS,
    "y_pred": Y_PRED,
    "probs": PROBS,
    "entries": ENTRIES,
    "values": VALUES,
    "losses": VALUES,
    "matches": VALUES,
    "d_losses": VALUES,
    "d_pred": D_PRED,
    "d_logits": D_PRED,
    "sample_weight": WEIGHTS,
    "params": PARAMS,
    "grads": GRADS,
    "source": SOURCE,
    "order": ORDER,
    "rates": RATE,
    "penalty": PENALTY,
}
_LINES = (
    *(
        "factors",
        "labels",
        "values",
        "losses",
        "matches",
        "d_losses",
        "sample_weight",
        "params",
        "grads",
        "source",
        "order",
    ),
    *("rates", "penalty"),
)
"""Names of arrays with one axis. Activations that work entry by entry see theirs as one line, too."""

_TABLES = (
    *("true_positives", "false_positives", "true_negatives", "false_negatives"),
    *("true_buckets", "false_buckets", "matrix"),
)
"""Names of tables among the slots: arrays of a unit's own, which stand in the slots in the order of its parameters."""

_DTYPES = {"labels": "int64", "order": "int64", "starts": "int64", "decays": "float64"}
_RATES = ("rate", "learning_rate")
_WORDS = ("seed", "uses", "width", "first", "start")
"""Whole numbers that change from call to call; others are settings."""


class Argument(NamedTuple):
    """Where a twin's argument stands: form "table", "line", "word", "rate" or "setting" (a place among the settings)."""

    form: str
    place: int
    dtype: str = "real"


IN_PLACE = "in_place"


class Unit(NamedTuple):
    """A twin as the loop calls it. kind: the dtype of its `source`; IN_PLACE for an activation whose x is its out.

    In place is known when the code is made: compiled code that has to find out that two arrays are one takes them entry by
    entry. The backward pass of an activation always is: d_out is d_x.
    """

    module: str
    function: str
    kind: str = ""

    @property
    def name(self) -> str:
        """As in the names of files and symbols."""
        return ".".join(
            filter(None, (self.module.rsplit(".", 1)[1], self.function.removesuffix("_compiled"), self.kind))
        )

    @property
    def twin(self) -> Callable[..., Any]:
        """The function itself: plain Python, or compiled where twins have been loaded into this process."""
        return getattr(importlib.import_module(self.module), self.function)  # type: ignore[no-any-return]


def unit_of(twin: Callable[..., Any], kind: str = "") -> Unit:
    """The unit of a function marked `@compiled`."""
    plain = getattr(twin, "py_func", twin)
    return Unit(plain.__module__, plain.__name__, kind)


@functools.cache
def arguments_of(unit: Unit) -> tuple[Argument, ...]:
    """The twin's arguments in order.

    Raises:
        TypeError: a parameter whose name or annotation says nothing.
    """
    plain: Any = getattr(unit.twin, "py_func", unit.twin)
    by_entry = unit.function in ("forward_compiled", "backward_compiled")
    by_entry &= not getattr(sys.modules[unit.module], "ROWWISE", False)
    found: list[Argument] = []
    slots, words, settings = iter(SLOTS), iter(WORDS), 0
    for name in plain.__code__.co_varnames[: plain.__code__.co_argcount]:
        kind = plain.__annotations__.get(name)
        if kind == "Array":
            flat = name in _LINES or (name not in _PLACES and name not in _TABLES)
            line = flat or (by_entry and name in ("x", "out", "d_out", "d_x"))
            dtype = unit.kind if name == "source" else _DTYPES.get(name, "real")
            place = _PLACES[name] if name in _PLACES else next(slots)
            place = D_X if place == D_OUT else OUT if place == X and unit.kind == IN_PLACE else place
            found.append(Argument("line" if line else "table", place, dtype))
        elif name in _WORDS:
            found.append(Argument("word", next(words), "int64"))
        elif name in _RATES and "params" in names_of(unit):
            found.append(Argument("rate", RATE))
        elif kind in ("float", "int", "bool"):
            found.append(Argument("setting", settings, kind))
            settings += 1
        else:
            raise TypeError(f"{unit.name}: parameter {name!r} is annotated {kind!r}; expected Array, int or float")
    return tuple(found)


@functools.cache
def names_of(unit: Unit) -> tuple[str, ...]:
    """The names of the twin's parameters."""
    plain: Any = getattr(unit.twin, "py_func", unit.twin)
    return tuple(plain.__code__.co_varnames[: plain.__code__.co_argcount])


@functools.cache
def settings_named(unit: Unit) -> tuple[str, ...]:
    """The names of the twin's settings, in order."""
    both = zip(names_of(unit), arguments_of(unit), strict=True)
    return tuple(name for name, argument in both if argument.form == "setting")


def settings_of(unit: Unit, values: Mapping[str, float]) -> list[float]:
    """The unit's settings in the order in which its twin takes them.

    Raises:
        KeyError: a setting that was not given.
    """
    return [float(values[name]) for name in settings_named(unit)]


def takes(unit: Unit, name: str) -> bool:
    """Whether the twin has a parameter of this name."""
    return name in names_of(unit)


# Without a compiler ----------------------------------------------------------------------------------------------------

_plain: list[tuple[Callable[..., Any], tuple[Argument, ...], DType]] = []


@functools.cache
def plain_address(unit: Unit, real: DType) -> int:
    """A number that `call_plain` knows the unit by."""
    _plain.append((unit.twin, arguments_of(unit), real))
    return len(_plain)


def call_plain(address: int, frame: Array) -> None:
    """What compiled code does with an address: read the arguments out of the frame and call."""
    twin, arguments, real = _plain[address - 1]
    settings = array_at(int(frame[3 * SETTINGS]), 64, np.dtype(np.float64)) if frame[3 * SETTINGS] else None
    given: list[Any] = []
    for argument in arguments:
        place, rows, columns = (int(word) for word in frame[3 * argument.place : 3 * argument.place + 3])
        dtype = real if argument.dtype in ("real", "float", "int", "bool") else np.dtype(argument.dtype)
        if argument.form == "setting":
            assert settings is not None
            given.append({"float": float, "int": int, "bool": bool}[argument.dtype](settings[argument.place]))
        elif argument.form == "word":
            given.append(place)
        elif argument.form == "rate":
            given.append(array_at(place, 1, dtype)[0])
        else:
            array = array_at(place, rows * columns, dtype)
            given.append(array if argument.form == "line" else array.reshape(rows, columns))
    twin(*given)


def array_at(address: int, size: int, dtype: DType) -> Array:
    """The array that stands at an address in memory."""
    if not size:
        return np.empty(0, dtype)
    octets = (ctypes.c_uint8 * (size * dtype.itemsize)).from_address(address)
    return np.ctypeslib.as_array(octets).view(dtype)
