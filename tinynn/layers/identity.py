"""A layer that does nothing."""

from __future__ import annotations

from typing import Any

from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class Identity(Layer):
    """The inputs, as they are: keeps a place for a layer.

    Args:
        **kwargs: of `Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The inputs."""
        return inputs

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return super().get_config()
