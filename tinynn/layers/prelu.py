"""PReLU: a rectified linear unit whose slope below zero is learned."""

from __future__ import annotations

from typing import Any

from tinynn import constraints, initializers, regularizers
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer
from tinynn.ops import nn
from tinynn.variable import Variable


class PReLU(Layer):
    """x where x > 0, else alpha x: any shape, the same in and out (He et al. 2015).

        alpha: the shape of one sample, with 1 for each shared axis; a slope of its own for every input

    How alpha's gradient is computed: `tinynn/kernels/prelu.py`. At x = 0 the derivative by x is 0, as in Keras.

    Args:
        alpha_initializer: a name or an `Initializer`.
        alpha_regularizer: a name, a `Regularizer` or a function of alpha: a penalty that joins the loss.
        alpha_constraint: a name, a `Constraint` or a function: what alpha is put back to after each step.
        shared_axes: axes along which all inputs have the same slope, counted from the batch axis, which is 0. Negative ones
            are off by one, as in Keras, which counts them in alpha's shape: -1 is the last axis but one, 0 the last.
        **kwargs: of `Layer`.

    Raises:
        ValueError: an unknown initializer, regularizer or constraint; while building, axes that the inputs do not have.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None:
            shared_axes = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = shared_axes
        self.alpha: Variable

    def build(self, input_shape: BatchShape) -> None:
        """Make the slopes for inputs of this shape.

        Raises:
            ValueError: an axis that is not there, or one of unknown length that is not shared.
        """
        shape = list(input_shape[1:])
        for axis in self.shared_axes or []:
            if not -len(shape) <= axis - 1 < len(shape):
                raise ValueError(
                    f'PReLU "{self.name}" expects shared_axes between 1 and {len(shape)} for inputs of shape {input_shape}; '
                    f"got {axis}. Axis 0 is the batch, along which slopes are always shared."
                )
            shape[axis - 1] = 1
        if None in shape:
            raise ValueError(
                f'PReLU "{self.name}" expects axes of known length, or shared ones; got inputs of shape {input_shape}. '
                "Give the lengths in tinynn.Input, or name the axes in shared_axes."
            )
        self.alpha = self.add_weight(
            shape=tuple(int(n) for n in shape if n is not None),
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out.

        Raises:
            ValueError: inputs of another shape than the layer was built for.
        """
        slopes = self.alpha.shape
        shape = tuple(inputs.shape)
        if len(shape) != len(slopes) + 1 or any(n not in (1, m) for n, m in zip(slopes, shape[1:], strict=True)):
            expected = ", ".join(["batch", *map(str, slopes)])
            raise ValueError(
                f'PReLU "{self.name}" expects inputs of shape ({expected}), 1 standing for shared axes; got {shape}. '
                "Reshape the data, or make a layer for its shape."
            )
        return nn.prelu(inputs, self.alpha)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
