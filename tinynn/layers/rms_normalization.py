"""Root mean square normalization (Zhang & Sennrich 2019)."""

from __future__ import annotations

from typing import Any

from tinynn import ops
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.batch_normalization import check_axes, length_of
from tinynn.layers.layer import Layer
from tinynn.layers.layer_normalization import check_lengths, integer_axes
from tinynn.ops import normalization
from tinynn.variable import Variable


class RMSNormalization(Layer):
    """scale x / sqrt(mean(x^2) + epsilon), sample by sample: the mean is over `axis`. Layer normalization without the mean.

    Its derivative is derived in `tinynn/kernels/rms_normalization.py`.

    Args:
        axis: that of the features, or a list of several.
        epsilon: keeps the root away from zero.
        **kwargs: of `Layer`.

    Raises:
        TypeError: an axis that is no integer or list of integers.
        ValueError: an axis that the inputs do not have, or inputs of another width than it was built for.
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-06, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = integer_axes(axis)
        self.epsilon = epsilon
        self.scale: Variable

    def build(self, input_shape: BatchShape) -> None:
        """Make the scale, in the shape of the axes."""
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = tuple(length_of("RMSNormalization", i, input_shape) for i in self.axis)
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        x = ops.cast(inputs, self.dtype)
        check_lengths(self, self.axis, self.scale.shape, tuple(x.shape))
        return normalization.rms_normalization(x, self.scale, self.axis, self.epsilon)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same.

        Raises:
            ValueError: an axis is not there.
        """
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}
