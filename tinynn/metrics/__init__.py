"""Metrics, as `keras.metrics`: classes, functions, and names."""

from collections.abc import Callable
from typing import Any

from tinynn._checks import unknown_name
from tinynn._naming import to_snake_case
from tinynn.losses import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from tinynn.losses.regression import mean_absolute_error, mean_squared_error
from tinynn.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from tinynn.metrics.metric import Metric
from tinynn.metrics.reduction import Mean, MeanMetricWrapper, Sum
from tinynn.metrics.regression import MeanAbsoluteError, MeanSquaredError

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "Sum",
    "accuracy",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
]

_CLASSES: list[type[Metric]] = [
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalAccuracy,
    Sum,
]
_FUNCTIONS: list[Callable[..., Any]] = [binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy]
_BY_NAME: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    **{function.__name__: function for function in _FUNCTIONS},
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
    "bce": binary_crossentropy,
    "BCE": binary_crossentropy,
}


def get(identifier: Any) -> Any:
    """A metric from its name, a `Metric` or a function (as they are), or None.

    Raises:
        ValueError: an unknown name, or something that is none of these.
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            raise unknown_name("metric", identifier, _BY_NAME)
        found = _BY_NAME[identifier]
        return found() if isinstance(found, type) else found
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(f"A metric is a name, a Metric or a function; got {identifier!r}.")
