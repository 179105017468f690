"""The base of all layers: names, variables, building on first call, losses, configuration."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from tinynn import config, constraints, initializers, ops, regularizers
from tinynn._allowance import take, values_follow
from tinynn._checks import did_you_mean
from tinynn._naming import unique_name
from tinynn._typing import Array, BatchShape, Shape, Tensor
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.engine.tape import without_tapes
from tinynn.layers.input_spec import InputSpec
from tinynn.layers.keras_tensor import KerasTensor
from tinynn.layers.tracking import Store, TrackedDict, TrackedList
from tinynn.metrics.metric import Metric
from tinynn.random.seed_generator import SeedGenerator
from tinynn.variable import Variable

_BASE_ARGUMENTS = ("activity_regularizer", "autocast", "dtype", "input_dim", "input_shape", "name", "trainable")


class _Calls(threading.local):
    """What is being called in this thread."""

    training: bool | None = None
    layer: Layer | None = None  # the innermost that is being called or built
    depth = 0
    observer: Observer | None = None


_calls = _Calls()

Observer = Callable[["Layer", Any, Callable[[], Any]], Any]
"""Called as (layer, inputs, call) in the place of a layer's `call`: it makes the call, and returns what that returns."""


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Within, every call of a layer in this thread goes through the observer."""
    before = _calls.observer
    _calls.observer = observer
    try:
        yield
    finally:
        _calls.observer = before


def training_now() -> bool | None:
    """What `training` is in the layer that is being called in this thread; None outside of any."""
    return _calls.training


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


def _building(build: Callable[..., Any]) -> Callable[..., Any]:
    """Around every `build`: variables get the path of the layer around; afterwards the layer is built and takes no more."""

    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> Any:
        around = _calls.layer
        if around is self:  # super().build(...)
            return build(self, *args, **kwargs)
        if around is not None and self._path == self.name:
            self._set_parent_path(around._path)
        _calls.layer = self
        try:
            result = build(self, *args, **kwargs)
        finally:
            _calls.layer = around
        shape = args[0] if args else next(iter(kwargs.values()), None)
        if shape is not None:
            self.built = True
            self._build_shape = shape
            self._store.locked = True
        return result

    return wrapped


class Layer:
    """A function of arrays with variables of its own. Subclasses write `call`, and `build` if they have variables.

    Variables, layers and `SeedGenerator`s that become attributes, also in lists and dictionaries, belong to the layer.

        class Linear(tinynn.layers.Layer):
            def __init__(self, units=32, **kwargs):
                super().__init__(**kwargs)
                self.units = units

            def build(self, input_shape):
                self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", name="w")
                self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

            def call(self, inputs):
                return ops.matmul(inputs, self.w) + self.b

    Args:
        activity_regularizer: a name, a `Regularizer` or a function of the outputs; its value, divided by the batch size,
            joins `losses`.
        trainable: whether its variables are trained.
        dtype: of its variables and of float inputs on their way in; floatx by default.
        autocast: accepted for Keras's sake.
        name: "dense", "dense_1", ... by default.
        input_shape, input_dim: the shape of one input sample, an older way to start a Sequential model.

    Raises:
        ValueError: an argument it does not have, or a name that is no string or has a "/" in it.

    Where Keras derives a layer's output shape by tracing its `call` with symbols, tinynn calls it on arrays of ones.
    """

    supports_masking = False
    _places_of_metrics: Mapping[str, None] = MappingProxyType(
        {}
    )  # names of attributes that may be metrics or have some

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        vars(layer)["_arguments"] = args, kwargs  # for a configuration made by itself
        return layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(vars(cls)["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.input_shape_argument = self._take_input_shape(kwargs)
        for unknown in kwargs:
            hint = did_you_mean(unknown, [*_BASE_ARGUMENTS, *self._own_arguments()])
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}.{hint}")
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        if not isinstance(trainable, (bool, np.bool)):
            raise ValueError(
                f"Expected `trainable` to be a boolean. Received: trainable={trainable} (of type {type(trainable)})"
            )
        self.name = name or unique_name(type(self).__name__)
        self.dtype = _dtype_name(dtype)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec: InputSpec | None = None
        self._trainable = bool(trainable)
        self.built = False
        self._path = self.name
        self._build_shape: Any = None
        self._losses: list[Any] = []
        self.input: KerasTensor | None = None
        self._output: KerasTensor | None = None

    # What belongs to it ------------------------------------------------------------------------------------------------

    @property
    def _store(self) -> Store:
        store: Store | None = vars(self).get("_found")
        if store is None:
            store = vars(self)["_found"] = Store()
        return store

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (Variable, Layer, SeedGenerator, list, tuple, dict)):
            value = self._find(value)
        if isinstance(value, (Metric, list, tuple)):
            vars(self).setdefault("_places_of_metrics", {})[name] = None  # looked at before and after every epoch
        super().__setattr__(name, value)

    def _find(self, value: Any) -> Any:
        """Note the variables, layers and random streams in a value; what to keep in its place."""
        if isinstance(value, Variable):
            self._own_variable(value)
        elif isinstance(value, Layer):
            self._store.take(self._store.layers, value)
        elif isinstance(value, SeedGenerator):
            self._store.take(self._store.generators, value)
        elif isinstance(value, list):
            return TrackedList(value, self)
        elif type(value) is dict or isinstance(value, TrackedDict):
            return TrackedDict(value, self)
        elif isinstance(value, tuple):
            for part in value:
                self._find(part)
        return value

    def _own_variable(self, variable: Variable) -> None:
        store = self._store
        if not any(variable is other for other in [*store.trainable, *store.fixed]):
            wants_training = variable._wants_training = variable.trainable
            store.take(store.trainable if wants_training else store.fixed, variable)
            variable.trainable = wants_training and vars(self).get("_trainable", True)

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

    @_building
    def build(self, input_shape: BatchShape) -> None:
        """Make the variables, now that the shape of the inputs is known."""
        self.built = True

    def call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The function itself, over `tinynn.ops`, which tapes record."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented.")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        """The shape that comes out for a shape that goes in. Unless a subclass says it, `call` is tried out, on ones.

        Raises:
            NotImplementedError: the layer is not built, so that it cannot be tried out.
        """
        if not self.built:
            raise NotImplementedError(
                f"Layer {type(self).__name__} does not have a `compute_output_shape` method implemented, and is not built, so "
                "that its `call` cannot be tried out."
            )
        shape: BatchShape = self._try_out(input_shape)
        return shape

    def _try_out(self, input_shape: BatchShape) -> Any:
        """The shape that `call` gives, found by calling it; axes that follow the unknown ones of the input are None.

        Nothing stays behind: variables, random streams and losses are as before; layers within are built.
        """

        def shape_for(unknown: int) -> Any:
            take(f"An array to try {self.name} out", [unknown if n is None else n for n in input_shape], self.dtype)
            inputs = np.ones([unknown if n is None else n for n in input_shape], self.dtype)
            with np.errstate(all="ignore"):
                return _shapes(self(inputs))

        with without_tapes():
            before = [(variable, variable.numpy()) for variable in self.variables]
            first = shape_for(2)
            found = first if None not in input_shape else _where_equal(first, shape_for(3))
            for variable, value in before:
                variable.assign(value)
        self._clear_losses()
        return found

    def _shape_once_built(self, input_shape: BatchShape) -> BatchShape:
        """The output's shape in a model; a layer that leaves the building of its layers to its first call gets that call."""
        says_it = type(self).compute_output_shape is not Layer.compute_output_shape
        if says_it and type(self).build is Layer.build and any(not layer.built for layer in self._layers):
            self._try_out(input_shape)
        return self.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """What the layer can be made from again.

        A subclass with arguments of its own adds them to `super().get_config()`; one that does not is described by the
        arguments that it was made with, if these are numbers, strings and the like.

        Raises:
            NotImplementedError: they are not.
        """
        policy = {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": self.dtype},
            "registered_name": None,
        }
        config = {"name": self.name, "trainable": self.trainable, "dtype": policy}
        if type(self).get_config is Layer.get_config:
            config = {**self._config_from_arguments(), "trainable": self.trainable, "dtype": policy}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    def _config_from_arguments(self) -> dict[str, Any]:
        signature = inspect.signature(type(self).__init__)
        parameters = list(signature.parameters.values())[1:]
        args, kwargs = vars(self).get("_arguments", ((), {}))
        config: dict[str, Any] = {}
        simple = all(p.kind not in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL) for p in parameters)
        if simple:
            bound = signature.bind(self, *args, **kwargs)
            bound.apply_defaults()
            for parameter in parameters:
                value = bound.arguments[parameter.name]
                config.update(value if parameter.kind is parameter.VAR_KEYWORD else {parameter.name: value})
        config.pop("name", None)
        if not simple or not _is_plain(config):
            raise NotImplementedError(
                f"{type(self).__name__} was made with arguments that a configuration cannot hold by itself: {config}. Write "
                "get_config(self), returning {**super().get_config(), ...} with what from_config needs."
            )
        named = any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters)
        return {"name": self.name, **config} if named else config

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape that the layer was built for, None before."""
        return None if self._build_shape is None else {"input_shape": self._build_shape}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build for the shape that `get_build_config` gave."""
        if config and config.get("input_shape") is not None:
            self.build(tuple(config["input_shape"]))

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
        if "_losses" not in vars(self):
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as the first statement in the "
                "`__init__()` method. Go add it!"
            )
        inputs = self._to_own_dtype(inputs)
        if self.input_spec is not None:
            self.input_spec.check(inputs, self.name)
        if not self.built:
            self.build(_shapes(inputs))
            self.built = True
        if _calls.depth == 0:
            self._clear_losses()
        outer = _calls.training, _calls.layer, _calls.depth
        _calls.training = self._whether_training(outer[0], args, kwargs)
        _calls.layer, _calls.depth = self, outer[2] + 1
        try:
            if _calls.observer is None:
                outputs = self.call(inputs, *args, **kwargs)
            else:
                outputs = _calls.observer(self, inputs, lambda: self.call(inputs, *args, **kwargs))
            if self.activity_regularizer is not None:
                self._add_activity_loss(outputs)
        finally:
            _calls.training, _calls.layer, _calls.depth = outer
        return outputs

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
        if isinstance(inputs, dict):
            return {name: self._to_own_dtype(part) for name, part in inputs.items()}
        if isinstance(inputs, (list, tuple)) and any(isinstance(part, (np.ndarray, TensorLike)) for part in inputs):
            return type(inputs)([self._to_own_dtype(part) for part in inputs])  # arrays, each an input of its own
        if not isinstance(inputs, (np.ndarray, TensorLike)):
            inputs = np.asarray(inputs)
            if inputs.dtype.kind not in "fiub":
                raise ValueError(f'Layer "{self.name}" expects numbers; got an array of dtype {inputs.dtype}.')
        value = value_of(inputs)
        if value.dtype.kind == "f" and value.dtype.name != self.dtype:
            return ops.cast(inputs, self.dtype)
        return inputs

    # Losses ------------------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a number, or several, to what the model is trained to make small. To be called in `call`.

        It is forgotten when the layer, or the model it is in, is called again.

        Raises:
            ValueError: something else than arrays, such as a Python number, which depends on nothing.
        """
        losses = loss if isinstance(loss, (list, tuple)) else [loss]
        for value in losses:
            if not isinstance(value, (np.ndarray, np.generic, TensorLike)):
                raise ValueError(
                    "`add_loss()` can only be called from inside `build()` or `call()`, on a tensor input. Received invalid "
                    f"value: {value}"
                )
        self._losses.extend(losses)

    def _add_activity_loss(self, outputs: Any) -> None:
        """What the activity regularizer says of the outputs, divided by the batch size."""
        parts = outputs.values() if isinstance(outputs, dict) else outputs
        for output in parts if isinstance(outputs, (list, tuple, dict)) else [outputs]:
            loss = self.activity_regularizer(output)
            if len(output.shape):
                loss = ops.divide_no_nan(loss, np.asarray(output.shape[0], value_of(loss).dtype))
            self.add_loss(loss)

    @property
    def losses(self) -> list[Any]:
        """What joins the loss: of `add_loss` and activity regularizers in the last call, and of the regularizers of weights.

        Weights that are not trained do not count. Layers within come first to last, the layers within these last to first:
        Keras's order.
        """
        found = list(self._losses)
        for layer in self._layers_within():
            found += layer._losses
        for variable in self.trainable_weights:
            if variable.regularizer is not None:
                found.append(variable.regularizer(variable))
        return found

    def _layers_within(self) -> list[Layer]:
        """All layers within, at any depth, once each."""
        found: dict[int, Layer] = {}
        waiting = list(self._layers)
        while waiting:
            layer = waiting.pop(0)
            if id(layer) not in found:
                found[id(layer)] = layer
                waiting = [*reversed(layer._layers), *waiting]
        return list(found.values())

    @property
    def metrics(self) -> list[Any]:
        """The metrics among the layer's attributes, alone or in lists, then those of the layers within."""
        found = [*self._own_metrics(), *(metric for layer in self._layers for metric in layer.metrics)]
        return list({id(metric): metric for metric in found}.values())

    def _own_metrics(self) -> list[Metric]:
        values = [vars(self).get(name) for name in self._places_of_metrics]
        parts = [part for value in values for part in (value if isinstance(value, (list, tuple)) else [value])]
        return [part for part in parts if isinstance(part, Metric)]

    def _clear_losses(self) -> None:
        self._losses = []
        for layer in self._layers:
            layer._clear_losses()

    # Variables ---------------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Shape | None = None,
        initializer: Any = None,
        dtype: Any = None,
        *args: Any,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str | None = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to the layer.

        Args:
            shape: () by default.
            initializer: a name, an `Initializer` or a function; glorot_uniform by default, zeros for integers.
            dtype: the layer's by default.
            trainable: whether optimizers change it.
            regularizer: a name, a `Regularizer` or a function of the variable, whose value joins `losses`.
            constraint: a name, a `Constraint` or a function of the variable: what optimizers put it back to.
            name: "variable", ... by default.
            autocast, aggregation, overwrite_with_gradient: accepted for Keras's sake.

        Raises:
            TypeError: more than three arguments without their names.
            ValueError: a name in the place of the shape, an unknown axis in the shape, or a layer that is built already.
        """
        if args:
            raise TypeError(f"add_weight() takes at most 3 positional arguments but {3 + len(args)} were given.")
        if isinstance(shape, str):
            raise ValueError(
                f"`name` must be passed as a keyword argument. Received: add_weight('{shape}', ...). "
                f"Use: add_weight(shape=..., name='{shape}')."
            )
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if any(n is None for n in shape):
            raise ValueError(
                "Shapes used to initialize variables must be fully-defined (no `None` dimensions). Received: "
                f"shape={shape} for variable path='{self._path}/{name}'"
            )
        dtype = {"int": "int64", "float": config.floatx()}.get(dtype, dtype) or self.dtype
        if initializer is None:
            initializer = "glorot_uniform" if np.dtype(dtype).kind == "f" else "zeros"
        take(f"The weight {self._path}/{name}", shape, dtype)
        initializer = initializers.get(initializer)
        if values_follow() and type(initializer).__module__.startswith("tinynn."):
            initializer = np.zeros(shape, dtype)  # no random numbers for what is overwritten at once
        variable = Variable(initializer, shape=shape, dtype=dtype, trainable=bool(trainable), name=name)
        variable._path = f"{self._path}/{variable.name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._own_variable(variable)
        return variable

    add_variable = add_weight

    def _set_parent_path(self, parent: str) -> None:
        """Put the owning model's name in front of the paths of the variables still to be made."""
        self._path = f"{parent}/{self.name}"

    @property
    def path(self) -> str | None:
        """Its name with the names of what it is in: "sequential/dense"; None before it is built."""
        return self._path if self.built else None

    @property
    def compute_dtype(self) -> str:
        """What it computes in: its dtype."""
        return self.dtype

    @property
    def variable_dtype(self) -> str:
        """What its variables are in: its dtype."""
        return self.dtype

    @property
    def _layers(self) -> list[Layer]:
        """The layers within that are attributes, or in lists and dictionaries that are."""
        return self._store.layers

    @property
    def variables(self) -> list[Variable]:
        """All variables, those of random streams included: first those that are trained, then the others, then those within."""
        store = self._store
        found = [*store.trainable, *store.fixed, *(generator.state for generator in store.generators)]
        return _once(found + [variable for layer in self._layers for variable in layer.variables])

    @property
    def weights(self) -> list[Variable]:
        """The variables that a model file holds: all but the counters of random streams."""
        store = self._store
        return _once([*store.trainable, *store.fixed] + [weight for layer in self._layers for weight in layer.weights])

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
        for variable in self._store.trainable:
            variable.trainable = self._trainable
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

    @property
    def _own_variables(self) -> list[Variable]:
        """The layer's, without those of layers and random streams within, in the order of Keras's files."""
        return [*self._store.trainable, *self._store.fixed]

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own variables, without those of layers within, into a mapping, under "0", "1", ...

        A subclass may write something else, if its `load_own_variables` reads that.
        """
        for i, variable in enumerate(self._own_variables):
            store[str(i)] = variable.value

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote. A subclass that keeps more than variables calls this first.

        Raises:
            ValueError: a wrong number of arrays, or a wrong shape.
        """
        own = self._own_variables
        if len(store.keys()) != len(own):
            never_built = " The layer was never built: build the model, or write `build_from_config`."
            raise ValueError(
                f"Layer '{self.name}' expected {len(own)} variables, but received {len(store.keys())} variables during "
                f"loading. Expected: {[variable.name for variable in own]}.{'' if self.built else never_built}"
            )
        for i, variable in enumerate(own):
            variable.assign(store[str(i)])

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


def _once(variables: list[Variable]) -> list[Variable]:
    return list({id(variable): variable for variable in variables}.values())


def _shapes(tensors: Any) -> Any:
    """The shape of an array, or those of arrays in a list, tuple or dictionary, in its structure."""
    if isinstance(tensors, dict):
        return {name: _shapes(part) for name, part in tensors.items()}
    if isinstance(tensors, (list, tuple)):
        return [_shapes(part) for part in tensors]
    return tuple(np.shape(value_of(tensors)))


def _where_equal(one: Any, other: Any) -> Any:
    """Two shapes (or structures of shapes) with None where they differ."""
    if isinstance(one, dict):
        return {name: _where_equal(one[name], other[name]) for name in one}
    if isinstance(one, list):
        return [_where_equal(a, b) for a, b in zip(one, other, strict=True)]
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))


def _is_plain(value: Any) -> bool:
    """Whether a configuration can hold it as it is."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float, bool))


def _dtype_name(dtype: Any) -> str:
    """The dtype's name, floatx for None.

    Raises:
        ValueError: no dtype.
    """
    try:
        found = np.dtype((dtype["config"]["name"] if isinstance(dtype, dict) else dtype) or config.floatx())
    except (KeyError, TypeError):
        raise ValueError(f'A dtype is "float32" or "float64"; got {dtype!r}.') from None
    if found.kind not in "fiub":
        raise ValueError(f'A dtype is "float32" or "float64"; got {dtype!r}, whose arrays do not hold plain numbers.')
    return str(found)
