"""Noise that is added while training."""

from __future__ import annotations

from typing import Any

from tinynn import ops, random
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class GaussianNoise(Layer):
    """While training x + stddev z, z normal with variance 1, new in each call; otherwise the identity.

    Its derivative is 1. The noise is Keras's, from the seed (`tinynn/random/streams.py` says how closely).

    Args:
        stddev: in [0, 1].
        seed: of the noise; drawn from Python's `random` by default.
        **kwargs: of `Layer`.

    Raises:
        ValueError: a stddev outside [0, 1].
    """

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= stddev <= 1:
            raise ValueError(
                "Invalid value received for argument `stddev`. Expected a float value between 0 and 1. "
                f"Received: stddev={stddev}"
            )
        self.stddev = stddev
        self.seed = seed
        if stddev > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Tensor, *args: Any, training: bool | None = False, **kwargs: Any) -> Any:
        """The same shape in and out."""
        if not training or self.stddev == 0:
            return inputs
        noise = random.normal(inputs.shape, stddev=self.stddev, dtype=self.dtype, seed=self.seed_generator)
        return ops.add(inputs, noise)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}
