"""Batch normalization (Ioffe & Szegedy 2015)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import constraints, initializers, ops, regularizers
from tinynn._typing import BatchShape, Tensor
from tinynn.engine.recorded import value_of
from tinynn.kernels import batch_normalization as kernel
from tinynn.layers.input_spec import InputSpec
from tinynn.layers.layer import Layer
from tinynn.ops import normalization
from tinynn.variable import Variable


class BatchNormalization(Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, feature by feature; the same shape in and out.

    While training, mean and variance are those of the batch, over all axes but `axis`, and move the running ones:
    moving <- moving momentum + batch (1 - momentum). Otherwise the running ones are taken. A layer that is frozen
    (`trainable = False`) takes the running ones and leaves them as they are, also in training.

    The forms of its derivative are in `tinynn/kernels/batch_normalization.py`.

    Args:
        axis: that of the features.
        momentum: of the running statistics; the nearer to 1 the slower. (PyTorch's momentum is 1 minus this.)
        epsilon: keeps the root away from zero.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: names or `Initializer`s.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        renorm, renorm_clipping, renorm_momentum, synchronized: not there: only their defaults.
        **kwargs: of `Layer`.

    Raises:
        ValueError: renorm or synchronized, inputs whose features are not those it was built for, or an axis they do not have.

    The variance is divided by n, the batch size, also in the running one (PyTorch divides that by n - 1).
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, asked in (("synchronized", synchronized), ("renorm", renorm)):
            if asked:
                raise ValueError(f"BatchNormalization: {name}=True is not there in tinynn; leave it out.")
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.renorm_clipping, self.renorm_momentum = renorm_clipping, renorm_momentum
        self.gamma: Variable | None = None
        self.beta: Variable | None = None
        self.moving_mean: Variable
        self.moving_variance: Variable

    def build(self, input_shape: BatchShape) -> None:
        """Make gamma, beta and the running statistics, all (features,)."""
        shape = (length_of("BatchNormalization", self.axis, input_shape),)
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
        self.moving_mean = self.add_weight(
            shape=shape, initializer=self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape=shape, initializer=self.moving_variance_initializer, trainable=False, name="moving_variance"
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs: Tensor, *args: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """The same shape in and out.

        Raises:
            ValueError: a mask, which tinynn does not have.
        """
        if mask is not None:
            raise ValueError("BatchNormalization: masks are not there in tinynn.")
        x = ops.cast(inputs, self.dtype)
        shape, dtype = self.moving_mean.shape, value_of(x).dtype
        gamma = np.ones(shape, dtype) if self.gamma is None else self.gamma
        beta = np.zeros(shape, dtype) if self.beta is None else self.beta
        if not (training and self.trainable):
            mean, variance = self.moving_mean.value, self.moving_variance.value
            return normalization.normalization_by_batch(x, gamma, beta, self.axis, self.epsilon, mean, variance, False)
        mean, variance = np.empty(shape, dtype), np.empty(shape, dtype)
        out = normalization.normalization_by_batch(x, gamma, beta, self.axis, self.epsilon, mean, variance, True)
        kernel.update(mean, variance, self.momentum, self.moving_mean.value, self.moving_variance.value)
        return out

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The same.

        Raises:
            ValueError: the axis is not there.
        """
        check_axes(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
            "synchronized": False,
            "renorm": False,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }


def length_of(layer: str, axis: int, input_shape: BatchShape) -> int:
    """How many features there are along an axis.

    Raises:
        ValueError: the axis is not there, or its length is not known.
    """
    if not -len(input_shape) <= axis < len(input_shape) or input_shape[axis] is None:
        raise ValueError(
            f"{layer} expects inputs with a known length along axis {axis}; got shape {tuple(input_shape)}."
        )
    return int(input_shape[axis])  # type: ignore[arg-type]


def check_axes(axis: Any, input_shape: BatchShape) -> None:
    """See whether axes are there.

    Raises:
        ValueError: one is not.
    """
    for i in axis if isinstance(axis, (list, tuple)) else [axis]:
        if not -len(input_shape) <= i < len(input_shape):
            raise ValueError(f"Axis {i} is out of bounds for input shape {tuple(input_shape)}. Received: axis={axis}")
