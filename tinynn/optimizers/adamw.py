"""AdamW as Keras users know it: Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any, Unpack

from tinynn.optimizers.adam import Adam
from tinynn.optimizers.optimizer import CommonOptions


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): p <- p - p weight_decay learning_rate, then `Adam`'s step.

    Args:
        learning_rate: a number, a schedule or a function.
        weight_decay: a number; PyTorch and optax have 0.01 and 0.0001 by default.
        beta_1, beta_2, epsilon, amsgrad: as in `Adam`.
        *args, **options: as in `Optimizer`, in its order.

    Raises:
        ValueError: weight_decay is None, or an option is wrong.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *args: Any,
        **options: Unpack[CommonOptions],
    ) -> None:
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *args, **options)
