"""Layer normalization (Ba, Kiros & Hinton 2016)."""

from __future__ import annotations

from typing import Any

from tinynn import constraints, initializers, ops, regularizers
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.batch_normalization import check_axes, length_of
from tinynn.layers.layer import Layer
from tinynn.ops import normalization
from tinynn.variable import Variable


class LayerNormalization(Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, sample by sample: mean and variance are over `axis`.

    The same in training and afterwards, whatever else is in the batch. Its derivative is derived in
    `tinynn/kernels/layer_normalization.py`.

    Args:
        axis: that of the features, or a list of several.
        epsilon: keeps the root away from zero. (PyTorch's default is 1e-5.)
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer: names or `Initializer`s.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        **kwargs: of `Layer`.

    Raises:
        TypeError: an axis that is no integer or list of integers.
        ValueError: an axis that the inputs do not have, inputs of another width than it was built for, or Keras's deprecated
            rms_scaling=True (`RMSNormalization` is what it was meant to be).
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("rms_scaling", False):
            raise ValueError(
                "LayerNormalization: rms_scaling=True is deprecated in Keras and wrong; use RMSNormalization."
            )
        super().__init__(**kwargs)
        self.axis = integer_axes(axis)
        self.epsilon = epsilon
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: BatchShape) -> None:
        """Make gamma and beta, in the shape of the axes."""
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = tuple(length_of("LayerNormalization", i, input_shape) for i in self.axis)
        self._lengths = shape
        if self.scale:
            self.gamma = self.add_weight(
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same shape in and out."""
        x = ops.cast(inputs, self.dtype)
        check_lengths(self, self.axis, self._lengths, tuple(x.shape))
        return normalization.layer_normalization(x, self.gamma, self.beta, self.axis, self.epsilon)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same.

        Raises:
            ValueError: an axis is not there.
        """
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "rms_scaling": False,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


def integer_axes(axis: Any) -> Any:
    """An integer, or a list of them.

    Raises:
        TypeError: anything else.
    """
    if isinstance(axis, (list, tuple)) and all(hasattr(i, "__index__") for i in axis):
        return [int(i) for i in axis]
    if hasattr(axis, "__index__"):
        return int(axis)
    raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")


def check_lengths(layer: Layer, axis: Any, lengths: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """See whether inputs have the lengths along some axes that a layer was built for.

    Raises:
        ValueError: they do not.
    """
    if any(not -len(shape) <= i < len(shape) for i in axis) or tuple(shape[i] for i in axis) != lengths:
        raise ValueError(
            f'{type(layer).__name__} "{layer.name}" expects inputs of lengths {lengths} along axes {list(axis)}; got shape '
            f"{shape}."
        )
