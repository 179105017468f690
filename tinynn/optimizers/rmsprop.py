"""RMSprop as Keras users know it; the update is in `tinynn/kernels/rmsprop.py`."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from tinynn._typing import Array
from tinynn.kernels import rmsprop
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval


class RMSprop(Optimizer):
    """Each gradient divided by a running mean of its size (Hinton 2012); centered by its running mean (Graves 2013).

        s <- rho s + (1 - rho) g^2;  u = learning_rate g / sqrt(s - a^2 + epsilon);  p <- p - u

    with a, the running mean of g, when centered, and a velocity of the u with momentum.

    Args:
        learning_rate: a number, a schedule or a function.
        rho: how slowly the means forget, in [0, 1].
        momentum: in [0, 1].
        epsilon: inside the root, as in Keras; PyTorch and optax (by default) have it outside.
        centered: subtract the squared mean of g, for an estimate of its variance.
        *args, **options: as in `Optimizer`, in its order.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.rho = unit_interval("rho", rho)
        self.momentum = unit_interval("momentum", momentum)
        self.epsilon = float(epsilon)
        self.centered = bool(centered)
        self.slot_names = (
            "velocity",
            *(("momentum",) if self.momentum else ()),
            *(("average_gradient",) if self.centered else ()),
        )

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.rmsprop`. Keras calls the running mean of g^2 "velocity" and the velocity "momentum"."""
        none = np.empty(0, params.dtype)
        mean_grad, velocity = slots.get("average_gradient", none), slots.get("momentum", none)
        rmsprop.step(
            params, grads, slots["velocity"], mean_grad, velocity, learning_rate, self.rho, self.momentum, self.epsilon
        )

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}
