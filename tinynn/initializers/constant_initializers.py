"""Initializers without chance."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from tinynn import config as settings
from tinynn._registry import ARRAYS, array_described
from tinynn._typing import Array, DType, Shape
from tinynn.engine.recorded import value_of
from tinynn.initializers.initializer import Initializer


class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """Zeros of any dtype."""
        return np.zeros(shape, _dtype(dtype))


class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """Ones of any dtype."""
        return np.ones(shape, _dtype(dtype))


class Constant(Initializer):
    """All the same.

    Args:
        value: a number, or an array that broadcasts to the shape.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """The value everywhere, as any dtype; a Python number by way of float32, in float64 too, as in Keras.

        Raises:
            ValueError: an array that does not fit the shape.
        """
        value = np.asarray(value_of(self.value))
        if value.dtype == np.float64 and not hasattr(value_of(self.value), "dtype"):
            value = value.astype(np.float32)
        value = value.astype(_dtype(dtype))
        try:
            return np.broadcast_to(value, shape).copy()
        except ValueError:
            raise ValueError(
                f"Constant has a value of shape {value.shape}, which does not broadcast to the shape {tuple(shape)} "
                "that was asked for."
            ) from None

    def get_config(self) -> dict[str, Any]:
        """The value; an array as Keras writes it, {"class_name": "__numpy__", ...}."""
        value = value_of(self.value)
        if isinstance(value, np.ndarray) and value.ndim:
            return {
                "value": {"class_name": "__numpy__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}
            }
        return {"value": value.item() if isinstance(value, (np.generic, np.ndarray)) else value}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The initializer with this value.

        Raises:
            ValueError: the description of something that is neither a number nor an array of numbers.
        """
        value = config.get("value", 0.0)
        if not isinstance(value, dict):
            return cls(value)
        if value.get("class_name") in ARRAYS:
            return cls(array_described(value))
        raise ValueError(f"Constant expects a number or an array of numbers; its config has value={value!r}.")


class Identity(Initializer):
    """The identity matrix: a Dense layer that starts by handing its inputs on.

    Args:
        gain: the entries on the diagonal. (Keras forgets it when saving; it is kept here.)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: Any = None) -> Array:
        """`gain` at [i, i], 0 elsewhere; the matrix need not be square.

        Raises:
            ValueError: a shape that is not a matrix's.
        """
        if len(shape) != 2:
            raise ValueError(f"Identity expects the shape of a matrix, such as (3, 3); got {tuple(shape)}.")
        dtype = _dtype(dtype)
        rows, columns = shape
        matrix: Array = np.eye(rows, columns, dtype=dtype) * np.asarray(self.gain, dtype)
        return matrix

    def get_config(self) -> dict[str, Any]:
        """The gain if it is not 1; otherwise nothing, as in Keras."""
        return {} if self.gain == 1 else {"gain": self.gain}


def _dtype(dtype: Any) -> DType:
    return np.dtype(settings.floatx() if dtype is None else dtype)
