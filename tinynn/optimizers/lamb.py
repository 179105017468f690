"""Lamb as Keras users know it; the update is in `tinynn/kernels/lamb.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from tinynn._typing import Array, DType
from tinynn.kernels import lamb
from tinynn.optimizers.optimizer import Optimizer, Options, starts_of, unit_interval
from tinynn.variable import Variable


class Lamb(Optimizer):
    """Lamb (You et al. 2020), for large batches: Adam's direction, as long as each variable's weights are large.

        u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon);  p <- p - learning_rate |p| / |u| u

    with Adam's m and v; the norms are taken variable by variable. The weight decay of the paper stands within u; here it is
    the decoupled one of `Optimizer`, as in Keras.

    Args:
        learning_rate: a number, a schedule or a function.
        beta_1, beta_2: how slowly the means of g and g^2 forget, in [0, 1].
        epsilon: beside the root.
        *args, **options: as in `Optimizer`, in its order.
    """

    slot_names = slots_made_together = ("momentum", "velocity")

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
        """(n, 3): see `tinynn.kernels.lamb.effective_rates`."""
        rates = self.learning_rates(t, dtype)
        return lamb.effective_rates(self.updates(t), rates, self.beta_1, self.beta_2, dtype)

    def step_on(
        self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any, variables: Sequence[Variable]
    ) -> None:
        """See `tinynn.kernels.lamb`."""
        m, v, starts = slots["momentum"], slots["velocity"], starts_of(variables)
        lamb.step(params, grads, m, v, starts, learning_rate, self.beta_1, self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
