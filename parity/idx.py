"""Image sets in their usual IDX form: where they lie on this machine, and how to read them."""

from __future__ import annotations

import gzip
import math
import os
import struct
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parity.errors import NotAvailable

BYTES_OF_TYPE = {0x08: ">u1"}  # unsigned bytes, the one type that MNIST and Fashion-MNIST use


def folder_of(name: str) -> Path:
    """The folder of a data set: $TINYNN_DATASETS/name when that is set, else Keras's own cache.

    Raises:
        NotAvailable: neither is there.
    """
    own = os.environ.get("TINYNN_DATASETS")
    if own:
        folder = Path(own) / name
        if folder.is_dir():
            return folder
        raise NotAvailable(f"TINYNN_DATASETS is set, but there is no folder {name} in it.")
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / name
    if folder.is_dir():
        return folder
    raise NotAvailable(
        f"no {name} on this machine. Set TINYNN_DATASETS to a folder that holds {name}/train-images-idx3-ubyte.gz and "
        f"its kin, or let Keras fetch it: python -c 'import keras; keras.datasets.{name.replace('-', '_')}.load_data()'"
    )


def images_and_labels(name: str, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (n, 28, 28) and labels (n,) of the part "train" or "t10k".

    Raises:
        NotAvailable: a file is missing or damaged.
    """
    folder = folder_of(name)
    return read_idx(folder / f"{part}-images-idx3-ubyte.gz"), read_idx(folder / f"{part}-labels-idx1-ubyte.gz")


@lru_cache(maxsize=8)
def read_idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file: two zero bytes, the type, the number of axes, each axis's length (big-endian), then the numbers.

    Raises:
        NotAvailable: it is missing, damaged, or holds something else.
    """
    try:
        with gzip.open(path) as file:
            content = file.read()
    except FileNotFoundError:
        raise NotAvailable(f"{path.parent.name} lacks the file {path.name}.") from None
    except (OSError, EOFError) as error:
        raise NotAvailable(f"{path.parent.name}/{path.name} cannot be read: {error}.") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in BYTES_OF_TYPE:
        raise NotAvailable(f"{path.parent.name}/{path.name} is no IDX file of bytes.")
    n_axes = content[3]
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise NotAvailable(f"{path.parent.name}/{path.name} ends within its header.")
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise NotAvailable(
            f"{path.parent.name}/{path.name} should hold {math.prod(shape)} numbers, {shape}; it has {len(content) - start}."
        )
    array = np.frombuffer(content, BYTES_OF_TYPE[content[2]], offset=start).reshape(shape)
    array.flags.writeable = False  # shared by all who ask
    return array
