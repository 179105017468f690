"""Weights in Hugging Face's format, `.safetensors`, through its library: {"dense/kernel": array, ...}."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from tinynn._typing import Array
from tinynn.saving.limits import Limits
from tinynn.saving.npz import check_names

_DTYPES = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8"}


def content(arrays: dict[str, Array]) -> bytes:
    """The file's."""
    found = _library().numpy.save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    return bytes(found)


def read(
    path: str, file: BinaryIO, size: int, expected: dict[str, tuple[int, ...]], limits: Limits
) -> dict[str, Array]:
    """The arrays of a file, all of them of the expected shapes.

    Args:
        path, file, size: where it stands, the same open for reading bytes, and its length.
        expected: {name: shape}.
        limits: for the header.

    Raises:
        ValueError: no such file, other names or shapes.
        ImportError: the library is missing.
    """
    library = _library()
    length = int.from_bytes(file.read(8), "little")
    if file.read(1) != b"{" or length > size - 8:
        raise ValueError("This is not a .safetensors file: it does not begin as one.")
    limits.check("json_bytes", length, "The header of a .safetensors file")
    try:
        with library.safe_open(path, framework="np") as opened:
            names = list(opened.keys())
            check_names(set(names), set(expected))
            found: dict[str, Array] = {}
            for name in names:
                part: Any = opened.get_slice(name)
                shape = tuple(part.get_shape())
                if shape != expected[name]:
                    raise ValueError(f"The shape of {name} is {expected[name]}; the file has {shape}.")
                if part.get_dtype() not in _DTYPES:
                    raise ValueError(f"The dtype of {name} in this file, {part.get_dtype()}, is none of NumPy's.")
                found[name] = np.asarray(opened.get_tensor(name))
            return found
    except library.SafetensorError as error:
        raise ValueError(f"This is not a .safetensors file, or a damaged one: {error}") from error


def _library() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("For .safetensors files: pip install tinynn-engine[safetensors]") from error
    return safetensors
