"""The same entries of each sample in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinynn import ops
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer


class Reshape(Layer):
    """(batch, *shape) -> (batch, *target_shape), row-major. No variables.

    Args:
        target_shape: of one sample; one axis may be -1, which means what is left.
        **kwargs: of `Layer`.

    Raises:
        ValueError: a negative length but -1, -1 twice; or inputs with another number of entries.
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        known = [n for n in target_shape if n is not None]
        if min(known, default=0) < -1:
            raise ValueError(
                "Each dimension in `target_shape` must be a non-negative integer, or `-1` for a single unknown dimension. "
                f"Received: target_shape={target_shape}."
            )
        if known.count(-1) > 1:
            raise ValueError(
                f"There must be at most one unknown dimension (-1) in `target_shape`. Received: target_shape={target_shape}."
            )
        self.target_shape = target_shape
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """(batch, *shape) -> (batch, *target_shape)."""
        shape = self._resolved(tuple(inputs.shape[1:]))
        return ops.reshape(inputs, (inputs.shape[0], *[-1 if n is None else n for n in shape]))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The batch, and the target shape with its -1 worked out where that is possible."""
        return (input_shape[0], *self._resolved(tuple(input_shape[1:])))

    def _resolved(self, sample: BatchShape) -> BatchShape:
        target = self.target_shape
        lengths = [n for n in sample if n is not None]
        if len(lengths) != len(sample) or None in target:
            return tuple(None if n == -1 else n for n in target)
        size, known = math.prod(lengths), math.prod(n for n in target if n != -1)
        if -1 not in target and size != known:
            raise ValueError(
                f"The total size of the tensor must be unchanged. Received: input_shape={sample}, target_shape={target}"
            )
        if -1 in target and (known == 0 or size % known):
            raise ValueError(
                "The total size of the tensor must be unchanged, however, the input size cannot by divided by the specified "
                f"dimensions in target_shape. Received: input_shape={sample}, target_shape={target}"
            )
        return tuple(size // known if n == -1 else n for n in target)

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "target_shape": self.target_shape}
