"""Penalties on weights and activities that are added to the loss: `keras.regularizers`.

What they compute, and its derivative, is in `tinynn/kernels/l1_l2.py` and `tinynn/kernels/orthogonality.py`.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from tinynn import config as settings
from tinynn import ops
from tinynn._registry import Registry
from tinynn._typing import Tensor
from tinynn.ops import penalties

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


class Regularizer:
    """A function of a variable (or of a layer's output) whose value is added to the loss.

    For one of your own write `__call__` over `tinynn.ops`, and `get_config` if models that use it are to be saved; a plain
    function will do as well:

        class Sparse(tinynn.regularizers.Regularizer):
            def __init__(self, strength=0.01):
                self.strength = strength

            def __call__(self, x):
                return self.strength * ops.sum(ops.sqrt(ops.absolute(x) + 1e-3))

            def get_config(self):
                return {"strength": self.strength}
    """

    def __call__(self, x: Tensor) -> Any:
        """The penalty, a number."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The arguments that the regularizer can be made from again."""
        raise NotImplementedError(f"{type(self).__name__} needs a method get_config(self) to be described in a model.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The regularizer with these arguments."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 sum_i |x_i| + l2 sum_i x_i^2, in x's precision.

    Args:
        l1, l2: factors, numbers from 0 up; None means 0.

    Raises:
        ValueError: a factor that is negative, infinite or no number.

    Source: Zou & Hastie 2005 (elastic net). Some write l2 / 2; Keras does not, so the derivative is 2 l2 x.
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Any:
        """The penalty, a number."""
        return penalties.l1_l2(_floats(x), l1=_rounded(self.l1), l2=_rounded(self.l2))

    def get_config(self) -> dict[str, Any]:
        """The arguments that the regularizer can be made from again."""
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """l1 sum_i |x_i|: drives weights to exactly 0.

    Args:
        l1: the factor, a number from 0 up; None means 0.01. It is rounded to float32, also for float64 weights, as in Keras.

    Raises:
        ValueError: a factor that is negative, infinite or no number.
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = np.float32(_factor("l1", 0.01 if l1 is None else l1))

    def __call__(self, x: Tensor) -> Any:
        """The penalty, a number."""
        return penalties.l1_l2(_floats(x), l1=float(self.l1), l2=0.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments that the regularizer can be made from again."""
        return {"l1": float(self.l1)}


class L2(Regularizer):
    """l2 sum_i x_i^2: keeps weights small. Its derivative is 2 l2 x.

    Args:
        l2: the factor, a number from 0 up; None means 0.01.

    Raises:
        ValueError: a factor that is negative, infinite or no number.
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Any:
        """The penalty, a number."""
        return penalties.l1_l2(_floats(x), l1=0.0, l2=_rounded(self.l2))

    def get_config(self) -> dict[str, Any]:
        """The arguments that the regularizer can be made from again."""
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor times the mean of |cos(angle)| between different rows (or columns) of a matrix.

    Args:
        factor: a number from 0 up, rounded to float32 as in Keras.
        mode: "rows" or "columns".

    Raises:
        ValueError: another mode, a factor that is negative, infinite or no number, or a call on what is no matrix.

    Keras refuses float64 matrices; tinynn does not. A matrix of a single row has no pairs: NaN, as in Keras.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = np.float32(_factor("factor", factor))
        if mode not in ("rows", "columns"):
            raise ValueError(
                f'Invalid value for argument `mode`. Expected one of {{"rows", "columns"}}. Received: mode={mode}'
            )
        self.mode = mode

    def __call__(self, inputs: Tensor) -> Any:
        """The penalty, a number."""
        inputs = _floats(inputs)
        if len(inputs.shape) != 2:
            raise ValueError(
                f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={tuple(inputs.shape)}"
            )
        rows = inputs if self.mode == "rows" else ops.transpose(inputs)
        return penalties.orthogonality(rows, factor=float(self.factor), epsilon=settings.epsilon())

    def get_config(self) -> dict[str, Any]:
        """The arguments that the regularizer can be made from again."""
        return {"factor": float(self.factor), "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_known = Registry("regularizer", "keras.regularizers", [L1, L1L2, L2, OrthogonalRegularizer, Regularizer])


def get(identifier: Any) -> Any:
    """The regularizer that an argument such as `kernel_regularizer` means.

    Args:
        identifier: a name ("l2" or "L2"), a regularizer or its class, a function of the variable, a description from
            `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something else.
    """
    return _known.get(identifier)


def serialize(regularizer: Any) -> Any:
    """The description of a regularizer that Keras writes into a model's file; of a function, its name."""
    return _known.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description, or a name.
        custom_objects: your own classes and functions, by name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    return _known.deserialize(config, custom_objects)


def _rounded(factor: float) -> float:
    """Factors come by way of float32, for float64 variables too: Keras's way, kept."""
    return float(np.float32(factor))


def _floats(x: Tensor) -> Any:
    return ops.convert_to_tensor(x)


def _factor(name: str, value: Any) -> float:
    if not isinstance(value, (int, float, np.number)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={value}")
    return float(value)
