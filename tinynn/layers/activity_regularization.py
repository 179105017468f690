"""A penalty on what passes through."""

from __future__ import annotations

from typing import Any

from tinynn import regularizers
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class ActivityRegularization(Layer):
    """The inputs, as they are; l1 sum |x| + l2 sum x^2, divided by the batch size, joins the loss.

    Args:
        l1, l2: factors, numbers from 0 up.
        **kwargs: of `Layer`.

    Raises:
        ValueError: a factor that is negative or no number.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The inputs."""
        return inputs

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        config = super().get_config()
        config.pop("activity_regularizer", None)  # made from l1 and l2
        return {**config, "l1": self.l1, "l2": self.l2}
