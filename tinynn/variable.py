"""Variables: the numbers that training changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config
from tinynn._naming import unique_name
from tinynn._typing import Array, Shape
from tinynn.engine.recorded import TensorLike, value_of

__all__ = ["Variable"]


class Variable(TensorLike):
    """An array with a name that is changed in place; operations on a trainable one are recorded by open tapes.

    `value` is usually a view of a model's flat parameter vector (see `tinynn.buffer`).

    Args:
        initializer: the first value, or a function `(shape, dtype) -> array`.
        shape: needed with a function.
        dtype: "float32", ...; the value's own by default, floatx for Python floats and functions, int32 for Python integers.
        trainable: whether tapes and optimizers take note of it.
        autocast, aggregation, synchronization, layout: accepted for Keras's sake: there is one device and one precision.
        name: "variable", "variable_1", ... by default.

    Raises:
        ValueError: a function without a shape.
    """

    __slots__ = ("__weakref__", "_path", "_wants_training", "constraint", "name", "regularizer", "trainable", "value")

    def __init__(
        self,
        initializer: Any,
        shape: Shape | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        layout: Any = None,
    ) -> None:
        self.name = name or unique_name("variable")
        self._path = self.name
        self.trainable = bool(trainable)
        self._wants_training = self.trainable  # when its layer is not frozen
        self.regularizer: Any = None  # a function of it whose value joins the loss of the layer's model
        self.constraint: Any = None  # what optimizers put it back to after each step
        self.value = self._initial_value(initializer, shape, dtype)

    @staticmethod
    def _initial_value(initializer: Any, shape: Shape | None, dtype: Any) -> Array:
        if callable(initializer) and not isinstance(initializer, TensorLike):
            if shape is None:
                raise ValueError("Variable expects a shape when its value comes from an initializer; got shape=None.")
            dtype = dtype or config.floatx()
            return np.array(value_of(initializer(tuple(shape), dtype=dtype)), dtype=dtype)
        value = np.array(value_of(initializer))
        if dtype is None and not hasattr(initializer, "dtype"):  # Python numbers
            dtype = {"f": config.floatx(), "i": "int32"}.get(value.dtype.kind)
        return value if dtype is None else value.astype(dtype)

    @property
    def path(self) -> str:
        """The name with the names of what owns it: "sequential/dense/kernel"."""
        return self._path

    @property
    def dtype(self) -> Any:
        """The dtype's name, as in Keras."""
        return self.value.dtype.name

    def snapshot(self) -> Array:
        """A copy: an update may come between the forward pass that a tape recorded and its backward pass."""
        return self.value.copy()

    def assign(self, value: Any) -> Variable:
        """Overwrite the value in place.

        Raises:
            ValueError: the new value has another shape.
        """
        value = np.asarray(value_of(value))
        if value.shape != self.value.shape:
            raise ValueError(
                f"The shape of the target variable and the shape of the target value in `variable.assign(value)` must match. "
                f"variable.shape={self.shape}, Received: value.shape={value.shape}. Target variable: {self!r}"
            )
        self.value[...] = value
        return self

    def assign_add(self, value: Any) -> Variable:
        """Add in place."""
        return self.assign(self.value + value_of(value))

    def assign_sub(self, value: Any) -> Variable:
        """Subtract in place."""
        return self.assign(self.value - value_of(value))

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        """From a pickle: the value may stand in a file mapped into memory for reading, and is to be changed."""
        for name, part in state[1].items():
            setattr(self, name, part)
        self.value = self.value if self.value.flags.writeable else self.value.copy()

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self.value}>"
