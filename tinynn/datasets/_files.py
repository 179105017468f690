"""Files of data sets: where they lie on this machine, and how they get here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tinynn.utils import Progbar
from tinynn.utils.progbar import print_msg

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
"""Where Keras's loaders, and so these, download from."""

VARIABLE = "TINYNN_DATASETS"
TIMEOUT = 60.0  # seconds without an answer
_BLOCK = 1 << 16


@dataclass(frozen=True)
class File:
    """A file at ORIGIN: its name, how many bytes it has, and the SHA-256 of these."""

    name: str
    size: int
    sha256: str


def own_folder(name: str) -> Path | None:
    """The folder `name` in that which the environment variable TINYNN_DATASETS names, None unless there is one."""
    own = os.environ.get(VARIABLE)
    folder = Path(own).expanduser() / name if own else None
    return folder if folder is not None and folder.is_dir() else None


def cache_folders() -> list[Path]:
    """Where Keras keeps data sets: $KERAS_HOME/datasets or ~/.keras/datasets; a temporary folder if that is read-only."""
    import tempfile

    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    return [home / "datasets", Path(tempfile.gettempdir()) / ".keras" / "datasets"]


def content(file: File, cached_as: str, instead: str, download: bool) -> bytes:
    """The bytes of a file, out of the cache or else downloaded into it. Nothing is handed out whose checksum is another.

    Args:
        file: what it has to be.
        cached_as: its path within the cache.
        instead: what TINYNN_DATASETS could hold in its place, for the error.
        download: whether to download what is not there.

    Raises:
        ValueError: `cached_as` leads out of the cache.
        FileNotFoundError: it is not there, or damaged, and is not to be downloaded or cannot be.
    """
    if ".." in Path(cached_as).parts or Path(cached_as).is_absolute():
        raise ValueError(
            f"path has to stay within {cache_folders()[0]}; got {cached_as!r}. For files elsewhere: {instead}."
        )
    damaged = None
    for folder in cache_folders():
        found = _read(folder / cached_as, file)
        if found is not None and _sha256(found) == file.sha256:
            return found
        damaged = damaged or (folder / cached_as if found is not None else None)
    state = (
        f"{damaged} is damaged: its SHA-256 is not {file.sha256}" if damaged else f"{file.name} is not on this machine"
    )
    wanted = f"Either put {file.name} at {cache_folders()[0] / cached_as} (from {ORIGIN}{file.name}), or {instead}."
    if not download:
        raise FileNotFoundError(f"{state}. {wanted}")
    if damaged:
        print_msg(f"{state}. It is downloaded again.")
    import http.client

    try:
        return _download(file, _writable_folder() / cached_as)
    except (OSError, http.client.HTTPException, _WrongContent) as error:
        raise FileNotFoundError(f"{state}, and downloading it failed: {error}. {wanted}") from error


class _WrongContent(Exception):
    """What came is not the file."""


def _read(path: Path, file: File) -> bytes | None:
    """The content, cut off after the bytes that the file should have and one more; None if there is none to read."""
    try:
        with path.open("rb") as stream:
            return stream.read(file.size + 1)
    except OSError:
        return None


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def _writable_folder() -> Path:
    """The first cache that can be written to; the last if none can."""
    for folder in cache_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return cache_folders()[-1]


def _download(file: File, target: Path) -> bytes:
    """Into a file beside the target, which takes its place at once when all is there: no reader ever sees half of it."""
    import urllib.request

    print_msg(f"Downloading data from {ORIGIN}{file.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.urandom(8).hex()}.part")
    try:
        with partial.open("xb") as out, urllib.request.urlopen(ORIGIN + file.name, timeout=TIMEOUT) as answer:
            bar, received = Progbar(file.size), bytearray()
            while len(received) <= file.size and (block := answer.read(_BLOCK)):
                received += block
                bar.update(min(len(received), file.size))
            if len(received) != file.size or _sha256(bytes(received)) != file.sha256:
                more = "more than " if len(received) > file.size else ""
                raise _WrongContent(
                    f"what came, {more}{min(len(received), file.size):,} bytes, is not the file of {file.size:,} bytes "
                    f"with the SHA-256 {file.sha256}"
                )
            out.write(received)
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return bytes(received)
