"""The base of all layers: names, variables, building on first call, configuration."""

from __future__ import annotations

import functools
import inspect
import math
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynn import config, initializers
from tinynn._checks import did_you_mean
from tinynn._naming import unique_name
from tinynn._typing import Array, BatchShape, Shape, Tensor
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.layers.keras_tensor import KerasTensor
from tinynn.variable import Variable

_BASE_ARGUMENTS = ("activity_regularizer", "autocast", "dtype", "input_dim", "input_shape", "name", "trainable")


_calls = threading.local()


def training_now() -> bool | None:
    """What `training` is in the layer that is being called in this thread; None outside of any."""
    return getattr(_calls, "training", None)


@functools.cache
def _training_argument(call: Callable[..., Any]) -> tuple[int | None, bool | None]:
    """The place of `training` after the inputs of a layer's `call`, None if it has none; and its default."""
    parameters = list(inspect.signature(call).parameters.values())[2:]
    for place, parameter in enumerate(parameters):
        if parameter.name == "training":
            positional = parameter.kind is not parameter.KEYWORD_ONLY
            return (
                place if positional else sys.maxsize,
                None if parameter.default is parameter.empty else parameter.default,
            )
    return None, None


class Layer:
    """A function of arrays with variables of its own. Subclasses write `call`, and `build` if they have variables.

    Args:
        trainable: whether its variables are trained.
        dtype: of its variables and of float inputs on their way in; floatx by default.
        name: "dense", "dense_1", ... by default.
        input_shape, input_dim: the shape of one input sample, an older way to start a Sequential model.

    Raises:
        ValueError: an argument it does not have, or a name that is no string or has a "/" in it.
    """

    def __init__(self, *, trainable: bool = True, dtype: Any = None, name: str | None = None, **kwargs: Any) -> None:
        self._variables: list[Variable] = []
        self.input_shape_argument = self._take_input_shape(kwargs)
        kwargs.pop("autocast", None)
        if kwargs.pop("activity_regularizer", None) is not None:
            raise ValueError(f"{type(self).__name__}: activity_regularizer is not there yet in this version of tinynn.")
        for unknown in kwargs:
            hint = did_you_mean(unknown, [*_BASE_ARGUMENTS, *self._own_arguments()])
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}.{hint}")
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        self.name = name or unique_name(type(self).__name__)
        self.dtype = str(np.dtype(dtype or config.floatx()))
        self._trainable = bool(trainable)
        self.built = False
        self._path = self.name
        self.input: KerasTensor | None = None
        self._output: KerasTensor | None = None

    def _take_input_shape(self, kwargs: dict[str, Any]) -> BatchShape | None:
        shape, width = kwargs.pop("input_shape", None), kwargs.pop("input_dim", None)
        if shape is None and width is None:
            return None
        if type(self).__name__ != "InputLayer":
            warnings.warn(
                "Do not pass an `input_shape`/`input_dim` argument to a layer. When using Sequential models, prefer using an "
                "`Input(shape)` object as the first layer in the model instead.",
                stacklevel=5,
            )
        return tuple(shape) if shape is not None else (int(width),)

    @classmethod
    def _own_arguments(cls) -> list[str]:
        code = cls.__init__.__code__
        return [name for name in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount] if name != "self"]

    # What subclasses write ---------------------------------------------------------------------------------------------

    def build(self, input_shape: BatchShape) -> None:
        """Make the variables, now that the shape of the inputs is known."""
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The function itself, over `tinynn.ops`, which tapes record."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented.")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The shape that comes out for a shape that goes in; the same unless a subclass says otherwise."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again."""
        policy = {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": self.dtype},
            "registered_name": None,
        }
        return {"name": self.name, "trainable": self.trainable, "dtype": policy}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from what `get_config` gave."""
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = config["dtype"]["config"]["name"]
        return cls(**config)

    # Calling -----------------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Build if need be, then `call`. Lists, numbers and arrays become arrays; floats are cast to the layer's dtype."""
        if isinstance(inputs, KerasTensor):
            raise NotImplementedError(
                "Calling a layer on a symbolic Input is the functional API, which tinynn does not have yet; "
                "put the layers into tinynn.Sequential([...])."
            )
        inputs = self._to_own_dtype(inputs)
        if not self.built:
            self.build(tuple(inputs.shape))
            self.built = True
        outer = training_now()
        _calls.training = self._whether_training(outer, args, kwargs)
        try:
            return self.call(inputs, *args, **kwargs)
        finally:
            _calls.training = outer

    def _whether_training(self, outer: bool | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | None:
        """What `training` is in this call, for `call` if it has the argument, and for the layers called in it.

        What was said, else what holds in the layer around, else the default of `call`.
        """
        place, default = _training_argument(type(self).call)
        if place is not None and len(args) > place:
            return args[place]  # type: ignore[no-any-return]
        training: bool | None = kwargs.pop("training") if "training" in kwargs else default if outer is None else outer
        if place is not None and training is not None:
            kwargs["training"] = training
        return training

    @property
    def hears_training(self) -> bool:
        """Whether `call` has an argument `training`."""
        return _training_argument(type(self).call)[0] is not None

    def _to_own_dtype(self, inputs: Any) -> Any:
        if not isinstance(inputs, (np.ndarray, TensorLike)):
            inputs = np.asarray(inputs)
            if inputs.dtype.kind not in "fiub":
                raise ValueError(f'Layer "{self.name}" expects numbers; got an array of dtype {inputs.dtype}.')
        value = value_of(inputs)
        if value.dtype.kind == "f" and value.dtype.name != self.dtype:
            from tinynn.ops import cast

            return cast(inputs, self.dtype)
        return inputs

    # Variables ---------------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Shape | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to the layer.

        Args:
            shape: () by default.
            initializer: a name, an `Initializer` or a function; glorot_uniform by default, zeros for integers.
        """
        dtype = dtype or self.dtype
        if initializer is None:
            initializer = "glorot_uniform" if np.dtype(dtype).kind == "f" else "zeros"
        variable = Variable(
            initializers.get(initializer),
            shape=tuple(shape or ()),
            dtype=dtype,
            trainable=trainable and self.trainable,
            name=name,
        )
        variable._path = f"{self._path}/{variable.name}"
        variable._wants_training = trainable
        self._variables.append(variable)
        return variable

    def _set_parent_path(self, parent: str) -> None:
        """Put the owning model's name in front of the paths of the variables still to be made."""
        self._path = f"{parent}/{self.name}"

    @property
    def _layers(self) -> list[Layer]:
        """Layers kept as attributes or in lists of attributes, so that their variables count too."""
        found: list[Layer] = []
        for value in vars(self).values():
            for part in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(part, Layer) and part not in found:
                    found.append(part)
        return found

    @property
    def variables(self) -> list[Variable]:
        """All variables, those of random streams included."""
        own = list(self._variables)
        for value in vars(self).values():
            state = getattr(value, "state", None)
            if isinstance(state, Variable) and not isinstance(value, Layer):
                own.append(state)
        return own + [variable for layer in self._layers for variable in layer.variables]

    @property
    def weights(self) -> list[Variable]:
        """The variables that a model file holds: all but the counters of random streams."""
        return list(self._variables) + [variable for layer in self._layers for variable in layer.weights]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes; none of a frozen layer."""
        return [variable for variable in self.variables if variable.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone."""
        return [variable for variable in self.variables if not (self.trainable and variable.trainable)]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes; none of a frozen layer."""
        return [variable for variable in self.weights if variable.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [variable for variable in self.weights if not (self.trainable and variable.trainable)]

    @property
    def trainable(self) -> bool:
        """Whether the layer is trained; setting it freezes or frees its variables and those of layers within.

        As in Keras on TensorFlow, nothing happens when it is set to what it is: freeing a model that is not frozen leaves
        its frozen layers frozen.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value is self._trainable:
            return
        self._trainable = bool(value)
        for variable in self._variables:
            variable.trainable = self._trainable and variable._wants_training
        for layer in self._layers:
            layer.trainable = value

    def get_weights(self) -> list[Array]:
        """Copies of the weights, in order."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite the weights, in the order of `get_weights`; all shapes are checked before anything is written.

        Raises:
            ValueError: a wrong number of arrays, or a wrong shape.
        """
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length {len(weights)}, but "
                f"the layer was expecting {len(variables)} weights."
            )
        arrays = [np.asarray(value_of(weight)) for weight in weights]
        for variable, array in zip(variables, arrays, strict=True):
            if variable.shape != array.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with provided weight shape "
                    f"{array.shape}."
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """How many numbers the weights hold.

        Raises:
            ValueError: the layer is not built yet.
        """
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You can build it "
                "manually via: `layer.build(input_shape)`."
            )
        return sum(math.prod(variable.shape) for variable in self.weights)

    # Symbols -----------------------------------------------------------------------------------------------------------

    @property
    def output(self) -> KerasTensor:
        """A stand-in for the output inside a built model, with `.shape`.

        Raises:
            AttributeError: the layer has not been connected yet.
        """
        if self._output is None:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined output.")
        return self._output

    @property
    def output_shape(self) -> BatchShape:
        """The shape of the output, None where it varies.

        Raises:
            AttributeError: the layer has not been connected yet.
        """
        return self.output.shape

    @property
    def input_shape(self) -> BatchShape:
        """The shape of the input, None where it varies.

        Raises:
            AttributeError: the layer has not been connected yet.
        """
        if self.input is None:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined input shape.")
        return self.input.shape

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
