"""SGD as Keras users know it; the update is in `tinynn/kernels/sgd.py`."""

from __future__ import annotations

from typing import Any, Unpack

from tinynn._typing import Array
from tinynn.kernels import sgd
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval


class SGD(Optimizer):
    """Gradient descent, with momentum (Polyak 1964) or Nesterov's look-ahead (Sutskever et al. 2013) if wanted.

        p <- p - learning_rate g                                              momentum 0
        v <- momentum v - learning_rate g;  p <- p + v                        momentum
        v <- momentum v - learning_rate g;  p <- p + momentum v - learning_rate g     nesterov

    Args:
        learning_rate: a number, a schedule or a function.
        momentum: in [0, 1].
        nesterov: look ahead; of effect with momentum alone.
        *args, **options: as in `Optimizer`, in its order.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.momentum = unit_interval("momentum", momentum)
        self.nesterov = bool(nesterov)
        self.slot_names = ("momentum",) if self.momentum else ()

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.sgd`."""
        if not self.momentum:
            sgd.step(params, grads, learning_rate)
        elif self.nesterov:
            sgd.nesterov_step(params, grads, slots["momentum"], learning_rate, self.momentum)
        else:
            sgd.momentum_step(params, grads, slots["momentum"], learning_rate, self.momentum)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
