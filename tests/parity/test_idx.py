"""Finding and reading IDX files."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from parity import idx
from parity.errors import NotAvailable


def write_idx(path: Path, array: np.ndarray, keep: int | None = None) -> None:
    """An IDX file of bytes; cut off after `keep` bytes of its content."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb") as file:
        file.write((header + array.astype(np.uint8).tobytes())[:keep])


def test_files_come_from_the_users_folder_or_from_keras_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = np.arange(24).reshape(2, 3, 4), np.array([7, 1])
    for folder in (tmp_path / "own" / "set", tmp_path / "cache" / "datasets" / "set"):
        write_idx(folder / "train-images-idx3-ubyte.gz", images)
        write_idx(folder / "train-labels-idx1-ubyte.gz", labels)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
    for own in (str(tmp_path / "own"), ""):
        monkeypatch.setenv("TINYNN_DATASETS", own)
        found = idx.images_and_labels("set", "train")
        np.testing.assert_array_equal(found[0], images)
        np.testing.assert_array_equal(found[1], labels)
        assert str(tmp_path / ("own" if own else "cache")) in str(idx.folder_of("set"))


def test_what_is_missing_is_said_with_the_way_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TINYNN_DATASETS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(NotAvailable, match=r"keras\.datasets\.fashion_mnist\.load_data\(\)"):
        idx.images_and_labels("fashion-mnist", "train")
    monkeypatch.setenv("TINYNN_DATASETS", str(tmp_path))
    with pytest.raises(NotAvailable, match="no folder fashion-mnist in it"):
        idx.images_and_labels("fashion-mnist", "train")
    (tmp_path / "fashion-mnist").mkdir()
    with pytest.raises(NotAvailable, match=r"fashion-mnist lacks the file train-images-idx3-ubyte\.gz"):
        idx.images_and_labels("fashion-mnist", "train")


@pytest.mark.parametrize(
    ("keep", "message"), [(2, "no IDX file of bytes"), (9, "ends within its header"), (20, "should hold 24 numbers")]
)
def test_a_damaged_file_is_refused(tmp_path: Path, keep: int, message: str) -> None:
    path = tmp_path / "set" / "images.gz"
    write_idx(path, np.zeros((2, 3, 4)), keep)
    with pytest.raises(NotAvailable, match=message):
        idx.read_idx(path)


def test_a_file_that_is_not_compressed_or_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set" / "images.gz"
    write_idx(path, np.zeros((2, 3, 4)))
    whole = path.read_bytes()
    for i, content in enumerate((b"plain text", whole[:-12])):
        other = path.with_name(f"{i}.gz")
        other.write_bytes(content)
        with pytest.raises(NotAvailable, match="cannot be read"):
            idx.read_idx(other)
