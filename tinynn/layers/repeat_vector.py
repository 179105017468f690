"""Each sample several times over."""

from __future__ import annotations

from typing import Any

from tinynn import ops
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.input_spec import InputSpec
from tinynn.layers.layer import Layer


class RepeatVector(Layer):
    """(batch, features) -> (batch, n, features): n equal rows for each sample. No variables.

    Args:
        n: how often, a positive integer.
        **kwargs: of `Layer`.

    Raises:
        TypeError: n is no integer.
        ValueError: n is below 1, or the inputs do not have two axes.
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        if n <= 0:
            raise ValueError(f"Argument `n` should be a positive integer. Received: n={n}")
        self.n = int(n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """A row of ones times the sample: the gradient is the sum over the repetitions."""
        batch, features = inputs.shape
        return ops.broadcast_to(ops.reshape(inputs, (batch, 1, features)), (batch, self.n, features))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """(batch, n, features)."""
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "n": self.n}
