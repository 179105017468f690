"""MNIST and Fashion-MNIST: where their files are looked for, what is checked, and what is said when they are not there."""

from __future__ import annotations

import gzip
import hashlib
import re
import struct
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinynn.datasets import _files, _idx, _images, fashion_mnist, mnist

RNG = np.random.RandomState(0)
ARRAYS = [RNG.randint(0, 256, shape).astype(np.uint8) for shape in ((6, 28, 28), (6,), (2, 28, 28), (2,))]
"""Images and labels to train on, images and labels to test on."""


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_own(folder: Path, compress: bool = True) -> None:
    folder.mkdir(parents=True)
    for name, array in zip(_images.NAMES, ARRAYS):
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))


def assert_are_the_arrays(found: _images.Split) -> None:
    (x_train, y_train), (x_test, y_test) = found
    for array, expected in zip((x_train, y_train, x_test, y_test), ARRAYS):
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, expected)


def a_file(name: str, content: bytes) -> _files.File:
    return _files.File(name, len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture(autouse=True)
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the server, with small files; the caches are folders beside it, and empty."""
    server = tmp_path / "server"
    server.mkdir()
    np.savez(server / "mnist.npz", **dict(zip(("x_train", "y_train", "x_test", "y_test"), ARRAYS)))
    monkeypatch.setattr(mnist, "_FILE", a_file("mnist.npz", (server / "mnist.npz").read_bytes()))
    fashion = {f"{name}.gz": gzip.compress(idx(array)) for name, array in zip(_images.NAMES, ARRAYS)}
    for name, content in fashion.items():
        (server / name).write_bytes(content)
    monkeypatch.setattr(fashion_mnist, "_FILES", tuple(a_file(*item) for item in fashion.items()))
    monkeypatch.setattr(_files, "ORIGIN", f"{server.as_uri()}/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.delenv("TINYNN_DATASETS", raising=False)
    return server


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(("loader", "name"), [(mnist, "mnist"), (fashion_mnist, "fashion-mnist")])
def test_the_users_folder_comes_first(
    loader: Any, name: str, compress: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_own(tmp_path / "own" / name, compress)
    monkeypatch.setenv("TINYNN_DATASETS", str(tmp_path / "own"))
    assert_are_the_arrays(loader.load_data(download=False))


@pytest.mark.parametrize("loader", [mnist, fashion_mnist])
def test_a_download_is_kept_where_keras_keeps_it(
    loader: Any, origin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_are_the_arrays(loader.load_data())
    printed = capsys.readouterr().out
    for path in origin.iterdir():
        if (path.name == "mnist.npz") == (loader is mnist):
            folder = tmp_path / "home" / "datasets" / ("" if loader is mnist else "fashion-mnist")
            assert (folder / path.name).read_bytes() == path.read_bytes()
            size = path.stat().st_size
            assert re.search(rf"Downloading data from {_files.ORIGIN}{path.name}\n.*{size}/{size}", printed)
    assert not list(tmp_path.rglob("*.part"))
    for path in origin.iterdir():
        path.unlink()
    assert_are_the_arrays(loader.load_data())
    assert capsys.readouterr().out == ""


@pytest.mark.keras
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_what_keras_downloads_into_is_what_is_read(
    keras: Any, name: str, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras's loader, with a `get_file` that copies from the folder that stands for the server."""
    import importlib

    module = importlib.import_module(f"keras.src.datasets.{name}")

    def get_file(fname: str, origin: str, cache_subdir: str = "datasets", **checks: Any) -> str:
        path = tmp_path / "home" / cache_subdir / fname
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / "server" / origin.rsplit("/")[-1]).read_bytes())
        if name == "mnist":
            assert checks["file_hash"] == "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
        assert origin.startswith("https://storage.googleapis.com/tensorflow/tf-keras-datasets/")
        return str(path)

    monkeypatch.setattr(module, "get_file", get_file)
    assert_are_the_arrays(module.load_data())
    assert_are_the_arrays({"mnist": mnist, "fashion_mnist": fashion_mnist}[name].load_data(download=False))


def test_checksums_are_those_of_the_files_that_keras_downloads() -> None:
    """The sizes, which Keras shows while it downloads, and the checksums are written down twice, here from other sources."""
    import importlib

    for module in (mnist, fashion_mnist):  # the fixture has exchanged them
        importlib.reload(module)
    assert mnist._FILE.size == 11490434
    assert [file.size for file in fashion_mnist._FILES] == [26421880, 29515, 4422102, 5148]
    assert [file.sha256[:8] for file in (mnist._FILE, *fashion_mnist._FILES)] == [
        *("731c5ac6", "3aede38d", "a04f1713", "346e55b9", "67da17c7")
    ]


def test_without_network_the_error_names_file_folder_and_variable(origin: Path, tmp_path: Path) -> None:
    for path in origin.iterdir():
        path.unlink()
    for loader, file, folder in (
        (mnist, "mnist.npz", "datasets"),
        (fashion_mnist, "train-images-idx3-ubyte.gz", "datasets/fashion-mnist"),
    ):
        for download in (True, False):
            with pytest.raises(FileNotFoundError) as error:
                loader.load_data(download=download)
            said = str(error.value)
            assert f"{file} is not on this machine" in said
            assert f"put {file} at {tmp_path / 'home' / folder / file} (from {_files.ORIGIN}{file})" in said
            assert "set TINYNN_DATASETS to a folder that holds" in said
            assert all(f"{name}.gz" in said for name in _images.NAMES)
            assert ("downloading it failed: <urlopen error" in said) == download
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("change", ["shorter", "longer", "other"])
def test_what_is_damaged_on_its_way_is_neither_used_nor_kept(change: str, origin: Path, tmp_path: Path) -> None:
    whole = (origin / "mnist.npz").read_bytes()
    wrong = {"shorter": whole[:-1], "longer": whole + b"x", "other": whole[:-1] + bytes([whole[-1] ^ 1])}[change]
    (origin / "mnist.npz").write_bytes(wrong)
    with pytest.raises(FileNotFoundError, match=r"what came, .*, is not the file of"):
        mnist.load_data()
    assert not list((tmp_path / "home").rglob("*.*"))


@pytest.mark.parametrize("wrong", [b"", b"half", None])
def test_what_is_damaged_in_the_cache_is_fetched_again(
    wrong: bytes | None, origin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cached = tmp_path / "home" / "datasets" / "mnist.npz"
    cached.parent.mkdir(parents=True)
    whole = (origin / "mnist.npz").read_bytes()
    cached.write_bytes(whole + b"x" if wrong is None else wrong)
    with pytest.raises(FileNotFoundError, match="is damaged: its SHA-256 is not"):
        mnist.load_data(download=False)
    assert_are_the_arrays(mnist.load_data())
    assert f"{cached} is damaged" in capsys.readouterr().out
    assert cached.read_bytes() == whole


def test_an_interrupted_download_leaves_nothing_behind(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Any, current: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_files.Progbar, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        mnist.load_data()
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_who_cannot_write_into_the_cache_reads_it_and_keeps_downloads_elsewhere(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    assert_are_the_arrays(mnist.load_data())
    assert (tmp_path / "temporary" / ".keras" / "datasets" / "mnist.npz").exists()
    assert_are_the_arrays(mnist.load_data(download=False))


@pytest.mark.parametrize("path", ["", "a/b.npz", "../mnist.npz", "/mnist.npz"])
def test_a_path_that_is_no_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"expects path to be the name of a file in .*datasets; got"):
        mnist.load_data(path)


def test_nothing_is_unpickled(origin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even were the checksum right."""
    np.savez(origin / "mnist.npz", x_train=np.array([{}], object), y_train=ARRAYS[1])
    monkeypatch.setattr(mnist, "_FILE", a_file("mnist.npz", (origin / "mnist.npz").read_bytes()))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        mnist.load_data()


def test_an_incomplete_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_own(tmp_path / "own" / "mnist")
    monkeypatch.setenv("TINYNN_DATASETS", str(tmp_path / "own"))
    missing = tmp_path / "own" / "mnist" / "t10k-labels-idx1-ubyte.gz"
    whole = missing.read_bytes()
    missing.unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks the file t10k-labels-idx1-ubyte\.gz \(or t10k"):
        mnist.load_data()
    missing.write_bytes(whole[:-12])
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        mnist.load_data()
    missing.write_bytes(gzip.compress(idx(ARRAYS[1])))
    with pytest.raises(ValueError, match=r"got \(2, 28, 28\) and \(6,\)"):
        mnist.load_data()


WHOLE = idx(ARRAYS[0])


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no IDX file of bytes"),
        (WHOLE[:2], "is no IDX file of bytes"),
        (b"plain text", "is no IDX file of bytes"),
        (b"\0\0\x0d" + WHOLE[3:], "is no IDX file of bytes"),
        (WHOLE[:9], "ends within its header"),
        (WHOLE[:-1], r"should hold 4,704 numbers, \(6, 28, 28\); it has 4,703"),
        (WHOLE + b"\0", "it has more than 4,704"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31) + b"few", "more than 2,147,483,648 are refused"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, message: str, compress: bool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if compress else content)
    with pytest.raises(ValueError, match=message):
        _idx.read_file(path)


def test_memory_is_taken_for_what_is_there_not_for_what_the_header_says(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(struct.pack(">HBB1I", 0, 8, 1, 2**30) + b"few")
    tracemalloc.start()
    with pytest.raises(ValueError, match="it has 3"):
        _idx.read_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23
