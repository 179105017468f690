"""ReLU: the rectified linear unit as a layer, with all its options."""

from __future__ import annotations

from typing import Any

from tinynn import activations
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class ReLU(Layer):
    """max(x, 0), and with options: x between threshold and max_value, max_value above, negative_slope (x - threshold) below.

    Any shape, the same in and out; no variables. Formula and derivative: `tinynn/kernels/bounded_relu.py`.

    Args:
        max_value: the largest output, at least 0; None for no limit.
        negative_slope: how steep it is below the threshold, at least 0.
        threshold: what an input must exceed to pass, at least 0.
        **kwargs: of `Layer`.

    Raises:
        ValueError: a negative option, or None where a number is needed.
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0:
            raise ValueError(f"max_value of a ReLU layer cannot be a negative value. Received: max_value={max_value}")
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0:
                raise ValueError(f"{name} of a ReLU layer cannot be None or a negative value. Received: {name}={value}")
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        options = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return {**super().get_config(), **options}
