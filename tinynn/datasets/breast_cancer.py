"""Breast cancer, Wisconsin: 569 tumours, 30 measurements each (Street, Wolberg & Mangasarian 1993), from scikit-learn."""

from __future__ import annotations

from tinynn.datasets import _sklearn
from tinynn.datasets._images import Split

__all__ = ["class_names", "feature_names", "load_data"]

class_names = ("malignant", "benign")

_OF_A_NUCLEUS = (
    *("radius", "texture", "perimeter", "area", "smoothness"),
    *("compactness", "concavity", "concave points", "symmetry", "fractal dimension"),
)
feature_names = (
    *(f"mean {name}" for name in _OF_A_NUCLEUS),
    *(f"{name} error" for name in _OF_A_NUCLEUS),
    *(f"worst {name}" for name in _OF_A_NUCLEUS),
)


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """The measurements, shuffled and split. They are not scaled: their ranges differ a thousandfold.

    Args:
        test_split: the share of the tumours to test on.
        seed: of the shuffle.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: measurements (n, 30), float64, and labels (n,), int64, 0 for malignant and
        1 for benign.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
        ValueError: test_split is not in [0, 1).

    Example:
        >>> (x_train, y_train), (x_test, y_test) = tinynn.datasets.breast_cancer.load_data()
        >>> x_train.shape, x_test.shape
        ((455, 30), (114, 30))
    """
    bunch = _sklearn.datasets().load_breast_cancer()
    return _sklearn.split(bunch.data, bunch.target, test_split, seed)
