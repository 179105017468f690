"""Schedule-free AdamW as Keras users know it; the update is in `tinynn/kernels/schedule_free_adamw.py`."""

from __future__ import annotations

from typing import Any, Unpack

from tinynn._typing import Array, DType
from tinynn.kernels import schedule_free_adamw
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval
from tinynn.variable import Variable


class ScheduleFreeAdamW(Optimizer):
    """Schedule-free AdamW (Defazio et al. 2024): averages the iterates z, so that the learning rate need not fall.

        v <- v + (g^2 - v)(1 - beta_2);  z <- z - learning_rate g / (sqrt(v / (1 - beta_2^t)) + epsilon)
        x <- (1 - 1/t) x + z / t;  p <- (1 - beta_1) z + beta_1 x,    x found again from p: see the kernel

    Args:
        learning_rate: a number, a schedule or a function.
        beta_1: the share of the average in where gradients are taken, in (0, 1].
        beta_2: how slowly the mean of g^2 forgets, in [0, 1].
        epsilon: beside the root.
        warmup_steps: the learning rate rises along a line for so many steps.
        *args, **options: as in `Optimizer`, in its order.
    """

    slot_names = slots_made_together = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.beta_1 = unit_interval("beta_1", beta_1)
        self.beta_2 = unit_interval("beta_2", beta_2)
        self.epsilon = float(epsilon)
        self.warmup_steps = warmup_steps

    def initial_slot(self, name: str, variable: Variable) -> Variable:
        """The iterate, called "momentum", is the parameters at first."""
        if name == "momentum":
            return self._slot(variable, name, variable.value.copy())
        return super().initial_slot(name, variable)

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """(n, 3): see `tinynn.kernels.schedule_free_adamw.effective_rates`."""
        rates = self.learning_rates(t, dtype)
        return schedule_free_adamw.effective_rates(self.updates(t), rates, self.beta_2, self.warmup_steps, dtype)

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.schedule_free_adamw`."""
        z, v = slots["momentum"], slots["velocity"]
        schedule_free_adamw.step(params, grads, z, v, learning_rate, self.beta_1, self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        names = ("beta_1", "beta_2", "epsilon", "warmup_steps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
