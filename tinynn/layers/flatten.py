"""Flatten: images and other arrays as rows of numbers."""

from __future__ import annotations

import math
from typing import Any

from tinynn import ops
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class Flatten(Layer):
    """(batch, a, b, ...) -> (batch, a b ...), row-major; (batch,) -> (batch, 1). No variables.

    Args:
        data_format: "channels_last" (the default); kept for Keras's sake.
        **kwargs: of `Layer`; `input_shape=[28, 28]` starts many a tutorial.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last"):
            raise ValueError(f'Flatten knows data_format "channels_last" alone; got {data_format!r}.')
        self.data_format = "channels_last"

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """All axes but the first become one."""
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """(batch, product of the rest), None if one of them is unknown."""
        rest = [n for n in input_shape[1:] if n is not None]
        return (input_shape[0], math.prod(rest) if len(rest) == len(input_shape) - 1 else None)

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "data_format": self.data_format}
