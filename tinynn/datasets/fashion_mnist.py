"""Fashion-MNIST: 70,000 photographs of clothes, 28 x 28 pixels (Xiao, Rasul & Vollgraf 2017), harder than MNIST."""

from __future__ import annotations

import io

from tinynn.datasets import _files, _idx, _images

__all__ = ["class_names", "load_data"]

class_names = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

_FILES = tuple(
    _files.File(f"{name}.gz", size, sha256)
    for name, size, sha256 in zip(
        _images.NAMES,
        (26_421_880, 29_515, 4_422_102, 5_148),
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    )
)


def load_data(*, download: bool = True) -> _images.Split:
    """The photographs, from this machine if they are on it, else downloaded (31 MB) with a progress bar.

    Looked for, in this order: the folder `fashion-mnist` of four IDX files, gzipped or not, in the folder that the
    environment variable TINYNN_DATASETS names; Keras's cache, `$KERAS_HOME/datasets/fashion-mnist` or
    `~/.keras/datasets/fashion-mnist`. There the checksums have to be right; Keras does not look.

    Args:
        download: tinynn's own: False never goes to the network.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images (60000, 28, 28) and (10000, 28, 28), uint8 from 0 to 255, and
        labels (60000,) and (10000,), uint8, the index of a name in `fashion_mnist.class_names`.

    Raises:
        FileNotFoundError: a file is nowhere and cannot be downloaded; the text names it, its folder and TINYNN_DATASETS.
        ValueError: files in TINYNN_DATASETS are damaged.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = tinynn.datasets.fashion_mnist.load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((60000, 28, 28), (60000,))
    """
    own = _images.from_own_folder("fashion-mnist")
    if own is not None:
        return own
    instead = _images.instead("fashion-mnist")
    contents = [_files.content(file, f"fashion-mnist/{file.name}", instead, download) for file in _FILES]
    arrays = [_idx.read_compressed(io.BytesIO(content), file.name) for content, file in zip(contents, _FILES)]
    return _images.split(arrays, "fashion-mnist")
