"""Softmax as a layer, with a mask for entries that take no part."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import activations
from tinynn._typing import Array, BatchShape, Tensor
from tinynn.engine.recorded import value_of
from tinynn.layers.layer import Layer
from tinynn.ops import where

_FAR_BELOW = -1e9  # what stands in place of a masked logit, as in Keras


class Softmax(Layer):
    """e^x / sum e^x along an axis: any shape, the same in and out; no variables.

    As a model's last layer, cross-entropy is computed from its inputs, exactly, as with `activation="softmax"`.

    Args:
        axis: an axis, or a list of axes that count as one.
        **kwargs: of `Layer`.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.built = True

    def call(self, inputs: Tensor, mask: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out.

        Args:
            mask: truth values or numbers (above 0.5 is true) that broadcast to the inputs: where it is false the output is 0,
                and the rest of the row sums to 1. A row that is masked altogether is all 0.

        Raises:
            ValueError: a mask that does not broadcast to the inputs.
        """
        axis = self.axis
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if mask is None:
            return activations.softmax(inputs, axis=axis)
        kept = _truth(mask, tuple(inputs.shape))
        return where(kept, activations.softmax(where(kept, inputs, _FAR_BELOW), axis=axis), 0.0)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "axis": self.axis}


def _truth(mask: Any, shape: tuple[int, ...]) -> Array:
    values = np.asarray(value_of(mask))
    if values.ndim > len(shape):
        raise ValueError(
            "The `mask` must be broadcastable to `inputs` and must not have more dimensions. "
            f"Received: inputs.shape={shape}, mask.shape={values.shape}"
        )
    if any(n not in (1, m) for n, m in zip(values.shape[::-1], shape[::-1], strict=False)):
        raise ValueError(
            "The `mask` must be broadcastable to `inputs`. Each mask dimension must be 1 or match the corresponding input "
            f"dimension. Received: inputs.shape={shape}, mask.shape={values.shape}"
        )
    return values if values.dtype.kind == "b" else values > 0.5
