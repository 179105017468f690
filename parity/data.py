"""The data of the six models. What is random draws from Python's and NumPy's global generators, as tutorials do:

so it follows from `set_random_seed`, and shares its stream of `random` with the seeds of the layers made afterwards.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity.errors import NotAvailable
from tinynn import datasets

Array = NDArray[Any]


@dataclass(frozen=True)
class Data:
    """Inputs x (n, ...) and targets y (n, ...) to train on, and possibly a pair of them to validate on."""

    x: Array
    y: Array
    validation: tuple[Array, Array] | None = None

    def head(self, rows: int | None) -> Data:
        """The first rows alone, and a quarter as many to validate on; all for None."""
        if rows is None:
            return self
        validation = self.validation and (self.validation[0][: rows // 4], self.validation[1][: rows // 4])
        return Data(self.x[:rows], self.y[:rows], validation)

    def cast(self, dtype: str) -> Data:
        """Floats in another precision, class numbers as they are."""
        x, y, *validation = (
            array.astype(dtype) if array.dtype.kind == "f" else array
            for array in (self.x, self.y, *(self.validation or ()))
        )
        return Data(x, y, (validation[0], validation[1]) if validation else None)

    @property
    def probe(self) -> Array:
        """Inputs whose outputs are compared after training: up to 1,000."""
        return self.x[-1000:] if self.validation is None else self.validation[0][:1000]


def medical_trial() -> Data:
    """2,100 people aged 13 to 100: those of 65 and older have side effects, with 5% exceptions in either group."""
    sklearn_utils, preprocessing = _sklearn("utils"), _sklearn("preprocessing")
    ages, labels = [], []

    def add(younger: int, older: int) -> None:
        ages.append(random.randint(13, 64))
        labels.append(younger)
        ages.append(random.randint(65, 100))
        labels.append(older)

    for _ in range(50):
        add(younger=1, older=0)
    for _ in range(1000):
        add(younger=0, older=1)
    y, x = sklearn_utils.shuffle(np.array(labels), np.array(ages))
    scaler = preprocessing.MinMaxScaler(feature_range=(0, 1))
    return Data(scaler.fit_transform(x.reshape(-1, 1)), y)


def blobs(n: int = 2000, features: int = 32, classes: int = 4) -> Data:
    """Points around one centre per class, labels one-hot."""
    x, labels = datasets.gaussians(n, features, classes, noise=1.0, seed=None)
    return Data(x, np.eye(classes)[labels])


def xor_of_three_signs(n: int = 10_000) -> Data:
    """Three numbers in (-1, 1): is the count of negative ones odd? Labels (n, 1)."""
    x, y = datasets.xor(n, 3, seed=None)
    return Data(x, y.reshape(-1, 1))


def digits() -> Data:
    """1,797 scanned digits of 8 x 8 pixels in [0, 1], real data that comes with scikit-learn."""
    bunch = _sklearn("datasets").load_digits()
    return Data(bunch.images / 16.0, bunch.target)


def fashion_mnist(n: int = 12_000, n_validation: int = 2_000) -> Data:
    """Photographs of clothes, 28 x 28 pixels in [0, 1]: the first of the training and of the test images."""
    (x, y), (x_test, y_test) = _fashion_mnist()
    return Data(
        x[:n] / 255.0, y[:n].astype(np.int64), (x_test[:n_validation] / 255.0, y_test[:n_validation].astype(np.int64))
    )


def smooth_surface(n: int = 2000) -> Data:
    """A smooth function of six numbers, with noise; targets (n, 1)."""
    return Data(*datasets.regression_surface("smooth", n, noise=0.05, seed=None))


@lru_cache(maxsize=1)
def _fashion_mnist() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The data set, if it is on this machine: a comparison does not download.

    Raises:
        NotAvailable: it is not, or damaged.
    """
    try:
        return datasets.fashion_mnist.load_data(download=False)
    except (OSError, ValueError) as error:
        raise NotAvailable(str(error)) from None


def _sklearn(module: str) -> Any:
    """A module of scikit-learn.

    Raises:
        NotAvailable: it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(f"sklearn.{module}")
    except ModuleNotFoundError:
        raise NotAvailable("its data need scikit-learn: pip install 'tinynn-engine[sklearn]'") from None
