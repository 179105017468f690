"""Dropout with Gaussian factors (Srivastava et al. 2014, section 10)."""

from __future__ import annotations

import math
from typing import Any

from tinynn import ops, random
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class GaussianDropout(Layer):
    """While training x f, f normal with mean 1 and standard deviation sqrt(rate / (1 - rate)), that of dropout's factors;
    otherwise the identity. Its derivative is f.

    Args:
        rate: in [0, 1), as in `Dropout`.
        seed: of the factors; drawn from Python's `random` by default.
        **kwargs: of `Layer`.

    Raises:
        ValueError: a rate outside [0, 1]; or, when called in training, a rate of 1, for which the deviation is infinite.
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ValueError(
                f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. Received: rate={rate}"
            )
        self.rate = rate
        self.seed = seed
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Tensor, *args: Any, training: bool | None = False, **kwargs: Any) -> Any:
        """The same shape in and out."""
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            raise ValueError(f'GaussianDropout "{self.name}" with rate=1 has infinite noise; choose a smaller rate.')
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        factors = random.normal(inputs.shape, mean=1.0, stddev=stddev, dtype=self.dtype, seed=self.seed_generator)
        return ops.multiply(inputs, factors)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
