"""Adafactor as Keras users know it; the update is in `tinynn/kernels/adafactor.py`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from tinynn._typing import Array, DType
from tinynn.kernels import adafactor
from tinynn.optimizers.optimizer import Optimizer, Options, starts_of
from tinynn.variable import Variable


class Adafactor(Optimizer):
    """Adafactor (Shazeer & Stern 2018): Adam's mean square of a matrix from its row means and column means.

        r <- b r + (1 - b) mean_j (g^2 + epsilon_1);  c likewise over i;  v_ij = r_i c_j / mean(r),    b = 1 - t^beta_2_decay
        p <- p - min(learning_rate, 1 / sqrt(t)) max(epsilon_2, rms(p)) u / max(1, rms(u) / clip_threshold),    u = g / sqrt(v)

    Keras keeps v too, and so do we; that saves no memory, but `variables` are the same.

    Args:
        learning_rate: a number, a schedule or a function: an upper bound.
        beta_2_decay: below 0: how fast the past gains weight.
        epsilon_1: added to g^2.
        epsilon_2: the least size of weights that steps are measured by.
        clip_threshold: the root mean square of u is this at most.
        relative_step: of no effect, in Keras as here: the learning rate is bounded by 1 / sqrt(t) either way.
        *args, **options: as in `Optimizer`, in its order.
    """

    slot_names = slots_made_together = ("r", "c", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        *args: Any,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, *args, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def initial_slot(self, name: str, variable: Variable) -> Variable:
        """Zeros; r has a matrix's rows, c its columns. A vector's are an int32 0 that nobody uses, as in Keras."""
        if name == "velocity":
            return super().initial_slot(name, variable)
        shape = variable.shape
        if len(shape) < 2:
            return self._own(variable.name, np.array(0, np.int32))
        kept = shape[:-1] if name == "r" else (*shape[:-2], shape[-1])
        return self._own(variable.name, np.zeros(kept, variable.value.dtype))

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """(n, 2): see `tinynn.kernels.adafactor.effective_rates`."""
        rates = self.learning_rates(t, dtype)
        return adafactor.effective_rates(self.updates(t), rates, self.beta_2_decay, dtype)

    def step_on(
        self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any, variables: Sequence[Variable]
    ) -> None:
        """See `tinynn.kernels.adafactor`."""
        r, c, v, shapes = slots["r"], slots["c"], slots["velocity"], shapes_of(variables)
        adafactor.step(
            params, grads, r, c, v, shapes, learning_rate, self.epsilon_1, self.epsilon_2, self.clip_threshold
        )

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def shapes_of(variables: Sequence[Variable]) -> Array:
    """(variables, 4) int64: where each begins, its blocks, rows and columns; see `tinynn.kernels.adafactor.step`."""
    rows = []
    for variable, start in zip(variables, starts_of(variables)):
        *leading, last = variable.shape or (1,)
        rows.append((start, math.prod(leading[:-1]), leading[-1] if leading else 0, last))
    return np.array(rows, np.int64)
