"""Adagrad as Keras users know it; the update is in `tinynn/kernels/adagrad.py`."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from tinynn._typing import Array
from tinynn.kernels import adagrad
from tinynn.optimizers.optimizer import Optimizer, Options
from tinynn.variable import Variable


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011): a <- a + g^2;  p <- p - learning_rate g / sqrt(a + epsilon).

    Args:
        learning_rate: a number, a schedule or a function.
        initial_accumulator_value: where the sums a begin, not below 0.
        epsilon: inside the root, as in Keras; PyTorch has it outside.
        *args, **options: as in `Optimizer`, in its order.
    """

    slot_names = slots_made_together = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = float(epsilon)

    def initial_slot(self, name: str, variable: Variable) -> Variable:
        """Full of initial_accumulator_value, by way of float32 as in Keras."""
        return self._slot(variable, name, np.full_like(variable.value, np.float32(self.initial_accumulator_value)))

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.adagrad`."""
        adagrad.step(params, grads, slots["accumulator"], learning_rate, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
