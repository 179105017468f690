"""LeakyReLU: a rectified linear unit that lets a little of what is negative pass, as a layer."""

from __future__ import annotations

import warnings
from typing import Any

from tinynn import activations
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope x: any shape, the same in and out; no variables (Maas et al. 2013).

    Args:
        negative_slope: at least 0. Here 0.3 by default; in `tinynn.activations.leaky_relu` 0.2.
        **kwargs: of `Layer`; and `alpha`, the name that negative_slope had in Keras 2, with a warning.

    Raises:
        ValueError: a negative slope, or None.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn("Argument `alpha` is deprecated. Use `negative_slope` instead.", stacklevel=2)
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. Expected a float. "
                f"Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "negative_slope": self.negative_slope}
