"""Nadam as Keras users know it; the update is in `tinynn/kernels/nadam.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import numpy as np

from tinynn import config
from tinynn._typing import Array, DType
from tinynn.kernels import nadam
from tinynn.optimizers.optimizer import Optimizer, Options, unit_interval
from tinynn.variable import Variable


class Nadam(Optimizer):
    """Nadam (Dozat 2016): Adam with Nesterov's look-ahead; its momentum u_t = beta_1 (1 - 0.96^t / 2) grows on the way.

        m <- m + (g - m)(1 - beta_1);  v <- v + (g^2 - v)(1 - beta_2);  U_t = u_1 ... u_t
        p <- p - learning_rate (u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)

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

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots, and the variable that holds U_t."""
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        dtype = variables[0].dtype if variables else config.floatx()
        self._u_product = Variable(1.0, dtype=dtype)
        self._u_product._path = f"{self.name}/{self._u_product.name}"
        self._added.append(self._u_product)

    def _products(self, t: Array) -> Array:
        """U after steps t, (n,); t begins with the next step."""
        value = self._u_product.value
        first = int(self.updates(np.array([int(self._iterations.value) + 1]))[0])
        last = int(self.updates(t[-1:])[0])
        products = nadam.u_products(float(value), np.arange(first, last + 1), self.beta_1, value.dtype)
        return np.asarray(products[self.updates(t) - first])

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """(n, 3): see `tinynn.kernels.nadam.effective_rates`. t are the steps that come next."""
        rates, products = self.learning_rates(t, dtype), self._products(t).astype(dtype)
        return nadam.effective_rates(self.updates(t), rates, self.beta_1, self.beta_2, products, dtype)

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.nadam`."""
        m, v = slots["momentum"], slots["velocity"]
        nadam.step(params, grads, m, v, learning_rate, self.beta_1, self.beta_2, self.epsilon)

    def took_steps(self, t: Array) -> None:
        """U moves on."""
        self._u_product.assign(self._products(t)[-1])

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
