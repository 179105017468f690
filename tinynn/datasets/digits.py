"""Digits: 1,797 scanned digits of 8 x 8 pixels (Alpaydin & Kaynak 1998), which come with scikit-learn: no download."""

from __future__ import annotations

import numpy as np

from tinynn.datasets import _sklearn
from tinynn.datasets._images import Split

__all__ = ["class_names", "load_data"]

class_names = tuple("0123456789")


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """The digits, shuffled and split.

    Args:
        test_split: the share of the images to test on.
        seed: of the shuffle.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images (n, 8, 8), uint8 from 0 to 16, and labels (n,), uint8 from 0 to 9.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
        ValueError: test_split is not in [0, 1).

    Example:
        >>> (x_train, y_train), (x_test, y_test) = tinynn.datasets.digits.load_data()
        >>> x_train.shape, x_test.shape
        ((1437, 8, 8), (360, 8, 8))
    """
    bunch = _sklearn.datasets().load_digits()
    return _sklearn.split(bunch.images.astype(np.uint8), bunch.target.astype(np.uint8), test_split, seed)
