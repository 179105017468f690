"""Samples of length 1."""

from __future__ import annotations

from typing import Any

from tinynn import ops
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.batch_normalization import check_axes
from tinynn.layers.layer import Layer
from tinynn.layers.layer_normalization import integer_axes
from tinynn.ops import normalization


class UnitNormalization(Layer):
    """x / |x|, the length taken over `axis`; a sample of zeros stays zero. No variables.

    Its derivative is derived in `tinynn/kernels/unit_normalization.py`.

    Args:
        axis: that of the features, or a list of several.
        **kwargs: of `Layer`.

    Raises:
        TypeError: an axis that is no integer or list of integers.
        ValueError: an axis that the inputs do not have.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = integer_axes(axis)
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        check_axes(self.axis, tuple(inputs.shape))
        axis = self.axis if isinstance(self.axis, list) else [self.axis]
        return normalization.unit_normalization(ops.cast(inputs, self.dtype), axis, 1e-12)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same.

        Raises:
            ValueError: an axis is not there.
        """
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "axis": self.axis}
