"""Adamax as Keras users know it; the update is in `tinynn/kernels/adamax.py`."""

from __future__ import annotations

from typing import Any, Unpack

from tinynn._typing import Array, DType
from tinynn.kernels import adamax
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval


class Adamax(Optimizer):
    """Adamax (Kingma & Ba 2014, section 7.1): Adam with the largest gradient of late in place of the mean square.

        m <- m + (g - m)(1 - beta_1);  u <- max(beta_2 u, |g|);  p <- p - learning_rate m / ((1 - beta_1^t) (u + epsilon))

    Args:
        learning_rate: a number, a schedule or a function.
        beta_1: how slowly the mean forgets, in [0, 1].
        beta_2: how slowly the largest gradient is forgotten, in [0, 1].
        epsilon: beside u; the paper has none.
        *args, **options: as in `Optimizer`, in its order.
    """

    slot_names = slots_made_together = ("momentum", "norm")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.beta_1 = unit_interval("beta_1", beta_1)
        self.beta_2 = unit_interval("beta_2", beta_2)
        self.epsilon = float(epsilon)

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """The learning rate with Adamax's correction, in the parameters' precision."""
        return adamax.effective_rate(self.updates(t), self.learning_rates(t, dtype), self.beta_1, dtype)

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.adamax`."""
        m, u = slots["momentum"], slots["norm"]
        adamax.step(params, grads, m, u, learning_rate, self.beta_1, self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
