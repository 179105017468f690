"""The accuracy family: how often predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config, ops
from tinynn._typing import Array, Tensor
from tinynn.kernels import top_k
from tinynn.losses.loss import squeeze_or_expand_to_same_rank
from tinynn.metrics.metric import plain
from tinynn.metrics.reduction import NamedMean


def accuracy(y_true: Tensor, y_pred: Tensor) -> Array:
    """1 where y_pred equals y_true, else 0."""
    y_true, y_pred = squeeze_or_expand_to_same_rank(plain(y_true), plain(y_pred))
    return _as_floatx(y_true == y_pred)


def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> Array:
    """1 where (y_pred > threshold), strictly, is y_true, else 0."""
    y_true, y_pred = squeeze_or_expand_to_same_rank(plain(y_true), plain(y_pred))
    return _as_floatx(y_true == (y_pred > y_pred.dtype.type(threshold)))


def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Array:
    """1 where the largest entries of one-hot y_true and of y_pred (both (..., classes)) stand in the same place."""
    return _as_floatx(ops.argmax(y_true, axis=-1) == ops.argmax(y_pred, axis=-1))


def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Array:
    """1 where the largest entry of y_pred (..., classes) stands at y_true (...,) or (..., 1). The first of equals counts."""
    y_true, y_pred = plain(y_true), plain(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    matches = _as_floatx(y_true == ops.argmax(y_pred, axis=-1))
    return matches[..., 0] if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> Array:
    """1 where the class of one-hot y_true is among the k most probable of y_pred, both (..., classes), else 0.

    A class is among them if fewer than k are more probable, strictly: equals stand in the same place. Rows of y_pred that are
    not all finite give 0.
    """
    return sparse_top_k_categorical_accuracy(np.argmax(plain(y_true), axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Tensor, y_pred: Tensor, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """1 where class number y_true (...,) is among the k most probable of y_pred (..., classes), else 0.

    Args:
        y_true: class numbers; one that is no class gives 0.
        y_pred: a prediction per class, or with `from_sorted_ids` the class numbers themselves, the most probable first.
        k: how many count.
        from_sorted_ids: see y_pred.

    Raises:
        ValueError: as many labels as predictions are needed.
    """
    y_pred = plain(y_pred)
    y_true = plain(y_true).astype(y_pred.dtype if from_sorted_ids else np.int32)
    rows, labels = y_pred.reshape(-1, y_pred.shape[-1]), y_true.reshape(-1)
    if len(rows) != len(labels):
        raise ValueError(
            "Top-k accuracy expects a class number for each row of predictions; got labels of shape "
            f"{y_true.shape} and predictions of shape {y_pred.shape}. One-hot labels go with TopKCategoricalAccuracy."
        )
    matches = np.empty(len(labels), config.floatx())
    if from_sorted_ids:
        matches[:] = (labels[:, None] == rows[:, :k]).any(axis=1)
    else:
        top_k.sparse(labels, rows, k, matches)
    return matches.reshape(y_true.shape)


class Accuracy(NamedMean):
    """How often predictions equal labels exactly."""

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(NamedMean):
    """How often predictions, held against a threshold, match labels of 0 and 1.

    Args:
        threshold: a prediction above it, strictly, counts as 1.
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(NamedMean):
    """How often the most probable class is the one-hot label."""

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(NamedMean):
    """How often the most probable class is the label's number."""

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(NamedMean):
    """How often the class of the one-hot label is among the k most probable; see `top_k_categorical_accuracy`.

    Args:
        k: how many count.
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(NamedMean):
    """How often the label's number is among the k most probable classes; see `sparse_top_k_categorical_accuracy`.

    Args:
        k: how many count.
        from_sorted_ids: predictions are class numbers, the most probable first.
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy,
            name,
            dtype,
            k=k,
            **({"from_sorted_ids": True} if from_sorted_ids else {}),
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids


def _as_floatx(matches: Array) -> Array:
    return matches.astype(config.floatx())
