"""Losses, as `keras.losses`: classes, functions, and names."""

from collections.abc import Callable
from typing import Any

from tinynn._checks import unknown_name
from tinynn.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from tinynn.losses.loss import Loss, LossFunctionWrapper
from tinynn.losses.regression import MeanAbsoluteError, MeanSquaredError, mean_absolute_error, mean_squared_error

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "sparse_categorical_crossentropy",
]

_CLASSES: list[type[LossFunctionWrapper]] = [
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
]
_FUNCTIONS: list[Callable[..., Any]] = [
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
]
_BY_NAME: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{function.__name__: function for function in _FUNCTIONS},
    "bce": binary_crossentropy,
    "BCE": binary_crossentropy,
    "mse": mean_squared_error,
    "MSE": mean_squared_error,
    "mae": mean_absolute_error,
    "MAE": mean_absolute_error,
}


def get(identifier: Any) -> Any:
    """A loss from its name, a `Loss` or a function (as they are), or None.

    Raises:
        ValueError: an unknown name, or something that is none of these.
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            also = [] if identifier == "crossentropy" else ["crossentropy"]  # known to compile, which sees the shapes
            raise unknown_name("loss", identifier, [*_BY_NAME, *also])
        found = _BY_NAME[identifier]
        return found() if isinstance(found, type) else found
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(f"A loss is a name, a Loss or a function; got {identifier!r}.")
