"""Data sets that come with scikit-learn, split as Keras splits those that are one table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._typing import Array
from tinynn.datasets._images import Split


def datasets() -> Any:
    """The module sklearn.datasets.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    try:
        import sklearn.datasets
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "this data set comes with scikit-learn, which is not installed: pip install 'tinynn-engine[sklearn]'"
        ) from None
    return sklearn.datasets


def split(x: Array, y: Array, test_split: float, seed: int) -> Split:
    """Rows shuffled by `seed`; the last share of `test_split` is for testing. As Keras's loaders of tables do.

    Raises:
        ValueError: test_split is not in [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split must be a number in [0, 1): the share to test on; got {test_split!r}.")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    n = int(len(x) * (1 - test_split))
    return (x[:n], y[:n]), (x[n:], y[n:])
