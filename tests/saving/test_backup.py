"""The file of a backup: what is written is read again, and nothing else is read."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tinynn.saving.backup import ArrayHeader, read_backup, write_backup

numbers = npst.arrays(
    st.sampled_from(["?", "i1", "<i8", ">i4", "u2", "f2", "<f4", ">f8"]),
    npst.array_shapes(min_dims=0, min_side=0, max_dims=3),
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | numbers
nests = st.dictionaries(
    st.text(),
    st.recursive(
        leaves, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3), max_leaves=9
    ),
    max_size=4,
)


def told(value: Any) -> Any:
    """A nest that can be compared: NaN is itself, arrays are their dtype, shape and bytes."""
    if isinstance(value, np.ndarray):
        return value.dtype.newbyteorder("=").name, value.shape, value.astype(value.dtype.newbyteorder("=")).tobytes()
    if isinstance(value, dict):
        return {key: told(part) for key, part in value.items()}
    return [told(part) for part in value] if isinstance(value, list) else (type(value), repr(value))


@settings(max_examples=15)
@given(nests)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, nest: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "backup.npz"
    write_backup(path, nest)
    found = read_backup(path, lambda state: 1 << 20)
    assert told(found) == told(nest)


def test_numpy_opens_it(tmp_path: Path) -> None:
    write_backup(tmp_path / "b.npz", {"a": np.arange(3.0), "b": [np.eye(2)]})
    with np.load(tmp_path / "b.npz") as found:
        assert np.array_equal(found["0"], np.arange(3.0))
        assert np.array_equal(found["1"], np.eye(2))


def test_arrays_are_checked_before_they_are_read(tmp_path: Path) -> None:
    write_backup(tmp_path / "b.npz", {"a": np.zeros((3, 4), np.float32)})
    seen = []

    def check(state: Any) -> int:
        seen.append(state)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        read_backup(tmp_path / "b.npz", check)
    assert seen == [{"a": ArrayHeader(0, "float32", (3, 4))}]
    assert seen[0]["a"].nbytes == 48
    with pytest.raises(OSError, match="its arrays are larger than the 47 bytes that this training can have"):
        read_backup(tmp_path / "b.npz", lambda state: 47)


@pytest.mark.parametrize("value", [{"a": object()}, {"a": {1: 2}}, {"a": np.array(["x"])}, {"a": 1j}, {"__array__": 0}])
def test_what_cannot_be_read_again_is_not_written(tmp_path: Path, value: Any) -> None:
    with pytest.raises(TypeError, match="A backup holds"):
        write_backup(tmp_path / "b.npz", value)
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_millions_of_numbers_is_told_to_be_an_array(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"Let get_state\(\) return arrays instead of long lists"):
        write_backup(tmp_path / "b.npz", {"a": ["x" * 100_000] * 50})


def test_a_file_with_any_bit_changed_is_refused_or_the_same(tmp_path: Path) -> None:
    """Checksums cover what is meant; what they do not cover (dates, an attribute of a member) means nothing."""
    path = tmp_path / "b.npz"
    nest = {"a": np.arange(5, dtype=np.float32), "b": [1, 2.5, "x"]}
    write_backup(path, nest)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            assert told(read_backup(path, lambda state: 1 << 20)) == told(nest), place
        except OSError:
            refused += 1
    assert refused > 0.25 * len(whole)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.npz"
    write_backup(path, {"a": np.zeros(100)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(OSError, match="is not a whole backup of a training"):
            read_backup(path, lambda state: 1 << 20)


def test_an_npz_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", a=np.zeros(3))
    with pytest.raises(OSError, match="its members are not those of a backup"):
        read_backup(tmp_path / "b.npz", lambda state: 1 << 20)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("state.json", '{"format": "tinynn training backup", "version": 99, "state": {}}')
    (tmp_path / "b.npz").write_bytes(buffer.getvalue())
    with pytest.raises(OSError, match="it has version 99, and this tinynn reads version 1"):
        read_backup(tmp_path / "b.npz", lambda state: 1 << 20)
