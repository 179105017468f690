"""What MNIST and Fashion-MNIST share: a folder of four IDX files."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from tinynn._typing import Array
from tinynn.datasets import _files, _idx

Split: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array]]
"""(x_train, y_train), (x_test, y_test)."""

NAMES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
"""Images and labels to train on, images and labels to test on."""


def from_own_folder(name: str) -> Split | None:
    """Out of $TINYNN_DATASETS/name, None if there is no such folder.

    Raises:
        FileNotFoundError: the folder lacks a file.
        ValueError: a file is damaged, or images and labels do not fit.
    """
    folder = _files.own_folder(name)
    return None if folder is None else split([_idx.read_file(_path(folder, file)) for file in NAMES], str(folder))


def _path(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{folder} lacks the file {name}.gz (or {name}). It has to hold all of {', '.join(NAMES)}, with or without .gz; "
        f"unset {_files.VARIABLE} to do without the folder."
    )


def split(arrays: list[Array], origin: str) -> Split:
    """Keras's return value out of the arrays of the four files.

    Raises:
        ValueError: images and labels do not fit.
    """
    x_train, y_train, x_test, y_test = arrays
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim != 3 or y.shape != x.shape[:1]:
            raise ValueError(
                f"{origin} should hold images (n, height, width) and labels (n,); got {x.shape} and {y.shape}."
            )
    return (x_train, y_train), (x_test, y_test)


def instead(name: str) -> str:
    """What to do without a download, for an error."""
    return f"set {_files.VARIABLE} to a folder that holds {', '.join(f'{name}/{file}.gz' for file in NAMES)}"
