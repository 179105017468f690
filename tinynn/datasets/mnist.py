"""MNIST: 70,000 handwritten digits, 28 x 28 pixels (LeCun, Cortes & Burges 1998)."""

from __future__ import annotations

from pathlib import PurePath

from tinynn.datasets import _files, _images

__all__ = ["class_names", "load_data"]

class_names = tuple("0123456789")

_FILE = _files.File(
    "mnist.npz", 11_490_434, "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
)  # fmt: skip


def load_data(path: str = "mnist.npz", *, download: bool = True) -> _images.Split:
    """The digits, from this machine if they are on it, else downloaded (11 MB) with a progress bar.

    Looked for, in this order: the folder `mnist` of four IDX files, gzipped or not, in the folder that the environment
    variable TINYNN_DATASETS names; Keras's cache, `$KERAS_HOME/datasets` or `~/.keras/datasets`, with Keras's checksum.

    Args:
        path: name of the file in the cache.
        download: tinynn's own: False never goes to the network.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images (60000, 28, 28) and (10000, 28, 28), uint8 from 0 to 255, and
        labels (60000,) and (10000,), uint8 from 0 to 9.

    Raises:
        FileNotFoundError: the file is nowhere and cannot be downloaded; the text names it, its folder and TINYNN_DATASETS.
        ValueError: files in TINYNN_DATASETS are damaged, or `path` is not the name of a file.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = tinynn.datasets.mnist.load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((60000, 28, 28), (60000,))
    """
    own = _images.from_own_folder("mnist")
    if own is not None:
        return own
    if not path or PurePath(path).name != path:
        raise ValueError(
            f"mnist.load_data expects path to be the name of a file in {_files.cache_folders()[0]}; got {path!r}. "
            f"For files elsewhere: {_images.instead('mnist')}."
        )
    import io

    import numpy as np

    content = _files.content(_FILE, path, _images.instead("mnist"), download)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        found = [arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    return _images.split(found, path)
