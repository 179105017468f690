"""What weights are put back to after each step of an optimizer: `keras.constraints`.

What they compute is in `tinynn/kernels/norm_limits.py` and `tinynn/kernels/non_negative.py`. They come after the step, where
nothing is differentiated: their results are plain arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from tinynn import config as settings
from tinynn import ops
from tinynn._registry import Registry
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.kernels import non_negative, norm_limits

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


class Constraint:
    """Maps a variable to the nearest one that is allowed; for one of your own write `__call__`.

    Keras applies it after each optimizer step, to trained variables alone: initial values are not constrained.

        class Rounded(tinynn.constraints.Constraint):
            def __call__(self, w):
                return np.round(w, 2)
    """

    def __call__(self, w: Tensor) -> Any:
        """The allowed values, in the shape of w; here w itself."""
        return w

    def get_config(self) -> dict[str, Any]:
        """The arguments that the constraint can be made from again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The constraint with these arguments."""
        return cls(**config)


class MinMaxNorm(Constraint):
    """Lengths of weight vectors between two limits:  w (rate clip(n, min, max) + (1 - rate) n) / (epsilon + n),  n = |w|.

    Args:
        min_value, max_value: the limits.
        rate: how far to go towards them in one step; 1 is all the way.
        axis: along which lengths are taken: 0 for the weights into each unit of a Dense kernel (fan_in, units); a list for
            several.
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Tensor) -> Array:
        """The allowed values, in the shape of w."""
        limits = float(self.min_value), float(self.max_value), float(self.rate)
        return _along(
            w,
            self.axis,
            lambda matrix, axis, norms, out: norm_limits.forward(matrix, *limits, axis, settings.epsilon(), norms, out),
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that the constraint can be made from again."""
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


class MaxNorm(Constraint):
    """Lengths of weight vectors of at most `max_value`:  w min(n, max_value) / (epsilon + n),  n = |w|.

    Args:
        max_value: the limit.
        axis: along which lengths are taken: 0 for the weights into each unit of a Dense kernel (fan_in, units); a list for
            several.

    Source: Srivastava et al. 2014. A vector within the limit is shortened too, by n / (n + epsilon): Keras's way.
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Array:
        """The allowed values, in the shape of w."""
        limit = float(self.max_value)
        return _along(
            w,
            self.axis,
            lambda matrix, axis, norms, out: norm_limits.forward(
                matrix, 0.0, limit, 1.0, axis, settings.epsilon(), norms, out
            ),
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that the constraint can be made from again."""
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """Weight vectors of length 1:  w / (epsilon + |w|).

    Args:
        axis: along which lengths are taken: 0 for the weights into each unit of a Dense kernel (fan_in, units); a list for
            several.
    """

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Array:
        """The allowed values, in the shape of w."""
        return _along(
            w,
            self.axis,
            lambda matrix, axis, norms, out: norm_limits.unit_forward(matrix, axis, settings.epsilon(), norms, out),
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that the constraint can be made from again."""
        return {"axis": self.axis}


class NonNeg(Constraint):
    """max(w, 0), entry by entry."""

    def __call__(self, w: Tensor) -> Array:
        """The allowed values, in the shape of w."""
        values: Array = value_of(ops.convert_to_tensor(w))
        out = np.empty_like(values)
        non_negative.forward(values, out)
        return out


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_known = Registry("constraint", "keras.constraints", [Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm])


def get(identifier: Any) -> Any:
    """The constraint that an argument such as `kernel_constraint` means.

    Args:
        identifier: a name ("max_norm" or "MaxNorm"), a constraint or its class, a function of the variable, a description
            from `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something else.
    """
    return _known.get(identifier)


def serialize(constraint: Any) -> Any:
    """The description of a constraint that Keras writes into a model's file; of a function, its name."""
    return _known.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description, or a name.
        custom_objects: your own classes and functions, by name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    return _known.deserialize(config, custom_objects)


def as_matrix(shape: Sequence[int], axis: Any) -> tuple[tuple[int, int], int] | None:
    """The matrix as which a variable of this shape can be seen without moving entries, and which of its two axes `axis` is.

    None where the axes named are neither the first nor the last ones.
    """
    ndim = len(shape)
    axes = sorted(i % ndim for i in (axis if isinstance(axis, (list, tuple)) else [axis]))
    along = math.prod(shape[i] for i in axes)
    beside = math.prod(shape) // along if along else 0
    if axes == list(range(len(axes))):
        return (along, beside), 0
    if axes == list(range(ndim - len(axes), ndim)):
        return (beside, along), 1
    return None


def _along(w: Tensor, axis: Any, constrain: Any) -> Array:
    """Let a kernel run over w seen as a matrix."""
    values: Array = value_of(ops.convert_to_tensor(w))
    found = as_matrix(values.shape, axis)
    if found is None:
        axes = axis if isinstance(axis, (list, tuple)) else [axis]
        moved = np.moveaxis(values, axes, range(len(axes)))
        out = _along(np.ascontiguousarray(moved), list(range(len(axes))), constrain)
        return np.moveaxis(out, range(len(axes)), axes)
    shape, place = found
    out = np.empty(shape, values.dtype)
    constrain(values.reshape(shape), place, np.empty(shape[1 - place], values.dtype), out)
    return out.reshape(values.shape)
