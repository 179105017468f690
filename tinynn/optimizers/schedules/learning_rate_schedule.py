"""The base of learning-rate schedules, and how one is asked for many steps at once."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tinynn._typing import Array
from tinynn.engine.recorded import value_of

__all__ = ["LearningRateSchedule", "at_steps"]


class LearningRateSchedule:
    """A function of the count of steps taken so far, 0 at first. Write `__call__(step)`, and `get_config()` to save it.

    Those of tinynn compute in float32 whatever the weights are, as Keras does, and take a number or an array of steps.
    """

    takes_arrays: ClassVar[bool] = False
    """Whether `__call__` may be asked for an array of steps; it is asked for one after the other otherwise."""

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict[str, Any]:
        """What the schedule can be made from again."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in order to be serializable."
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A schedule from what `get_config` gave."""
        return cls(**config)


def at_steps(schedule: LearningRateSchedule, steps: Array) -> Array:
    """The learning rates after so many steps taken, (n,) -> (n,): in one call if the schedule takes arrays."""
    owner = next(cls for cls in type(schedule).__mro__ if "__call__" in vars(cls))
    if owner.__dict__.get("takes_arrays", False):
        return np.asarray(schedule(steps))
    return np.array([float(value_of(schedule(step))) for step in steps])


def positive(name: str, value: Any) -> Any:
    """A count of steps above zero.

    Raises:
        ValueError: it is not.
    """
    if value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")
    return value


def in_float32(step: Any) -> Any:
    """Steps, a number or an array of any kind, as float32."""
    return np.asarray(value_of(step)).astype(np.float32)[()]


def rounded(function: Any, *arguments: Any) -> Any:
    """np.power, np.cos or np.log of float32 as float32, computed in float64 and rounded once.

    NumPy's own for float32 are an ulp off now and then (the power at every fifth number); those of the C library, which
    TensorFlow asks for a single number, hardly ever.
    """
    return function(*arguments, dtype=np.float64).astype(np.float32)
