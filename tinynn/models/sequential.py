"""Sequential: layers one after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinynn import activations, ops
from tinynn._typing import Array, BatchShape, Tensor
from tinynn.engine.tape import any_tape_open
from tinynn.layers.input_layer import InputLayer
from tinynn.layers.keras_tensor import KerasTensor
from tinynn.layers.layer import Layer, training_now
from tinynn.layers.registry import deserialize, serialize
from tinynn.models.model import Model
from tinynn.ops import nn


class Sequential(Model):
    """A stack of layers, each fed the output of the one before.

    It is built at once when the first element says what goes in (an `Input`, or `input_shape=` of a layer), else when
    it first sees data.

    Args:
        layers: a list of layers, the first possibly an `Input`.
        trainable: whether anything in it is trained.
        name: "sequential", ... by default.

    Raises:
        ValueError: something that is no layer, or two layers of one name.
    """

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._stack: list[Layer]
        vars(self)["_stack"] = []  # past __setattr__: layers may come and go, even when it is built
        self._inputs: KerasTensor | None = None
        self._add_all(layers or [])

    def _add_all(self, layers: Iterable[Any]) -> None:
        """Put layers on an empty stack, and build once: files with thousands of them have to open, too."""
        taken: dict[str, Layer] = {}
        for layer in layers:
            self._put(layer, taken)
        self._build_if_possible()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top.

        Raises:
            ValueError: no layer, a name that is taken, or a second Input.
        """
        self._put(layer, {other.name: other for other in self._stack})
        if rebuild:
            self._build_if_possible()

    def _put(self, layer: Any, taken: dict[str, Layer]) -> None:
        """On top; the names of all layers in the stack are taken."""
        if isinstance(layer, KerasTensor) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if not isinstance(layer, Layer):
            made = isinstance(layer, type) and issubclass(layer, Layer)
            hint = f" Make one first: {layer.__name__}(...)." if made else ""
            raise ValueError(
                "Only instances of `keras.Layer` can be added to a Sequential model. "
                f"Received: {layer} (of type {type(layer)}).{hint}"
            )
        if not self._stack and layer.input_shape_argument is not None:
            self._stack.append(InputLayer(shape=layer.input_shape_argument))
            taken[self._stack[0].name] = self._stack[0]
        if taken.setdefault(layer.name, layer) is not layer:
            raise ValueError(
                f"All layers added to a Sequential model should have unique names. Name '{layer.name}' is already the name of "
                "a layer in this model. Update the `name` argument to pass a unique name."
            )
        if isinstance(layer, InputLayer) and self._stack:
            first = self._stack[0]
            if isinstance(first, InputLayer):
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input shape {first.batch_shape}. You "
                    "cannot add a different Input layer to it."
                )
            raise ValueError(f"Sequential model '{self.name}' takes its Input first, before {first.name}.")
        self._stack.append(layer)
        self.built = False

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off.

        Raises:
            IndexError: there is none.
        """
        if not self.layers:
            raise IndexError(f"Sequential model '{self.name}' has no layer to take off.")
        layer = self._stack.pop()
        self.built = False
        if rebuild:
            self._build_if_possible()
        return layer

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @property
    def _layers(self) -> list[Layer]:
        return list(dict.fromkeys(self.layers))

    # Building ----------------------------------------------------------------------------------------------------------

    def _build_if_possible(self) -> None:
        """As soon as there is a layer after an Input, or after a model that knows its inputs."""
        if len(self._stack) < 2:
            return
        first = self._stack[0]
        if isinstance(first, InputLayer):
            self.build(first.batch_shape)
        elif isinstance(first, Sequential) and first.built:
            self.build(first.input_shape)

    def build(self, input_shape: BatchShape | None = None) -> None:
        """Make all variables for inputs of this shape, (None, ...). Without one, the model stays as it is.

        Raises:
            ValueError: no layers, or another shape than the Input's.
        """
        if input_shape is None:
            return
        if not self.layers:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. Call `model.add(layer)`."
            )
        first = self._stack[0]
        if isinstance(first, InputLayer):
            shape = first.batch_shape
            if len(shape) == len(input_shape) and tuple(input_shape)[1:] != shape[1:]:
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input shape {shape}. You cannot build "
                    f"it with input_shape {tuple(input_shape)}"
                )
        else:
            shape = tuple(input_shape)
            self._stack.insert(0, InputLayer(batch_shape=shape, dtype=first.dtype))
        self._inputs = tensor = self._stack[0].output
        for layer in self.layers:
            if not layer.built:
                layer._set_parent_path(self._path)
                layer.build(tensor.shape)
                layer.built = True
            layer.input = tensor
            layer._output = tensor = KerasTensor(layer._shape_once_built(tensor.shape), layer.dtype)
            if getattr(layer, "activation", None) is activations.softmax:
                nn.warn_of_lone_softmax(tensor.shape)
        self.built = True
        self._pack()

    @property
    def inputs(self) -> list[KerasTensor]:
        """A stand-in for the input, with `.shape`."""
        if not self.built or self._inputs is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined inputs yet.")
        return [self._inputs]

    @property
    def outputs(self) -> list[KerasTensor]:
        """A stand-in for the output, with `.shape`."""
        if not self.built:
            raise AttributeError(f"Sequential model '{self.name}' has no defined outputs yet.")
        return [self.layers[-1].output]

    @property
    def input_shape(self) -> BatchShape:
        """The shape of the input, (None, ...).

        Raises:
            AttributeError: not built yet.
        """
        if not self.built or self._inputs is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined input shape yet.")
        return self._inputs.shape

    @property
    def output_shape(self) -> BatchShape:
        """The shape of the output, (None, ...).

        Raises:
            AttributeError: not built yet.
        """
        if not self.built:
            raise AttributeError(f"Sequential model '{self.name}' has no defined output shape yet.")
        return self.layers[-1].output.shape

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The shape that comes out for a shape that goes in."""
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    # Calling -----------------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Through all layers; plain arrays outside of a tape through the compiled engine, once a run has set it up."""
        engine = self._compiled_engine
        if engine is not None and type(inputs) is np.ndarray and not args and not kwargs.get("training") and self.built:
            asked_for = self.jit_compile is not False and not self.run_eagerly
            fits = 0 < len(inputs) <= 1024 and inputs.shape[1:] == self.input_shape[1:] and inputs.dtype.kind in "fiub"
            if asked_for and fits and not training_now() and not any_tape_open() and engine.is_current():
                return engine.call(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs: Tensor, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Through all layers.

        Raises:
            ValueError: inputs of another shape than the model was built for.
        """
        x = self._to_input_shape(inputs)
        for layer in self.layers:
            x = layer(x) if training is None else layer(x, training=training)
        return x

    def _to_input_shape(self, inputs: Tensor) -> Any:
        """Cast to the input's dtype; add or drop an axis of length 1 where that makes the shape fit, as Keras does."""
        if self._inputs is None:
            return inputs
        expected = self._inputs.shape
        shape = tuple(inputs.shape)
        if len(shape) == len(expected) - 1 and expected[-1] == 1:
            inputs = ops.expand_dims(inputs, -1)
        elif len(shape) == len(expected) + 1 and shape[-1] == 1:
            inputs = ops.squeeze(inputs, -1)
        self._check_shape(tuple(inputs.shape), shape)
        return ops.cast(inputs, self._inputs.dtype)

    def _check_inputs(self, x: Array) -> None:
        if self._inputs is None or x.shape[1:] != self._inputs.shape[1:]:
            self._to_input_shape(np.empty((1, *x.shape[1:]), np.int8))

    def _check_shape(self, shape: tuple[int, ...], received: tuple[int, ...]) -> None:
        expected = self._inputs.shape if self._inputs else ()
        fits = len(shape) == len(expected) and all(e is None or e == n for e, n in zip(expected[1:], shape[1:]))
        if not fits:
            raise ValueError(
                f'Sequential "{self.name}" expects inputs of shape {_with_batch(expected)}; got {_with_batch(received)}. '
                + _mend(expected, received)
            )

    def get_config(self) -> dict[str, Any]:
        """What the model can be made from again: the descriptions of its layers, and the shape it was built for."""
        config = {**super().get_config(), "layers": [serialize(layer) for layer in self._stack]}
        return {**config, "build_input_shape": self.input_shape} if self.built else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """A model from what `get_config` gave, with new numbers in its variables.

        Args:
            config: the configuration.
            custom_objects: your own classes and functions, by name.

        Raises:
            ValueError: something that describes no layer.
            TypeError: an own class that was neither registered nor given.
        """
        if not isinstance(config.get("layers"), (list, tuple)):  # a subclass with arguments of its own
            return super().from_config(config)
        model = cls(name=config.get("name"))
        model._add_all(deserialize(described, custom_objects) for described in config["layers"])
        shape = config.get("build_input_shape")
        if shape is not None and not model.built:
            model.build(tuple(shape))
        return model


def _with_batch(shape: BatchShape) -> str:
    """(None, 3) -> "(batch, 3)"."""
    return f"(batch, {', '.join(map(str, shape[1:]))})" if len(shape) > 1 else "(batch,)"


def _mend(expected: BatchShape, received: tuple[int, ...]) -> str:
    known = [n for n in expected[1:] if n is not None]
    if len(known) == 1 and len(received) > 2 and np.prod(received[1:]) == known[0]:
        return "Flatten first: x.reshape(len(x), -1), or a Flatten layer."
    if len(received) == 1:
        return "One sample is x[None, :], one column x[:, None]."
    return "Reshape the data, or build a model for its shape."
