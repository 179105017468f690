"""The file in which `callbacks.BackupAndRestore` keeps a training: numbers, names and arrays; nothing that could run.

An .npz: a zip, not compressed, with the member "state.json" and the arrays "0.npy", "1.npy", ... that the JSON refers to
(`numpy.load` opens it too). The zip's checksums tell a half-written or damaged file.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tinynn._typing import Array, Shape
from tinynn.saving.atomic import atomic_write

FORMAT = "tinynn training backup"
VERSION = 1
LARGEST_JSON = 1 << 22
DEEPEST = 32
"""Limits of what is read: bytes of the JSON, and lists and dicts within each other."""

_KINDS = (
    "bool",
    *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")),
    "float16",
    "float32",
    "float64",
)
_JSON = "state.json"
_MARK = "__array__"


class ArrayHeader(NamedTuple):
    """What is known of an array before its numbers are read."""

    place: int
    dtype: str
    shape: Shape

    @property
    def nbytes(self) -> int:
        """How many bytes the numbers take; exact, however large."""
        count = np.dtype(self.dtype).itemsize
        for n in self.shape:
            count *= n
        return count


# Writing ------------------------------------------------------------------------------------------------------------------


def write_backup(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write a nest of dicts (with string keys), lists, strings, numbers, booleans, None and arrays of numbers.

    Args:
        path: where; what stands there is replaced when the new file is safe on the disk (`tinynn.saving.atomic`).
        state: the nest.

    Raises:
        OSError: it cannot be written; what stood there is as it was.
        TypeError: something else is in the nest, or millions of things that are no arrays.
    """
    arrays: list[Array] = []
    text = json.dumps({"format": FORMAT, "version": VERSION, "state": _described(state, arrays, "state")})
    if len(text) > LARGEST_JSON:
        raise TypeError(
            f"A backup holds {LARGEST_JSON} bytes of names and single numbers, and any number of arrays; this one would have "
            f"{len(text)}. Let get_state() return arrays instead of long lists."
        )
    with atomic_write(path) as file:
        _write_zip(file, text, arrays)


def _write_zip(file: BinaryIO, text: str, arrays: list[Array]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_JSON), text)
        for place, array in enumerate(arrays):
            with archive.open(zipfile.ZipInfo(f"{place}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)


def _described(value: Any, arrays: list[Array], where: str) -> Any:
    """The nest as JSON has it; arrays go into the list, and their headers in their places."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        if not all(type(key) is str for key in value) or _MARK in value:
            raise TypeError(
                f'A backup holds dicts with strings as keys, and none of "{_MARK}"; {where} has {list(value)}.'
            )
        return {key: _described(part, arrays, f"{where}[{key!r}]") for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_described(part, arrays, f"{where}[{i}]") for i, part in enumerate(value)]
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.name in _KINDS:
        array = np.asarray(value)
        array = np.array(array, array.dtype.newbyteorder("<"), order="C", copy=None)
        arrays.append(array)
        return {_MARK: len(arrays) - 1, "dtype": array.dtype.name, "shape": list(array.shape)}
    raise TypeError(
        "A backup holds numbers, strings, None, arrays of numbers, and lists and dicts of them; "
        f"{where} is {value!r} of type {type(value).__name__}. Return something else from get_state()."
    )


# Reading ------------------------------------------------------------------------------------------------------------------


def read_backup(path: str | os.PathLike[str], check: Callable[[Any], int]) -> dict[str, Any]:
    """The nest that `write_backup` wrote.

    Args:
        path: of the file.
        check: is handed the nest with an `ArrayHeader` in the place of each array, before any of them is read; raises
            what it likes if something does not fit, and says how many bytes the arrays may have altogether.

    Raises:
        OSError: it is no such file, or a damaged one.
    """
    with open(path, "rb") as file:
        try:
            return _read_zip(file, check)
        except _Refused as refused:
            reason = str(refused)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, UnicodeError, struct.error) as error:
            reason = (str(error) or type(error).__name__).rstrip(".")
    raise OSError(f'"{os.fspath(path)}" is not a whole backup of a training: {reason}.')


class _Refused(Exception):
    """Why a file is not read."""


def _read_zip(file: BinaryIO, check: Callable[[Any], int]) -> dict[str, Any]:
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        for member in members:
            plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
            if not plain or not member.compress_size == member.file_size <= size:
                raise _Refused(f"its member {member.filename[:40]!r} is compressed, encrypted or larger than the file")
        names = [_JSON, *(f"{place}.npy" for place in range(len(members) - 1))]
        if [member.filename for member in members] != names:
            raise _Refused("its members are not those of a backup")
        nest, headers = _read_json(archive, members[0])
        if [header.place for header in headers] != list(range(len(members) - 1)):
            raise _Refused("its arrays are not those of which it tells")
        allowed = check(nest)
        if sum(header.nbytes for header in headers) > allowed:
            raise _Refused(f"its arrays are larger than the {allowed} bytes that this training can have")
        arrays = [_read_array(archive, member, header) for member, header in zip(members[1:], headers, strict=True)]
    found = _with_arrays(nest, arrays)
    assert isinstance(found, dict)
    return found


def _read_json(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[dict[str, Any], list[ArrayHeader]]:
    if member.file_size > LARGEST_JSON:
        raise _Refused(f"its {_JSON} is larger than {LARGEST_JSON} bytes")
    text = archive.read(member).decode("utf-8")
    try:
        described = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _Refused(f"its {_JSON} is no JSON: {error}") from None
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise _Refused("it was not written by BackupAndRestore of tinynn")
    if described.get("version") != VERSION:
        raise _Refused(f"it has version {described.get('version')!r}, and this tinynn reads version {VERSION}")
    headers: list[ArrayHeader] = []
    nest = _with_headers(described.get("state"), headers, 0)
    if not isinstance(nest, dict):
        raise _Refused("it has no state")
    return nest, headers


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _with_headers(value: Any, headers: list[ArrayHeader], depth: int) -> Any:
    """The nest with headers for the arrays, which are also listed."""
    if depth > DEEPEST:
        raise _Refused(f"its {_JSON} is nested deeper than {DEEPEST}")
    if isinstance(value, list):
        return [_with_headers(part, headers, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    if _MARK not in value:
        return {key: _with_headers(part, headers, depth + 1) for key, part in value.items()}
    shape: Any = value.get("shape")
    dtype, place = value.get("dtype"), value[_MARK]
    whole = (
        isinstance(shape, list) and len(shape) <= DEEPEST and all(type(n) is int and 0 <= n < 1 << 40 for n in shape)
    )
    if not whole or dtype not in _KINDS or type(place) is not int or len(value) != 3:
        raise _Refused("the description of an array in it makes no sense")
    headers.append(ArrayHeader(place, dtype, tuple(shape)))
    return headers[-1]


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, header: ArrayHeader) -> Array:
    """The numbers, once the member's own header has been found to say the same."""
    expected = io.BytesIO()
    dtype = np.dtype(header.dtype).newbyteorder("<")
    with archive.open(member) as file:
        start = file.read(10)
        length = int.from_bytes(start[8:], "little")
        if start[:8] != b"\x93NUMPY\x01\x00" or length > 1000 or member.file_size != 10 + length + header.nbytes:
            raise _Refused(f"its array {member.filename} has another size than it tells")
        np.lib.format.write_array_header_1_0(
            expected, {"descr": dtype.str, "fortran_order": False, "shape": header.shape}
        )
        if file.read(length).split() != expected.getvalue()[10:].split():
            raise _Refused(f"its array {member.filename} has another shape or type than it tells")
        octets = file.read()
    try:
        array = np.frombuffer(octets, dtype).reshape(header.shape)
    except ValueError as error:  # (0, 2^39, 2^39)
        raise _Refused(f"its array {member.filename} has the shape {header.shape}: {error}") from None
    return array.astype(dtype.newbyteorder("="))  # a copy that may be written to


def _with_arrays(value: Any, arrays: list[Array]) -> Any:
    if isinstance(value, ArrayHeader):
        return arrays[value.place]
    if isinstance(value, dict):
        return {key: _with_arrays(part, arrays) for key, part in value.items()}
    return [_with_arrays(part, arrays) for part in value] if isinstance(value, list) else value
