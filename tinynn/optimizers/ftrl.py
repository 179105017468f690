"""FTRL as Keras users know it; the update is in `tinynn/kernels/ftrl.py`."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from tinynn._typing import Array
from tinynn.kernels import ftrl
from tinynn.optimizers.optimizer import Optimizer, Options
from tinynn.variable import Variable


class Ftrl(Optimizer):
    """Follow the regularized leader, per coordinate (McMahan et al. 2013), for sparse linear models above all.

        a' = a + g^2;  z <- z + g + 2 l2_shrinkage p - (a'^q - a^q) / learning_rate p,    q = -learning_rate_power
        p <- (clip(z, -l1, l1) - z) / ((a'^q + beta) / learning_rate + 2 l2)

    Args:
        learning_rate: a number, a schedule or a function.
        learning_rate_power: 0 or below: how steps shrink with the gradients seen; 0 for steps that do not.
        initial_accumulator_value: where the sums a begin, not below 0.
        l1_regularization_strength: not below 0; weights are exactly zero where the evidence is weaker.
        l2_regularization_strength: not below 0.
        l2_shrinkage_regularization_strength: not below 0: a penalty within the gradient.
        beta: the paper's beta.
        *args, **options: as in `Optimizer`, in its order.

    Raises:
        ValueError: a number of the wrong sign.
    """

    slot_names = slots_made_together = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        if learning_rate_power > 0:
            raise ValueError(
                f"`learning_rate_power` needs to be negative or zero. Received: learning_rate_power={learning_rate_power}."
            )
        for name, value in {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }.items():
            if value < 0:
                raise ValueError(f"`{name}` needs to be positive or zero. Received: {name}={value}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def initial_slot(self, name: str, variable: Variable) -> Variable:
        """The accumulator is full of initial_accumulator_value, by way of float32 as in Keras."""
        first = np.float32(self.initial_accumulator_value if name == "accumulator" else 0.0)
        return self._slot(variable, name, np.full_like(variable.value, first))

    def step(self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any) -> None:
        """See `tinynn.kernels.ftrl`."""
        ftrl.step(
            params,
            grads,
            slots["accumulator"],
            slots["linear"],
            learning_rate,
            self.learning_rate_power,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
            self.beta,
        )

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        names = (
            *("learning_rate_power", "initial_accumulator_value", "l1_regularization_strength"),
            *("l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta"),
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
