"""Weights in NumPy's own archive, `.npz`: {"dense/kernel": array, ...}, for everything that reads NumPy."""

from __future__ import annotations

import math
import re
from typing import BinaryIO

import numpy as np

from tinynn._typing import Array
from tinynn.saving.limits import Limits
from tinynn.saving.names import check_path_name
from tinynn.saving.safe_zip import SafeZip

_HEADER = re.compile(
    rb"\{'descr': '([<>|][fiu][1248])', 'fortran_order': (True|False), 'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), \} *\n"
)


def write(arrays: dict[str, Array], file: BinaryIO) -> None:
    """Arrays by name into an open file."""
    np.savez(file, **arrays)  # type: ignore[arg-type]


def read(file: BinaryIO, size: int, expected: dict[str, tuple[int, ...]], limits: Limits) -> dict[str, Array]:
    """The arrays of an open file, all of them of the expected shapes.

    Args:
        file, size: open for reading bytes, and its length.
        expected: {name: shape}.
        limits: for the archive.

    Raises:
        ValueError: no such archive, other names or shapes, or anything but plain numbers; nothing is unpickled.
    """

    def is_array(member: str) -> bool:
        if member.endswith(".npy"):
            check_path_name(member.removesuffix(".npy"), limits)
            return True
        return False

    archive = SafeZip(file, size, limits, is_array, "an .npz file")
    names = {member.removesuffix(".npy"): member for member in archive.members}
    check_names(set(names), set(expected))
    for name, member in names.items():
        # The header of an array is at most so long; a member that is longer than array and header is none.
        if archive.members[member].file_size > 8 * math.prod(expected[name]) + 1024:
            raise ValueError(f"The array {name} in this .npz file is longer than {expected[name]} numbers.")
    return {name: _array(archive.read(member, "total_bytes"), name, expected[name]) for name, member in names.items()}


def check_names(found: set[str], expected: set[str]) -> None:
    """Refuse weights of another model.

    Raises:
        ValueError: names are missing, or there are others.
    """
    if found != expected:
        missing, further = sorted(expected - found)[:5], sorted(name[:80] for name in found - expected)[:5]
        raise ValueError(
            f"These are weights of another model: missing are {missing}, there are {further} in their place."
        )


def _array(content: bytes, name: str, shape: tuple[int, ...]) -> Array:
    """What stands after the header, whose text is one that NumPy writes for plain numbers, letter by letter."""
    versions = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}
    width = versions.get(content[:8])
    if width is None:
        raise ValueError(f"The array {name} in this .npz file is not one of NumPy's.")
    length = int.from_bytes(content[8 : 8 + width], "little")
    start = 8 + width + length
    header = _HEADER.fullmatch(content[8 + width : start]) if length <= 512 else None
    if header is None:
        raise ValueError(f"The array {name} in this .npz file is none of plain numbers of up to 64 bits.")
    found = tuple(int(n) for n in header[3].replace(b",", b" ").split())
    dtype = np.dtype(header[1].decode())
    if found != shape:
        raise ValueError(f"The shape of {name} is {shape}; the file has {found}.")
    if len(content) - start != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"The array {name} in this .npz file is not complete.")
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape, order="F" if header[2] == b"True" else "C")
