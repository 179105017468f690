"""Group normalization (Wu & He 2018)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import constraints, initializers, ops, regularizers
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.batch_normalization import check_axes, length_of
from tinynn.layers.input_spec import InputSpec
from tinynn.layers.layer import Layer
from tinynn.ops import normalization
from tinynn.variable import Variable


class GroupNormalization(Layer):
    """Features in groups; each group of each sample gets mean 0 and variance 1, then a learned scale and offset per feature.

    The same shape in and out. With one group, all of a sample is normalised together; with as many groups as features (-1),
    each feature over its places.

    Args:
        groups: how many, a divisor of the number of features; -1 for one per feature.
        axis: that of the features.
        epsilon: keeps the root away from zero.
        center, scale: whether there are beta and gamma, one per feature.
        beta_initializer, gamma_initializer: names or `Initializer`s.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        **kwargs: of `Layer`.

    Raises:
        ValueError: groups that are not a positive integer (or -1), or do not divide the number of features.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        if not hasattr(groups, "__index__") or (groups <= 0 and groups != -1):
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive integer (or `-1` for instance "
                f"normalization). Received: groups={groups}"
            )
        super().__init__(**kwargs)
        self.groups = groups
        self.axis = axis
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
        """Make gamma and beta, (features,)."""
        features = length_of("GroupNormalization", self.axis, input_shape)
        if self.groups == -1:
            self.groups = features
        if features < self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) cannot be more than the number of channels ({features})."
            )
        if features % self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) must be a divisor of the number of channels ({features})."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: features})
        if self.scale:
            self.gamma = self.add_weight(
                shape=(features,),
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                shape=(features,),
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """(batch, ..., features, ...) seen as (batch, groups, rest), each row of the rest normalised; then gamma and beta."""
        x = ops.cast(inputs, self.dtype)
        shape, axis = tuple(x.shape), self.axis % len(x.shape)
        order = [0, axis, *(i for i in range(1, len(shape)) if i != axis)]
        moved = ops.transpose(x, order)
        rows = ops.reshape(moved, (shape[0] * self.groups, -1))
        normalised = normalization.layer_normalization(rows, epsilon=self.epsilon)
        out = ops.transpose(ops.reshape(normalised, moved.shape), [int(i) for i in np.argsort(order)])
        along = [n if i == axis else 1 for i, n in enumerate(shape)]
        if self.gamma is not None:
            out = ops.multiply(out, ops.reshape(self.gamma, along))
        return out if self.beta is None else ops.add(out, ops.reshape(self.beta, along))

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
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }
