"""Dense: every output unit looks at every input."""

from __future__ import annotations

from typing import Any

from tinynn import activations, constraints, initializers, regularizers
from tinynn._checks import positive_integer
from tinynn._deprecated import warn_once
from tinynn._typing import BatchShape, Tensor
from tinynn.layers.layer import Layer
from tinynn.ops import nn
from tinynn.variable import Variable


class Dense(Layer):
    """activation(inputs @ kernel + bias).

        kernel (fan_in, units), bias (units,):   (..., fan_in) -> (..., units)

    How its gradient is computed: `tinynn/kernels/dense.py`; how it gets there: `tinynn/engine/tape.py`.

    Args:
        units: how many outputs, a positive integer.
        activation: a name, a function over `tinynn.ops`, or None for none.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: names or `Initializer`s.
        kernel_regularizer, bias_regularizer: names, `Regularizer`s or functions of the variable: penalties that join the loss.
        activity_regularizer: likewise, of the layer's outputs, divided by the batch size.
        kernel_constraint, bias_constraint: names, `Constraint`s or functions: what variables are put back to after each step.
        **kwargs: of `Layer`: name, trainable, dtype, input_shape, input_dim.

    Raises:
        ValueError: units that are not a positive integer; an unknown activation, initializer, regularizer or constraint.

    Keras's lora_rank, lora_alpha and quantization_config make large trained models small; they are left out here.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        asked = {"lora_rank": lora_rank, "lora_alpha": lora_alpha, "quantization_config": quantization_config}
        for name, value in asked.items():
            if value is not None:
                raise ValueError(
                    f"Dense: {name} is not there in tinynn, which trains small models in full; leave it out."
                )
        initial_weights = kwargs.pop("weights", None)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        vars(self)["_initial_weights"] = initial_weights
        if initial_weights is not None:
            warn_once(
                "weights= of a layer is gone from Keras; call layer.set_weights([kernel, bias]) on the built layer."
            )
        self.units = positive_integer("Dense", "units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel: Variable
        self.bias: Variable | None = None
        self._initial_weights: Any

    def build(self, input_shape: BatchShape) -> None:
        """Make kernel and bias for inputs of this shape.

        Raises:
            ValueError: inputs without a fixed last axis.
        """
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f'Dense "{self.name}" expects inputs of shape (batch, ..., fan_in) with a known fan_in; got {input_shape}.'
            )
        fan_in = int(input_shape[-1])
        self.kernel = self.add_weight(
            shape=(fan_in, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.built = True
        if self._initial_weights is not None:  # an old spelling
            self.set_weights(self._initial_weights)

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """(..., fan_in) -> (..., units).

        Raises:
            ValueError: inputs of another width than the layer was built for.
        """
        fan_in = self.kernel.shape[0]
        if inputs.shape[-1] != fan_in or len(inputs.shape) < 2:
            flatten = "Flatten first: x.reshape(len(x), -1)."
            mend = flatten if len(inputs.shape) > 2 else "Reshape the data, or build a model for its width."
            raise ValueError(
                f'Dense "{self.name}" expects inputs of shape (batch, {fan_in}); got {tuple(inputs.shape)}. {mend}'
            )
        return self.activation(nn.dense(inputs, self.kernel, self.bias))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The last axis becomes `units`; half as many with the activation glu, which multiplies halves."""
        halved = self.activation in (activations.glu, nn.glu)
        return (*input_shape[:-1], self.units // 2 if halved else self.units)

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "quantization_config": None,
        }
