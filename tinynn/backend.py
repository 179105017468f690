"""`keras.backend`: settings, kinds of numbers, and a fresh start."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._naming import reset_names
from tinynn.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from tinynn.random import global_seed

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]

_counts: dict[str, int] = {}


def clear_session(free_memory: bool = True) -> None:
    """Count automatic names from the start again and forget the seed of unseeded random calls.

    Models and layers that exist stay as they are; Python's garbage collection frees what is not used.
    """
    reset_names()
    global_seed.reset()
    _counts.clear()


def get_uid(prefix: str = "") -> int:
    """1 for the first call with a prefix, 2 for the second, ..."""
    _counts[prefix] = _counts.get(prefix, 0) + 1
    return _counts[prefix]


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype, floatx for None: "float32" for `np.float32`, "int64" for "int", "float32" for "float".

    Raises:
        ValueError: nothing that NumPy knows as a type of numbers, strings or truth values.
    """
    if dtype is None or dtype in ("float", float):
        return floatx()
    if dtype in ("int", int):
        return "int64"
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise ValueError(f"Invalid dtype: {dtype}") from None
    if found.kind not in "fiubcUS":
        raise ValueError(f"Invalid dtype: {dtype}")
    return "string" if found.kind in "US" else found.name


def is_float_dtype(dtype: Any) -> bool:
    """Whether it is a type of floating-point numbers."""
    return str(getattr(dtype, "name", dtype)) == "bfloat16" or standardize_dtype(dtype).startswith("float")


def is_int_dtype(dtype: Any) -> bool:
    """Whether it is a type of whole numbers, with a sign or without; truth values are not."""
    return standardize_dtype(dtype).startswith(("int", "uint"))


def is_keras_tensor(x: Any) -> bool:
    """Whether x is a symbolic stand-in, as `Input` gives: it has a shape but no values."""
    return type(x).__name__ == "KerasTensor"


def result_type(*dtypes: Any) -> str:
    """The dtype in which operands of these dtypes are computed together, by the rules of `tinynn.ops`.

    Raises:
        ValueError: none were given.
    """
    from tinynn.ops.arrays import result_type as of_arrays

    if not dtypes:
        raise ValueError("result_type expects at least one dtype.")
    return str(of_arrays(*(np.empty(0, standardize_dtype(dtype)) for dtype in dtypes)))
