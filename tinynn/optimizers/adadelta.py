"""Adadelta as Keras users know it; the update is in `tinynn/kernels/adadelta.py`."""

from __future__ import annotations

from typing import Any, Unpack

from tinynn._typing import Array
from tinynn.kernels import adadelta
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): running means of squared gradients and of squared steps.

        a <- rho a + (1 - rho) g^2;  d = -sqrt(x + epsilon) / sqrt(a + epsilon) g;  x <- rho x + (1 - rho) d^2
        p <- p + learning_rate d

    Args:
        learning_rate: a number, a schedule or a function; 1.0 is the paper's.
        rho: how slowly the means forget, in [0, 1].
        epsilon: inside the roots.
        *args, **options: as in `Optimizer`, in its order.
    """

    slot_names = slots_made_together = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.rho = unit_interval("rho", rho)
        self.epsilon = float(epsilon)

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.adadelta`."""
        grad, delta = slots["accumulated_grad"], slots["accumulated_delta_var"]
        adadelta.step(params, grads, grad, delta, learning_rate, self.rho, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
