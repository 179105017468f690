"""Muon as Keras users know it; the update is in `tinynn/kernels/muon.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn._typing import Array, DType
from tinynn.kernels import muon
from tinynn.optimizers.optimizer import Optimizer, starts_of, unit_interval
from tinynn.variable import Variable


class Muon(Optimizer):
    """Muon (Jordan 2024): momentum for matrices, made nearly orthogonal; Adam for everything else.

        m <- momentum m + g;  d = g + momentum m
        p <- p - learning_rate direction(d) sqrt(max(rows, columns)) rms_rate

    direction(d) has d's singular vectors, and singular values about 1: all directions are learned at one speed. Biases, scales
    and whatever else is no matrix take Adam's step, and so should the output layer: exclude_layers=["name of the layer"].

    Args:
        learning_rate: a number, a schedule or a function.
        adam_beta_1, adam_beta_2, epsilon: as in `Adam`.
        adam_weight_decay: of what Adam steps on; None for none.
        weight_decay: of the matrices; None for none.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor: as in
            `Optimizer`.
        gradient_accumulation_steps, name: as in `Optimizer`.
        exclude_layers: matrices in whose path one of these regular expressions is found are Adam's.
        exclude_embeddings: so are those with "embedding" in their path.
        muon_a, muon_b, muon_c: of the polynomial that singular values go through; see `tinynn/kernels/muon.py`.
        adam_lr_ratio: Adam's learning rate is this times learning_rate.
        momentum: how slowly the sum of gradients forgets, in [0, 1].
        ns_steps: how often singular values go through the polynomial.
        nesterov: d = m without it.
        rms_rate: None leaves out the last two factors; with 0.2 (Liu et al. 2025) steps are about as long as Adam's, so
            that its learning rate and weight decay do.

    Raises:
        ValueError: a number that is out of its range.

    Example:
        >>> from tinynn import optimizers
        >>> optimizers.Muon(0.01, exclude_layers=["output"]).weight_decay
        0.004

    Jordan's own code scales by sqrt(max(1, outputs / inputs)) instead, for learning rates of its own.
    """

    slot_names = slots_made_together = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **options,
        )
        self.adam_beta_1 = unit_interval("adam_beta_1", adam_beta_1)
        self.adam_beta_2 = unit_interval("adam_beta_2", adam_beta_2)
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = unit_interval("momentum", momentum)
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        if rms_rate is not None and not rms_rate >= 0:
            raise ValueError(f"rms_rate must be a number from 0 up, or None; got {rms_rate!r}.")
        self.rms_rate = rms_rate

    def is_adams(self, variable: Variable) -> bool:
        """Whether a variable takes Adam's step."""
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def initial_slot(self, name: str, variable: Variable) -> Variable:
        """Zeros; Muon's matrices have no velocity."""
        if name == "velocity" and not self.is_adams(variable):
            return self._slot(variable, name, np.empty(0, variable.value.dtype))
        return super().initial_slot(name, variable)

    def _decay_of(self, variable: Variable) -> float:
        return (self.adam_weight_decay if self.is_adams(variable) else self.weight_decay) or 0.0

    def step_sizes(self, t: Array, dtype: DType) -> Array:
        """(n, 3): see `tinynn.kernels.muon.effective_rates`."""
        rates, scale = self.learning_rates(t, dtype), -1.0 if self.rms_rate is None else self.rms_rate
        return muon.effective_rates(
            self.updates(t), rates, self.adam_lr_ratio, self.adam_beta_1, self.adam_beta_2, scale, dtype
        )

    def shapes_of(self, variables: Sequence[Variable]) -> Array:
        """(variables, 4) int64: where each begins, rows, columns, where its velocity begins; see `tinynn.kernels.muon.step`."""
        shapes, place = [], 0
        for variable, start in zip(variables, starts_of(variables)):
            if self.is_adams(variable):
                shapes.append((start, 0, variable.value.size, place))
                place += variable.value.size
            else:
                shapes.append((start, *variable.shape, 0))
        return np.array(shapes, np.int64)

    def step_on(
        self, params: Array, grads: Array, slots: dict[str, Array], learning_rate: Any, variables: Sequence[Variable]
    ) -> None:
        """See `tinynn.kernels.muon`."""
        muon.step(
            params,
            grads,
            slots["momentum"],
            slots["velocity"],
            self.shapes_of(variables),
            np.empty(0, params.dtype),
            learning_rate,
            self.momentum,
            self.nesterov,
            self.ns_steps,
            self.muon_a,
            self.muon_b,
            self.muon_c,
            self.adam_beta_1,
            self.adam_beta_2,
            self.epsilon,
        )

    def get_config(self) -> dict[str, Any]:
        """What the optimizer can be made from again."""
        names = (
            *("adam_beta_1", "adam_beta_2", "epsilon", "exclude_layers", "muon_a", "muon_b", "muon_c", "adam_lr_ratio"),
            *("momentum", "ns_steps", "nesterov", "exclude_embeddings", "adam_weight_decay", "rms_rate"),
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
