"""HDF5 read with care: the small part of the format that files of weights are made of, and nothing else.

Written from the HDF5 File Format Specification (version 3.0 of the document), for what Keras writes through h5py:

    superblock 0 or 1                     where the root group is
    object header 1                       a list of messages about a group or an array (continued elsewhere, perhaps)
    symbol table: B-tree, heap, nodes     the names in a group
    dataspace, datatype, layout, filters  the messages of an array: shape, kind of number, place, compression
    attribute, global heap                strings and lists of strings beside groups

HDF5 can do much more: links and arrays in other files, arrays put together from elsewhere, objects, filters from plug-ins,
types of one's own. Here that is refused by not being written. Every place is checked against the file's end, every count
against a limit, every structure is visited once, so that reading ends; nothing is as large as it says until the bytes are
there. The HDF5 library itself is not given bytes of a stranger: one damaged file in a thousand keeps it in a loop for ever.
"""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tinynn._typing import Array, Shape
from tinynn.saving.limits import Limits
from tinynn.saving.names import check_path_name

MAGIC = b"\x89HDF\r\n\x1a\n"
_NOWHERE = 2**64 - 1
_ATTRIBUTES = 64
"""How many an object may have; Keras writes up to four, more where a list of names is long."""
_BLOCKS = 64
"""How many pieces an object header may have."""
_GZIP, _SHUFFLE = 1, 2

# Messages in object headers.
_DATASPACE, _DATATYPE, _EXTERNAL, _LAYOUT, _FILTERS, _ATTRIBUTE, _CONTINUATION, _SYMBOLS = 1, 3, 7, 8, 11, 12, 16, 17
_HARMLESS = {0, 4, 5, 13, 14, 18, 22}  # nothing, fill values, a comment, times of change, a count of references

_FLOATS = {2: (10, 5, 0, 10, 15), 4: (23, 8, 0, 23, 127), 8: (52, 11, 0, 52, 1023)}
"""{bytes: (exponent's place and size, mantissa's place and size, bias)}: IEEE 754."""


class Damaged(ValueError):
    """The bytes are no file of weights, whole or in part."""


class _Bytes:
    """A file with an end: reading beyond it is an error."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, 2)

    def at(self, place: int, length: int) -> bytes:
        """So many bytes from this place on."""
        if not 0 <= place <= self.size - length or length < 0:
            raise Damaged("This HDF5 file is damaged, or was not copied completely: it points beyond its end.")
        self.file.seek(place)
        found = self.file.read(length)
        if len(found) != length:
            raise Damaged("This HDF5 file became shorter while it was read.")
        return found

    def into(self, place: int, out: Array) -> None:
        """The bytes of a contiguous array."""
        if not 0 <= place <= self.size - out.nbytes:
            raise Damaged("This HDF5 file is damaged, or was not copied completely: it points beyond its end.")
        self.file.seek(place)
        place_for_them: Any = out.reshape(-1)
        if self.file.readinto(memoryview(place_for_them).cast("B")) != out.nbytes:  # type: ignore[attr-defined]
            raise Damaged("This HDF5 file became shorter while it was read.")

    def numbers(self, form: str, place: int) -> tuple[Any, ...]:
        """Little-endian integers, in the letters of `struct`."""
        return struct.unpack("<" + form, self.at(place, struct.calcsize("<" + form)))


class _Type(NamedTuple):
    """What an array or attribute is made of: numbers, strings of a fixed length ("S"), or strings in the heap ("heap")."""

    kind: str
    dtype: np.dtype[Any] | None
    size: int


class _Layout(NamedTuple):
    """Where the bytes of an array are."""

    kind: str  # "compact", "contiguous", "chunked"
    place: int
    size: int
    chunk: Shape


class Stored:
    """An array in a file: what it says of itself, and where it stands.

    Attributes:
        path, shape, dtype: its name, shape and type of numbers.
        n_bytes: of the array in memory.
    """

    def __init__(
        self, source: _Bytes, path: str, shape: Shape, dtype: np.dtype[Any], layout: _Layout, filters: list[int]
    ) -> None:
        self.path, self.shape, self.dtype = path, shape, dtype
        self.n_bytes = math.prod(shape) * dtype.itemsize
        self._source, self._layout, self._filters = source, layout, filters

    def read(self) -> Array:
        """The numbers, in the byte order of this machine.

        Raises:
            ValueError: they cannot be read.
        """
        out = np.empty(self.shape, self.dtype.newbyteorder("="))
        self.read_into(out)
        return out

    def read_into(self, out: Array) -> None:
        """The numbers, into an array of the same shape and kind.

        Raises:
            ValueError: they cannot be read.
        """
        if self._layout.kind == "chunked":
            for corner, chunk in self._chunks():
                inside = tuple(slice(i, i + n) for i, n in zip(corner, self._layout.chunk))
                target = out[inside]
                target[...] = chunk[tuple(slice(0, n) for n in target.shape)]
        elif out.dtype == self.dtype and out.flags.c_contiguous:
            self._source.into(self._layout.place, out)
        else:
            plain = np.empty(self.shape, self.dtype)
            self._source.into(self._layout.place, plain)
            out[...] = plain

    def _chunks(self) -> Iterator[tuple[Shape, Array]]:
        """Each chunk with the place of its first entry; there must be all of them, each once."""
        shape = self._layout.chunk
        missing = set(itertools.product(*(range(0, n, step) for n, step in zip(self.shape, shape))))
        for corner, mask, place, size in _chunk_entries(self._source, self._layout.place, len(shape), len(missing)):
            if corner not in missing:
                raise Damaged(f"The array {self.path} in this HDF5 file has a chunk where none belongs.")
            missing.remove(corner)
            if size > 2 * math.prod(shape) * self.dtype.itemsize + 1024:
                raise Damaged(f"The array {self.path} in this HDF5 file has a chunk that is too long.")
            yield corner, self._unfiltered(self._source.at(place, size), mask)
        if missing:
            raise Damaged(
                f"The array {self.path} is not complete in this HDF5 file: {len(missing)} chunks are missing."
            )

    def _unfiltered(self, data: bytes, mask: int) -> Array:
        shape = self._layout.chunk
        needed = math.prod(shape) * self.dtype.itemsize
        for i in reversed(range(len(self._filters))):
            if mask >> i & 1:  # this filter was left out for this chunk
                continue
            if self._filters[i] == _GZIP:
                try:
                    data = zlib.decompressobj().decompress(data, needed + 1)
                except zlib.error as error:
                    raise Damaged(f"The array {self.path} in this HDF5 file is damaged: {error}.") from error
            elif len(data) == needed:
                data = np.frombuffer(data, np.uint8).reshape(self.dtype.itemsize, -1).T.tobytes()
        if len(data) != needed:
            raise Damaged(
                f"The array {self.path} in this HDF5 file has a chunk of {len(data)} bytes; {needed} are expected."
            )
        return np.frombuffer(data, self.dtype).reshape(shape)


class SafeH5:
    """An HDF5 file with nothing in it but groups, plain arrays of numbers, and strings beside them.

        with open("model.weights.h5", "rb") as file:
            tree = SafeH5(file, Limits())
            kernel = tree.datasets["layers/dense/vars/0"].read()

    Args:
        file: open for reading bytes, and for as long as arrays are read.
        limits: for the count, the names and the size of what is in it.

    Attributes:
        datasets: {path: Stored}.
        groups: their paths.
        n_bytes: of all arrays in memory.

    Raises:
        ValueError: no HDF5 file, a damaged one, one of a newer kind, or one with something that no file of Keras's has.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._source, self._limits = _Bytes(file), limits
        self.datasets: dict[str, Stored] = {}
        self.groups: set[str] = set()
        self._children: dict[str, list[str]] = {}
        self.n_bytes = 0
        self._plain_bytes = 0
        self._attributes: dict[tuple[str, str], Any] = {}
        self._heaps: dict[int, dict[int, bytes]] = {}
        self._seen: set[int] = set()
        self._structures = 0
        waiting = [("", self._root())]
        while waiting:
            path, place = waiting.pop()
            waiting += self._object(path, place)

    def children(self, path: str) -> list[str]:
        """Names of the arrays that stand directly in a group."""
        return self._children.get(path, [])

    def text(self, path: str, name: str) -> str | None:
        """An attribute that is one string; None if there is none.

        Raises:
            ValueError: it is something else.
        """
        found = self._attributes.get((path, name))
        if found is not None and not isinstance(found, str):
            raise ValueError(f"The attribute {name} is one string in Keras's files; here it is not.")
        return found

    def texts(self, path: str, name: str) -> list[str] | None:
        """An attribute that is a list of strings; Keras breaks up long ones into name0, name1, ...; None if there is none.

        Raises:
            ValueError: it is something else.
        """
        if (path, name) in self._attributes:
            parts = [self._attributes[path, name]]
        else:
            count = next(i for i in itertools.count() if (path, f"{name}{i}") not in self._attributes)
            parts = [self._attributes[path, f"{name}{i}"] for i in range(count)]
        if not parts:
            return None
        if not all(isinstance(part, list) and all(isinstance(entry, str) for entry in part) for part in parts):
            raise ValueError(f"The attribute {name} is a list of strings in Keras's files; here it is not.")
        return [entry for part in parts for entry in part]

    # The walk ----------------------------------------------------------------------------------------------------------

    def _root(self) -> int:
        if self._source.size < 96 or self._source.at(0, 8) != MAGIC:
            raise ValueError("This is not an HDF5 file: it does not begin as one.")
        version, offsets, lengths = self._source.at(8, 1)[0], self._source.at(13, 1)[0], self._source.at(14, 1)[0]
        if version > 1 or (offsets, lengths) != (8, 8):
            raise ValueError(
                f"This HDF5 file is of a kind (superblock {version}) that Keras does not write. Open it with h5py and copy its "
                "content into a new file."
            )
        base = 24 + 4 * version
        if self._source.numbers("Q", base) != (0,):
            raise ValueError("This HDF5 file begins within another file.")
        return int(self._source.numbers("Q", base + 40)[0])

    def _object(self, path: str, place: int) -> list[tuple[str, int]]:
        """Note a group or an array; what stands in a group."""
        if place in self._seen:
            raise ValueError(
                f"{path or 'The root'} in this HDF5 file is one object under two names; no file of weights has that."
            )
        self._seen.add(place)
        messages = self._messages(path, place)
        kinds = [kind for kind, _ in messages]
        self._read_attributes(path, [content for kind, content in messages if kind == _ATTRIBUTE])
        if kinds.count(_SYMBOLS) == 1 and not {_DATASPACE, _DATATYPE, _LAYOUT} & set(kinds):
            self.groups.add(path)
            tree, heap = struct.unpack_from("<QQ", dict(messages)[_SYMBOLS].ljust(16, b"\0"))
            return self._names(path, tree, heap)
        if all(kinds.count(kind) == 1 for kind in (_DATASPACE, _DATATYPE, _LAYOUT)) and _SYMBOLS not in kinds:
            self._take(path, dict(messages))
            return []
        raise ValueError(f"{path or 'The root'} in this HDF5 file is neither a group nor an array.")

    def _count(self) -> None:
        """Another structure of the file was looked at: there must be an end to it."""
        self._structures += 1
        self._limits.check("members", self._structures // 8, "The objects in an HDF5 file")

    def _messages(self, path: str, place: int) -> list[tuple[int, bytes]]:
        version, _, count, _, size = self._source.numbers("BBHII", place)
        if version != 1:
            raise ValueError(
                f"{path or 'The root'} in this HDF5 file has a header of a kind that Keras does not write."
            )
        found: list[tuple[int, bytes]] = []
        blocks, opened = [(place + 16, size)], {place + 16}
        while blocks:
            start, length = blocks.pop(0)
            self._count()
            block = self._source.at(start, length)
            at = 0
            while at + 8 <= length and len(found) < count:
                kind, size, flags = struct.unpack_from("<HHB", block, at)
                content = block[at + 8 : at + 8 + size]
                if len(content) != size:
                    raise Damaged(f"The header of {path or 'the root'} in this HDF5 file is damaged.")
                if flags & 2:
                    raise ValueError(f"{path or 'The root'} in this HDF5 file shares its type with other objects.")
                at += 8 + size
                found.append((kind, content))
                if kind == _CONTINUATION:
                    inner = struct.unpack_from("<QQ", content.ljust(16, b"\0"))
                    if inner[0] in opened or len(opened) >= _BLOCKS:
                        raise Damaged(f"The header of {path or 'the root'} in this HDF5 file has no end.")
                    opened.add(inner[0])
                    blocks.append(inner)
                elif kind == _EXTERNAL:
                    raise ValueError(f"The array {path} stands in another file; no other file is read.")
                elif kind not in {_DATASPACE, _DATATYPE, _LAYOUT, _FILTERS, _ATTRIBUTE, _SYMBOLS} | _HARMLESS:
                    raise ValueError(
                        f"{path or 'The root'} in this HDF5 file has something (message {kind}) that Keras's files have not."
                    )
        return found

    # Groups ------------------------------------------------------------------------------------------------------------

    def _names(self, path: str, tree: int, heap: int) -> list[tuple[str, int]]:
        """The path and the place of each object in a group."""
        signature, length, _, segment = self._source.numbers("8sQQQ", heap)
        if signature != b"HEAP\0\0\0\0":
            raise Damaged(f"The names in {path or 'the root'} of this HDF5 file are damaged.")
        self._limits.check("json_bytes", length, "The names in a group of an HDF5 file")
        names = self._source.at(segment, length)
        found: dict[str, int] = {}
        for node in self._leaves(tree):
            signature, version, _, count = self._source.numbers("4sBBH", node)
            if signature != b"SNOD" or version != 1:
                raise Damaged(f"The names in {path or 'the root'} of this HDF5 file are damaged.")
            self._count()
            for i in range(count):
                name_at, place, cache, _ = self._source.numbers("QQII", node + 8 + 40 * i)
                end = names.find(b"\0", name_at)
                if not 0 <= name_at <= end:
                    raise Damaged(f"The names in {path or 'the root'} of this HDF5 file are damaged.")
                name = _decoded(names[name_at:end])
                inner = f"{path}/{name}" if path else name
                check_path_name(inner, self._limits)
                if "/" in name or inner in found:
                    raise ValueError(f"{inner} stands twice in this HDF5 file, or has a / in its name.")
                if cache == 2 or place == _NOWHERE:
                    raise ValueError(f"{inner} in this HDF5 file is a link; no link is followed.")
                found[inner] = place
                self._limits.check("members", len(self._seen) + len(found), "The objects in an HDF5 file")
        return list(found.items())

    def _leaves(self, place: int, level: int | None = None) -> Iterator[int]:
        """The places of the symbol nodes under a node of a group's B-tree."""
        self._count()
        signature, kind, found, count = self._source.numbers("4sBBH", place)
        if signature != b"TREE" or kind != 0 or (level is not None and found != level - 1) or found > 8:
            raise Damaged("The names in this HDF5 file are damaged.")
        for i in range(count):
            (child,) = self._source.numbers("Q", place + 24 + 8 + 16 * i)
            if found:
                yield from self._leaves(child, found)
            else:
                yield child

    # Arrays ------------------------------------------------------------------------------------------------------------

    def _take(self, path: str, messages: dict[int, bytes]) -> None:
        shape = _shape(messages[_DATASPACE], path)
        kind = _type(messages[_DATATYPE], path)
        if kind.dtype is None or shape is None:
            raise ValueError(f"The array {path} in this HDF5 file holds no plain numbers of up to 64 bits.")
        n_bytes = math.prod(shape) * kind.size
        self.n_bytes += n_bytes
        self._limits.check("total_bytes", self.n_bytes, "The bytes of all arrays in an HDF5 file")
        layout, compact = _layout(messages[_LAYOUT], path, len(shape), kind.size)
        filters = _filters(messages.get(_FILTERS), path)
        source = self._source
        if layout.kind == "chunked":
            if math.prod(layout.chunk) * kind.size > max(n_bytes, 2**20) or not all(layout.chunk):
                raise ValueError(f"The array {path} in this HDF5 file has chunks larger than itself.")
            if math.prod(-(-n // step) for n, step in zip(shape, layout.chunk)) > source.size // 24:
                raise ValueError(f"The array {path} in this HDF5 file has more chunks than fit into the file.")
            if self.n_bytes > self._limits.inflation * source.size + 2**20:
                raise ValueError(
                    f"The arrays of this HDF5 file are more than {self._limits.inflation} times the file. If you trust the "
                    "file, pass limits=tinynn.saving.Limits(inflation=...)."
                )
        else:
            self._plain_bytes += n_bytes
            place = layout.place
            if layout.kind == "compact":
                source = _in_memory(compact)
            missing = layout.size != n_bytes or self._plain_bytes > self._source.size
            if filters or missing or (n_bytes and not 0 <= place <= source.size - n_bytes):
                raise ValueError(
                    f"The array {path} says that it has {n_bytes:,} bytes; they are not in this HDF5 file."
                )
            layout = layout if n_bytes else layout._replace(place=0)
        group, _, name = path.rpartition("/")
        self._children.setdefault(group, []).append(name)
        self.datasets[path] = Stored(source, path, shape, kind.dtype, layout, filters)

    # Attributes --------------------------------------------------------------------------------------------------------

    def _read_attributes(self, path: str, contents: list[bytes]) -> None:
        if len(contents) > _ATTRIBUTES:
            raise ValueError(
                f"{path or 'The root'} of this HDF5 file has {len(contents)} attributes, more than {_ATTRIBUTES}."
            )
        for content in contents:
            version, flags, *sizes = struct.unpack_from("<BBHHH", content.ljust(8, b"\0"))
            if version not in (1, 2, 3) or (version > 1 and flags):
                raise ValueError(f"An attribute of {path or 'the root'} is of a kind that Keras does not write.")
            at, parts = 8 + (version == 3), []
            for size in sizes:
                parts.append(content[at : at + size])
                at += -(-size // 8) * 8 if version == 1 else size
            name = _decoded(parts[0].split(b"\0")[0])
            where = f"The attribute {name} of {path or 'the root'}"
            kind, shape = _type(parts[1], where), _shape(parts[2], where)
            if shape is None:
                continue
            count = math.prod(shape)
            self._limits.check("members", count, f"{where}: its length")
            data = content[at : at + count * kind.size]
            if len(data) != count * kind.size or len(shape) > 1:
                raise Damaged(f"{where} in this HDF5 file is damaged.")
            values: list[Any] = [self._string(data[i * kind.size : (i + 1) * kind.size], kind) for i in range(count)]
            self._attributes[path, name] = values if shape else values[0]

    def _string(self, data: bytes, kind: _Type) -> Any:
        if kind.dtype is not None:
            return np.frombuffer(data, kind.dtype)[0].item()
        if kind.kind == "S":
            return _decoded(data.split(b"\0")[0])
        length, heap, index = struct.unpack("<IQI", data)
        if length == 0:
            return ""
        if heap not in self._heaps:
            self._heaps[heap] = self._heap(heap)
        found = self._heaps[heap].get(index, b"")
        if length > len(found):
            raise Damaged("A string in this HDF5 file is damaged.")
        return _decoded(found[:length].split(b"\0")[0])

    def _heap(self, place: int) -> dict[int, bytes]:
        """The objects of a global heap: strings."""
        self._count()
        signature, size = self._source.numbers("8sQ", place)
        if signature != b"GCOL\1\0\0\0" or size < 16:
            raise Damaged("The strings in this HDF5 file are damaged.")
        self._limits.check("json_bytes", size // 4, "The strings in an HDF5 file")
        content = self._source.at(place, size)
        found, at = {}, 16
        while at + 16 <= size:
            index, _, length = struct.unpack_from("<HHxxxxQ", content, at)
            if index == 0:
                break
            if at + 16 + length > size:
                raise Damaged("The strings in this HDF5 file are damaged.")
            found[index] = content[at + 16 : at + 16 + length]
            at += 16 + -(-length // 8) * 8
        return found


def _chunk_entries(source: _Bytes, root: int, rank: int, most: int) -> Iterator[tuple[tuple[int, ...], int, int, int]]:
    """(first entry, mask of filters left out, place, length) of all chunks that a B-tree names, `most` at most."""
    waiting: list[tuple[int, int | None]] = [(root, None)]
    nodes = chunks = 0
    while waiting:
        place, level = waiting.pop()
        nodes += 1
        signature, kind, found, count = source.numbers("4sBBH", place)
        if signature != b"TREE" or kind != 1 or (level is not None and found != level - 1) or nodes > most + 16:
            raise Damaged("The chunks of an array in this HDF5 file are damaged.")
        key = 8 + 8 * (rank + 1)
        for i in range(count):
            entry = source.numbers(f"II{rank + 1}QQ", place + 24 + i * (key + 8))
            if found:
                waiting.append((entry[-1], found))
                continue
            chunks += 1
            if chunks > most:
                raise Damaged("An array in this HDF5 file has too many chunks.")
            yield entry[2 : 2 + rank], entry[1], entry[-1], entry[0]


def _shape(message: bytes, where: str) -> Shape | None:
    """Of a dataspace; None for one that is empty of a shape."""
    version, rank, _, kind = struct.unpack_from("<4B", message.ljust(4, b"\0"))
    start = {1: 8, 2: 4}.get(version)
    if start is None or rank > 32 or len(message) < start + 8 * rank:
        raise Damaged(f"The shape of {where} in this HDF5 file is damaged.")
    if version == 2 and kind == 2:
        return None
    return struct.unpack_from(f"<{rank}Q", message, start)


def _type(message: bytes, where: str) -> _Type:
    """Numbers as NumPy has them, or strings.

    Raises:
        ValueError: anything else: references, compounds, enumerations, arrays, lists of variable length, opaque bytes.
    """
    refusal = f"{where} in this HDF5 file is made of something else than plain numbers of up to 64 bits, or strings."
    first, bits, size = struct.unpack_from("<BB2xI", message.ljust(24, b"\0"))
    kind, order, rest = first & 15, "<>"[bits & 1], message[8:].ljust(16, b"\0")
    if kind == 0 and size in (1, 2, 4, 8) and struct.unpack_from("<HH", rest) == (0, 8 * size):
        return _Type("number", np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"), size)
    ieee = size in _FLOATS and struct.unpack_from("<HHBBBBI", rest) == (0, 8 * size, *_FLOATS[size])
    if kind == 1 and ieee and not bits & 64:
        return _Type("number", np.dtype(f"{order}f{size}"), size)
    if kind == 3 and size:
        return _Type("S", None, size)
    if kind == 9 and bits & 15 == 1 and size == 16:
        return _Type("heap", None, size)
    raise ValueError(refusal)


def _layout(message: bytes, path: str, rank: int, item: int) -> tuple[_Layout, bytes]:
    """Where an array's bytes are; those of a compact one stand in the header itself."""
    version, kind = struct.unpack_from("<BB", message.ljust(2, b"\0"))
    if version != 3 or kind > 2:
        raise ValueError(
            f"The array {path} in this HDF5 file is laid out in a way that Keras does not write (a virtual array, perhaps)."
        )
    padded = message.ljust(24 + 4 * (rank + 1), b"\0")
    if kind == 0:
        (size,) = struct.unpack_from("<H", padded, 2)
        return _Layout("compact", 0, size, ()), message[4 : 4 + size]
    if kind == 1:
        place, size = struct.unpack_from("<QQ", padded, 2)
        return _Layout("contiguous", place, size, ()), b""
    count, place, *chunk = struct.unpack_from(f"<BQ{rank + 1}I", padded, 2)
    if count != rank + 1 or chunk[-1] != item or not rank:
        raise Damaged(f"The chunks of the array {path} in this HDF5 file are damaged.")
    return _Layout("chunked", place, 0, tuple(chunk[:-1])), b""


def _filters(message: bytes | None, path: str) -> list[int]:
    """The filters that an array went through, in order.

    Raises:
        ValueError: others than gzip and shuffle, or more than one of each.
    """
    if message is None:
        return []
    version, count = struct.unpack_from("<BB", message.ljust(2, b"\0"))
    at, found = {1: 8, 2: 2}.get(version, 0), []
    for _ in range(count):
        if not at or at + 8 > len(message):
            raise Damaged(f"The filters of the array {path} in this HDF5 file are damaged.")
        if version == 1:
            code, name_length, _, n_values = struct.unpack_from("<4H", message, at)
            at += 8 + -(-name_length // 8) * 8 + 4 * (n_values + n_values % 2)
        else:
            code, _, n_values = struct.unpack_from("<3H", message, at)
            at += 6 + 4 * n_values
        if code not in (_GZIP, _SHUFFLE) or code in found:
            raise ValueError(
                f"The array {path} in this HDF5 file went through filter {code}; gzip and shuffle are known."
            )
        found.append(code)
    return found


def _in_memory(content: bytes) -> _Bytes:
    import io

    return _Bytes(io.BytesIO(content))


def _decoded(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"A name in this HDF5 file is no UTF-8: {name[:40]!r}.") from error
