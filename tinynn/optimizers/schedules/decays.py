"""Learning rates that fall by a power, a quotient or in stairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinynn.engine.recorded import value_of
from tinynn.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, in_float32, positive, rounded

__all__ = ["ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay", "PolynomialDecay"]


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate decay_rate^(step / decay_steps)

    Args:
        initial_learning_rate: at step 0.
        decay_steps: after so many steps it has fallen by one decay_rate.
        decay_rate: a factor, below 1 to fall.
        staircase: fall once every decay_steps: the quotient is rounded down.
        name: shown in the config.

    Raises:
        ValueError: decay_steps is not above 0.
    """

    takes_arrays: ClassVar[bool] = True

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        p = in_float32(step) / np.float32(self.decay_steps)
        if self.staircase:
            p = np.floor(p)
        return np.float32(self.initial_learning_rate) * rounded(np.power, np.float32(self.decay_rate), p)

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
        return {name: getattr(self, name) for name in names}


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate step / decay_steps)

    With decay_steps=1 this is what the argument `decay` of optimizers was in Keras 2.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: the unit of time.
        decay_rate: how fast it falls.
        staircase: fall once every decay_steps: the quotient is rounded down.
        name: shown in the config.

    Raises:
        ValueError: decay_steps is not above 0.
    """

    takes_arrays: ClassVar[bool] = True

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = positive("decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        p = in_float32(step) / np.float32(self.decay_steps)
        if self.staircase:
            p = np.floor(p)
        return np.float32(self.initial_learning_rate) / (np.float32(1) + np.float32(self.decay_rate) * p)

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
        return {name: getattr(self, name) for name in names}


class PolynomialDecay(LearningRateSchedule):
    """(initial_learning_rate - end_learning_rate) (1 - step / decay_steps)^power + end_learning_rate

    Args:
        initial_learning_rate: at step 0.
        decay_steps: when end_learning_rate is reached.
        end_learning_rate: stays from there on, unless it cycles.
        power: 1 falls along a line, 2 along a parabola.
        cycle: rise again after decay_steps, and fall until 2 decay_steps, 3 decay_steps, ...
        name: shown in the config.

    Raises:
        ValueError: decay_steps is not above 0.
    """

    takes_arrays: ClassVar[bool] = True

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = positive("decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        step, until = in_float32(step), in_float32(self.decay_steps)
        if self.cycle:
            until = until * np.where(step == 0, np.float32(1), np.ceil(step / until))
        else:
            step = np.minimum(step, until)
        first, last = np.float32(self.initial_learning_rate), np.float32(self.end_learning_rate)
        return (first - last) * rounded(np.power, np.float32(1) - step / until, np.float32(self.power)) + last

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
        return {name: getattr(self, name) for name in names}


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and with step boundaries[0], values[1] up to and with boundaries[1], ..., the last one ever after.

    Args:
        boundaries: rising steps; those that are no whole numbers are cut down to one for a whole step, as in Keras.
        values: learning rates, one more than boundaries.
        name: shown in the config.

    Raises:
        ValueError: not one value more than boundaries, or boundaries that do not rise.
    """

    takes_arrays: ClassVar[bool] = True

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of length {len(values)}."
            )
        if list(boundaries) != sorted(boundaries):
            raise ValueError(f"PiecewiseConstantDecay expects boundaries that rise; got {list(boundaries)}.")
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = np.asarray(value_of(step))
        boundaries = np.asarray(self.boundaries).astype(step.dtype)
        return np.asarray(self.values, np.float32)[np.searchsorted(boundaries, step, side="left")]

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}
