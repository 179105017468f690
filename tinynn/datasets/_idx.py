"""IDX files, the form in which MNIST came into the world: a header that tells the shape, then the numbers."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from tinynn._typing import Array

if TYPE_CHECKING:
    import gzip

LIMIT = 1 << 31
"""Bytes; larger arrays are refused before any memory is taken. MNIST's training images are 47 million."""

_BLOCK = 1 << 20


def read_file(path: Path) -> Array:
    """An IDX file of bytes, compressed by gzip or plain.

    Raises:
        ValueError: it is damaged, too large or something else.
        OSError: it cannot be read.
    """
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        return read_compressed(raw, str(path)) if compressed else read(raw, str(path))


def read_compressed(raw: IO[bytes], name: str) -> Array:
    """The same from a stream that gzip compressed.

    Raises:
        ValueError: it is damaged, too large or something else.
    """
    import gzip

    try:
        with gzip.GzipFile(fileobj=raw, mode="rb") as stream:
            return read(stream, name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{name} is damaged: {error}. Fetch it again.") from None


def read(stream: IO[bytes] | gzip.GzipFile, name: str) -> Array:
    """Two zero bytes, the type (8: unsigned bytes), the number of axes, each axis's length (big-endian), then the numbers.

    Raises:
        ValueError: it is damaged, too large or something else.
    """
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != 8:
        raise ValueError(f"{name} is no IDX file of bytes: it starts with {start!r} instead of 00 00 08 and the axes.")
    header = stream.read(4 * start[3])
    if len(header) < 4 * start[3]:
        raise ValueError(f"{name} ends within its header. Fetch it again.")
    shape = struct.unpack(f">{start[3]}I", header)
    count = math.prod(shape)
    if count > LIMIT:
        raise ValueError(f"{name} says that it holds {count:,} numbers, {shape}; more than {LIMIT:,} are refused.")
    content = bytearray()
    while block := stream.read(
        min(_BLOCK, count + 1 - len(content))
    ):  # memory grows with what comes, not with the header
        content += block
    if len(content) != count:
        came = f"more than {count:,}" if len(content) > count else f"{len(content):,}"
        raise ValueError(f"{name} should hold {count:,} numbers, {shape}; it has {came}. Fetch it again.")
    return np.frombuffer(content, np.uint8).reshape(shape)
