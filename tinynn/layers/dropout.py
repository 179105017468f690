"""Dropout: while training, forget a random share of the inputs (Srivastava et al. 2014)."""

from __future__ import annotations

from typing import Any

from tinynn import random
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class Dropout(Layer):
    """While training, each entry is 0 with probability `rate`, else multiplied by 1 / (1 - rate); otherwise the identity.

    The scaling keeps the expectation. Masks are Keras's, bit for bit: see `tinynn/random/`.

    Args:
        rate: in [0, 1].
        noise_shape: entries along an axis of length 1 here share their fate.
        seed: of the masks; drawn from Python's `random` by default.
        **kwargs: of `Layer`.

    Raises:
        ValueError: a rate outside [0, 1].
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ValueError(f"Dropout expects a rate between 0 and 1; got {rate!r}.")
        self.rate = rate
        self.seed = seed
        self.noise_shape = noise_shape
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None
        self.built = True

    def call(self, inputs: Tensor, *args: Any, training: bool | None = False, **kwargs: Any) -> Any:
        """The same shape in and out."""
        if not training or self.seed_generator is None:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}
