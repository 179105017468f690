"""A file is there whole or not at all: it is written beside its place and moved there when it is safe on the disk."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

ADVICE = {
    errno.ENOENT: "There is no such folder: make it first, or give another path.",
    errno.ENOTDIR: "A part of the path is a file where a folder is needed: give another path.",
    errno.EACCES: "You may not write there: give another path, or change the permissions.",
    errno.EPERM: "You may not write there: give another path, or change the permissions.",
    errno.EROFS: "That file system is read-only: give another path.",
    errno.ENOSPC: "The disk is full: free some space, or give a path on another disk.",
    errno.EDQUOT: "Your quota of disk space is used up: free some space, or give a path on another disk.",
    errno.EFBIG: "The file would grow beyond the limit on file sizes: raise the limit (ulimit -f), or save less.",
    errno.EISDIR: "A folder has this name: give another path.",
    errno.ENAMETOOLONG: "The name is too long for this file system: give a shorter one.",
}
"""What to do about the errors of an operating system that meet who writes a file."""


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write into, which takes the place of `path` when the block ends without an exception.

        with atomic_write("model.npz") as file:
            numpy.savez(file, kernel=kernel)

    The file stands in the same folder under the name ".NAME.XXXXXXXXXXXX.tmp" (also `file.name`), is flushed, written out to
    the disk (fsync) and renamed, so that whoever opens `path` finds the old content or the new, never a part, even when
    the machine stops in between. On any exception, KeyboardInterrupt too, it is removed, and what stood at `path` stays. An
    existing file's permissions are kept, and a link is followed: the file that it points to is replaced.

    Args:
        path: where the file shall stand.

    Yields:
        The temporary file, open for reading and writing bytes.

    Raises:
        OSError: the folder is missing or may not be written to, the disk is full, and the like: with the operating system's
            number (`errno`), as its subclass (FileNotFoundError, PermissionError, …), and with what to do about it.
    """
    target = os.path.realpath(os.fspath(path))
    folder, name = os.path.split(target)
    try:
        mode = _mode_of(target)
        file = open(os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.tmp"), "x+b")  # noqa: SIM115
    except OSError as error:
        raise _explained(error, path) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.chmod(file.name, mode)
        os.replace(file.name, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        if isinstance(error, OSError) and error.errno in ADVICE:
            raise _explained(error, path) from error
        raise
    _write_out_the_names_in(folder)


def _mode_of(target: str) -> int | None:
    """The permissions of the file that stands there, None if there is none.

    Raises:
        OSError: it is no ordinary file, or may not be written to.
    """
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "What stands there is no ordinary file and cannot be replaced: give another path.")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(mode)


def _explained(error: OSError, path: str | os.PathLike[str]) -> OSError:
    """The same error about `path`, with what to do about it."""
    reason = error.strerror or str(error)
    advice = ADVICE.get(error.errno or 0)
    return OSError(error.errno or errno.EIO, f"{reason}. {advice}" if advice else reason, os.fspath(path))


def _write_out_the_names_in(folder: str) -> None:
    """fsync of a folder: the renaming is on the disk, too. Windows has no such thing, and some file systems refuse."""
    if os.name == "posix":
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
