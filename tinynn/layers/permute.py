"""The axes of each sample in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinynn import ops
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.input_spec import InputSpec
from tinynn.layers.layer import Layer


class Permute(Layer):
    """(batch, a, b, ...) with a, b, ... in another order. No variables.

    Args:
        dims: the axes of the inputs in the order of the outputs, counted from 1 (0 is the batch): (2, 1) transposes.
        **kwargs: of `Layer`.

    Raises:
        ValueError: dims that are not 1, 2, ... in some order, or inputs with another number of axes.
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must be consecutive and "
                f"start from 1. Received dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Axis i of the outputs is axis dims[i - 1] of the inputs."""
        return ops.transpose(inputs, axes=(0, *self.dims))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The lengths in the new order."""
        return (input_shape[0], *[input_shape[i] for i in self.dims])

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "dims": self.dims}
