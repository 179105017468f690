"""ELU: the exponential linear unit as a layer."""

from __future__ import annotations

from typing import Any

from tinynn import activations
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class ELU(Layer):
    """x where x >= 0, else alpha (e^x - 1): any shape, the same in and out; no variables (Clevert et al. 2016).

    Args:
        alpha: how far below zero the outputs go.
        **kwargs: of `Layer`.

    Raises:
        ValueError: alpha that is not a number.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not hasattr(alpha, "__float__"):
            raise ValueError(f"ELU expects alpha to be a number; got {alpha!r}.")
        self.alpha = alpha
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        return activations.elu(inputs, alpha=self.alpha)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "alpha": self.alpha}
