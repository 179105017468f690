"""Zip archives read in place: known members only, nothing extracted, nothing larger than it says.

A zip file ends with a directory of its members. It is looked at before Python's reader builds an object for each entry: a
directory of a million entries is refused by its count.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from tinynn.saving.limits import Limits

_END = struct.Struct(
    "<4s4H2IH"
)  # signature, disks, entries here and in all, length and place of the directory, comment
_LOCAL_HEADER = 30  # bytes before the name of a member
_PIECE = 2**20


class SafeZip:
    """An archive whose members are all expected ones.

    Args:
        file: open for reading bytes.
        size: its length in bytes.
        limits: for the members' count and size.
        expected: whether a member of this name may be there.
        what: the archive in words, for errors: "a .keras file".

    Raises:
        ValueError: it is no zip archive, or has something that none of Keras's has: another member, one name twice, an
            encrypted member, a method of compression beyond deflate, members larger than the limits.
    """

    def __init__(self, file: BinaryIO, size: int, limits: Limits, expected: Callable[[str], bool], what: str) -> None:
        self._file, self._limits, self._what = file, limits, what
        self._check_directory(size)
        try:
            self._zip = zipfile.ZipFile(file)
            members = self._zip.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error, IndexError) as error:
            raise ValueError(f"This is not {what}: {error}") from error
        names = [member.filename for member in members]
        if len(set(names)) < len(names):
            raise ValueError(f"A member stands twice in this archive: {names[:10]}.")
        for member in members:
            self._check(member, expected)
        total = sum(member.file_size for member in members)
        limits.check("total_bytes", total, "The bytes of all members of an archive")
        if total > limits.inflation * size + _PIECE:
            raise ValueError(
                f"The members of this archive say that they are {total:,} bytes, more than {limits.inflation} times the "
                "archive. If you trust the file, pass limits=tinynn.saving.Limits(inflation=...)."
            )
        self.members = {member.filename: member for member in members}

    def _check_directory(self, size: int) -> None:
        self._file.seek(0)
        if self._file.read(4) != b"PK\x03\x04":
            raise ValueError(f"This is not {self._what}, which is a zip archive and begins with PK.")
        tail = min(size, 2**16 + _END.size)
        self._file.seek(size - tail)
        end = self._file.read(tail)
        place = end.rfind(b"PK\x05\x06")
        if place < 0 or len(end) - place < _END.size:
            raise ValueError(f"This is not {self._what}: the end of the archive is missing. Was it copied completely?")
        _, disk, first, here, entries, length, start, _ = _END.unpack_from(end, place)
        if entries == 0xFFFF or 0xFFFFFFFF in (length, start):
            raise ValueError("Archives beyond 4 GiB (zip64) are not read. Save the weights as .weights.h5 instead.")
        self._limits.check("members", entries, "The members of an archive")
        if disk or first or here != entries or length > entries * (46 + 4 * self._limits.name_length) + 2**10:
            raise ValueError(f"This is not {self._what}: its directory is damaged.")

    def _check(self, member: zipfile.ZipInfo, expected: Callable[[str], bool]) -> None:
        name = member.filename
        if not expected(name):
            raise ValueError(f"{self._what} has no member {name[:80]!r}; this archive does.")
        if member.flag_bits & 0x1:
            raise ValueError(f"The member {name} is encrypted; no model is.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"The member {name} is compressed by method {member.compress_type}; deflate is expected.")
        if member.compress_type == zipfile.ZIP_STORED and member.compress_size != member.file_size:
            raise ValueError(f"The member {name} has two lengths, {member.compress_size} and {member.file_size}.")

    def read(self, name: str, limit: str) -> bytes:
        """A whole member, no longer than the limit of this name, and as long as it says.

        Raises:
            ValueError: it is not there, is longer, or is damaged.
        """
        member = self._member(name)
        self._limits.check(limit, member.file_size, f"The member {name}")
        found = bytearray()
        self._stream(member, found.extend)
        return bytes(found)

    def open(self, name: str) -> BinaryIO:
        """A member as a file to seek in: one that is stored as it is stays on the disk, another is read into memory.

        Raises:
            ValueError: it is not there, or is damaged.
        """
        member = self._member(name)
        if member.compress_type != zipfile.ZIP_STORED:
            return io.BytesIO(self.read(name, "total_bytes"))
        self._stream(member, lambda piece: None)
        self._file.seek(member.header_offset)
        header = self._file.read(_LOCAL_HEADER)
        name_length, extra_length = struct.unpack("<2H", header[26:30])
        start = member.header_offset + _LOCAL_HEADER + name_length + extra_length
        section: Any = Section(self._file, start, member.file_size)
        return section  # type: ignore[no-any-return]

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self.members:
            raise ValueError(f"This is not {self._what}: it has no {name}.")
        return self.members[name]

    def _stream(self, member: zipfile.ZipInfo, take: Callable[[bytes], Any]) -> None:
        """Through a member piece by piece; Python's reader compares length and checksum with the archive's directory."""
        try:
            with self._zip.open(member) as stream:
                while piece := stream.read(_PIECE):
                    take(piece)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            struct.error,
        ) as error:
            raise ValueError(f"The member {member.filename} is damaged: {error}") from error


class Section(io.RawIOBase):
    """Some bytes of a file as a file of their own, for reading."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._place = file, start, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As a file's."""
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        """As a file's."""
        return self._place

    def readinto(self, buffer: Any) -> int:
        """As a file's: nothing beyond the section's end."""
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), self._size - self._place))
        self._file.seek(self._start + self._place)
        got = self._file.readinto(view[:length])  # type: ignore[attr-defined]
        self._place += got
        return int(got)
