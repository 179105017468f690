"""A write that fails, at whatever moment, leaves what was there and nothing beside it."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinynn.saving.atomic import atomic_write


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"old")
    return path


def write(path: Path, content: bytes = b"new") -> None:
    with atomic_write(path) as file:
        file.write(content)


def test_a_file_is_written_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "weights.bin")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"weights.bin": b"new"}


def test_until_the_block_ends_the_old_content_stands(old: Path) -> None:
    with atomic_write(old) as file:
        file.write(b"new")
        file.flush()
        assert old.read_bytes() == b"old"
        assert Path(file.name).parent == old.parent
        assert Path(file.name).name.startswith(".weights.bin.")
        assert file.name.endswith(".tmp")
    assert old.read_bytes() == b"new"


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_content_and_no_litter(old: Path, kind: type[BaseException]) -> None:
    def stopped() -> None:
        with atomic_write(old) as file:
            file.write(b"half")
            raise kind("stopped")

    with pytest.raises(kind):
        stopped()
    assert {path.name: path.read_bytes() for path in old.parent.iterdir()} == {"weights.bin": b"old"}


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write(tmp_path / "weights.bin")
    assert (tmp_path / "weights.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_old_file_keeps_its_permissions(old: Path) -> None:
    old.chmod(0o640)
    write(old)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_a_link_is_followed(old: Path) -> None:
    link = old.parent / "latest"
    link.symlink_to(old.name)
    write(link)
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "weights.bin"
    with pytest.raises(FileNotFoundError, match="There is no such folder: make it first") as error:
        write(path)
    assert error.value.filename == str(path)


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="A folder has this name"):
        write(tmp_path)


def test_what_is_no_ordinary_file_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no ordinary file"):
        write(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_refusal_says_what_to_do(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a folder without permission answers: the tests may run as root, to whom none is refused."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="change the permissions"):
        write(old)
    assert old.read_bytes() == b"old"


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond a kilobyte: the operating system's answer is as for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_files")
def test_a_write_that_outgrows_its_limit_leaves_the_old_content(old: Path) -> None:
    with pytest.raises(OSError, match="ulimit -f") as error:
        write(old, bytes(100_000))
    assert error.value.errno == errno.EFBIG
    assert {path.name: path.read_bytes() for path in old.parent.iterdir()} == {"weights.bin": b"old"}


def test_a_disk_that_is_full_when_the_content_is_written_out(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="The disk is full: free some space"):
        write(old)
    assert {path.name: path.read_bytes() for path in old.parent.iterdir()} == {"weights.bin": b"old"}
