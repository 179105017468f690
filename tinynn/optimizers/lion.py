"""Lion as Keras users know it; the update is in `tinynn/kernels/lion.py`."""

from __future__ import annotations

from typing import Any, Unpack

from tinynn._typing import Array
from tinynn.kernels import lion
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval


class Lion(Optimizer):
    """Lion (Chen et al. 2023): p <- p - learning_rate sign(beta_1 m + (1 - beta_1) g);  m <- beta_2 m + (1 - beta_2) g.

    Every weight moves by the learning rate at each step, so that it wants to be 3 to 10 times smaller than Adam's.

    Args:
        learning_rate: a number, a schedule or a function.
        beta_1: the momentum's share in the step, in (0, 1].
        beta_2: how slowly the momentum forgets, in [0, 1].
        *args, **options: as in `Optimizer`, in its order.

    Raises:
        ValueError: beta_1 is 0, which would be the sign of the gradient alone, or another argument is out of range.
    """

    slot_names = slots_made_together = ("momentum",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.beta_1 = unit_interval("beta_1", beta_1)
        self.beta_2 = unit_interval("beta_2", beta_2)
        if self.beta_1 == 0:
            raise ValueError(
                "Argument `beta_1` must be in the (0, 1] range. Otherwise, the optimizer degenerates to SignSGD. "
                f"Received: beta_1={beta_1}."
            )

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.lion`."""
        lion.step(params, grads, slots["momentum"], learning_rate, self.beta_1, self.beta_2)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
