"""The accuracy family: how often predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config, ops
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.losses.loss import squeeze_or_expand_to_same_rank
from tinynn.metrics.reduction import MeanMetricWrapper


def accuracy(y_true: Tensor, y_pred: Tensor) -> Array:
    """1 where y_pred equals y_true, else 0."""
    y_true, y_pred = squeeze_or_expand_to_same_rank(_array(y_true), _array(y_pred))
    return _as_floatx(y_true == y_pred)


def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> Array:
    """1 where (y_pred > threshold), strictly, is y_true, else 0."""
    y_true, y_pred = squeeze_or_expand_to_same_rank(_array(y_true), _array(y_pred))
    return _as_floatx(y_true == (y_pred > y_pred.dtype.type(threshold)))


def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Array:
    """1 where the largest entries of one-hot y_true and of y_pred (both (..., classes)) stand in the same place."""
    return _as_floatx(ops.argmax(y_true, axis=-1) == ops.argmax(y_pred, axis=-1))


def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Array:
    """1 where the largest entry of y_pred (..., classes) stands at y_true (...,) or (..., 1). The first of equals counts."""
    y_true, y_pred = _array(y_true), _array(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    matches = _as_floatx(y_true == ops.argmax(y_pred, axis=-1))
    return matches[..., 0] if matches.ndim > 1 and matches.shape[-1] == 1 else matches


class Accuracy(MeanMetricWrapper):
    """How often predictions equal labels exactly."""

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions, held against a threshold, match labels of 0 and 1.

    Args:
        threshold: a prediction above it, strictly, counts as 1.
    """

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the one-hot label."""

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the label's number."""

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


def _array(x: Tensor) -> Array:
    return np.asarray(value_of(ops.convert_to_tensor(x)))


def _as_floatx(matches: Array) -> Array:
    return matches.astype(config.floatx())
