"""Adam as Keras users know it; the update is in `tinynn/kernels/adam.py`."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from tinynn._typing import Array, DType
from tinynn.kernels import adam
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval


class Adam(Optimizer):
    """Adam (Kingma & Ba 2014), or AMSGrad (Reddi et al. 2018).

        m <- m + (g - m)(1 - beta_1);  v <- v + (g^2 - v)(1 - beta_2)
        p <- p - a m / (sqrt(v) + epsilon),     a = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t)

    Args:
        learning_rate: a number, a schedule or a function.
        beta_1, beta_2: how slowly the means of g and g^2 forget, in [0, 1].
        epsilon: "epsilon hat" of the paper's section 2.1, as in Keras; PyTorch and optax have Algorithm 1's.
        amsgrad: divide by the largest v so far.
        *args, **options: as in `Optimizer`, in its order.
    """

    slots_made_together = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.beta_1 = unit_interval("beta_1", beta_1)
        self.beta_2 = unit_interval("beta_2", beta_2)
        self.epsilon = float(epsilon)
        self.amsgrad = bool(amsgrad)
        self.slot_names = ("momentum", "velocity", *(("velocity_hat",) if self.amsgrad else ()))

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """The learning rate with Adam's corrections, in the parameters' precision."""
        return adam.effective_rate(self.updates(t), self.learning_rates(t, dtype), self.beta_1, self.beta_2, dtype)

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.adam`. Keras calls m "momentum", v "velocity" and its maximum "velocity_hat"."""
        m, v, v_max = slots["momentum"], slots["velocity"], slots.get("velocity_hat", np.empty(0, params.dtype))
        adam.step(params, grads, m, v, v_max, learning_rate, self.beta_1, self.beta_2, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return {**super().get_config(), **own}
