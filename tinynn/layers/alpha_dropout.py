"""Alpha dropout: dropout that fits SELU (Klambauer et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import random
from tinynn._typing import Array, BatchShape, Tensor
from tinynn.engine.tape import Backward, differentiable
from tinynn.kernels import alpha_dropout as kernel
from tinynn.layers.layer import Layer


class AlphaDropout(Layer):
    """While training, entries become SELU's limit -1.758 with probability `rate`, and all are scaled and shifted so that mean 0
    and variance 1 stay what they are; otherwise the identity. The mathematics is in `tinynn/kernels/alpha_dropout.py`.

    Masks are Keras's, bit for bit.

    Args:
        rate: in [0, 1), the share of entries.
        noise_shape: entries along an axis of length 1 here share their fate; None stands for the inputs' length.
        seed: of the masks; drawn from Python's `random` by default.
        **kwargs: of `Layer`.

    Raises:
        ValueError: a rate outside [0, 1]; or, when called in training, a rate of 1, which leaves no variance to keep.
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate <= 1:
            raise ValueError(
                f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. Received: rate={rate}"
            )
        self.rate = rate
        self.seed = seed
        self.noise_shape = noise_shape
        if rate > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Tensor, *args: Any, training: bool | None = False, **kwargs: Any) -> Any:
        """The same shape in and out."""
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            raise ValueError(
                f'AlphaDropout "{self.name}" with rate=1 leaves nothing of its inputs; choose a smaller rate.'
            )
        shape = tuple(inputs.shape)
        if self.noise_shape is not None:
            shape = tuple(n if asked is None else asked for n, asked in zip(shape, self.noise_shape))
        kept = (random.uniform(shape, seed=self.seed_generator) >= self.rate).astype(self.dtype)
        return _alpha_dropout(inputs, kept=kept, rate=self.rate)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}


@differentiable
def _alpha_dropout(x: Array, *, kept: Array, rate: float) -> tuple[Array, Backward]:
    out = np.empty_like(x)
    kernel.forward(x, kept, rate, out)

    def backward(d_out: Array) -> Array:
        d_x = np.empty_like(x)
        kernel.backward(d_out, kept, rate, d_x)
        return d_x

    return out, backward
