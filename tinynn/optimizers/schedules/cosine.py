"""Learning rates that fall along half a cosine (Loshchilov & Hutter 2017), with a warm-up or with restarts."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from tinynn.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, in_float32, positive, rounded

__all__ = ["CosineDecay", "CosineDecayRestarts"]


class CosineDecay(LearningRateSchedule):
    """initial_learning_rate ((1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + alpha), to the end of decay_steps

    With a warmup_target it first rises along a line from initial_learning_rate to warmup_target, within warmup_steps, and
    falls from there within decay_steps more.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: how many steps the fall takes; the rate stays as it is after.
        alpha: what share is left in the end.
        name: shown in the config.
        warmup_target: where the warm-up ends; None for no warm-up.
        warmup_steps: how many steps the warm-up takes.

    Raises:
        ValueError: decay_steps is not above 0.
    """

    takes_arrays: ClassVar[bool] = True

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = positive("decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        step, first, falling = in_float32(step), np.float32(self.initial_learning_rate), np.float32(self.decay_steps)
        if self.warmup_target is None:
            return self._fall(np.minimum(step, falling), first)
        top, rising = np.float32(self.warmup_target), np.float32(self.warmup_steps)
        step = np.minimum(step, falling + rising)
        risen = (top - first) * (step / rising if rising else np.float32(1)) + first
        return np.where(step < rising, risen, self._fall(step - rising, top))[()]

    def _fall(self, step: Any, top: Any) -> Any:
        turned = rounded(np.cos, np.float32(math.pi) * (step / np.float32(self.decay_steps)))
        cosine = np.float32(0.5) * (np.float32(1) + turned)
        return top * (np.float32(1 - self.alpha) * cosine + np.float32(self.alpha))

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
        return {name: getattr(self, name) for name in names}


class CosineDecayRestarts(LearningRateSchedule):
    """A cosine that begins anew: period i lasts first_decay_steps t_mul^i steps and starts from initial_learning_rate m_mul^i.

        initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(pi f)) / 2 + alpha),   f in [0, 1) the share of the period passed

    Args:
        initial_learning_rate: at step 0.
        first_decay_steps: how many steps the first period takes.
        t_mul: how much longer each period is than the one before.
        m_mul: how much lower it starts.
        alpha: what share is left at the end of a period.
        name: shown in the config.

    Raises:
        ValueError: first_decay_steps is not above 0.
    """

    takes_arrays: ClassVar[bool] = True

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = positive("first_decay_steps", first_decay_steps)
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        """After i periods, first_decay_steps (1 + t_mul + ... + t_mul^(i - 1)) steps are gone: i is found by a logarithm."""
        one, alpha, t_mul = np.float32(1), np.float32(self.alpha), np.float32(self._t_mul)
        done = in_float32(step) / np.float32(self.first_decay_steps)
        if t_mul == 1:
            i = np.floor(done)
            f = done - i
        else:
            i = np.floor(rounded(np.log, one - done * (one - t_mul)) / rounded(np.log, t_mul))
            grown = rounded(np.power, t_mul, i)
            f = (done - (one - grown) / (one - t_mul)) / grown
        height = np.float32(0.5) * rounded(np.power, np.float32(self._m_mul), i)
        cosine = height * (one + rounded(np.cos, np.float32(math.pi) * f))
        return np.float32(self.initial_learning_rate) * ((one - alpha) * cosine + alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
