"""Building a model of either library from a `Blueprint`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynn.interop.blueprint import COMPILE, SETTINGS, Blueprint, CannotConvert, Part, name_of
from tinynn.interop.libraries import TINYNN, Library, array_of, use_dtype
from tinynn.interop.state import put_state, state_of


def build(
    blueprint: Blueprint,
    library: Library,
    dtype: str | None,
    custom_objects: Mapping[str, Any],
    with_state: bool,
    input_shape: tuple[int | None, ...] | None = None,
    sequential: type[Any] | None = None,
) -> Any:
    """A model from a blueprint.

    Args:
        library: where it is made.
        dtype: the float type of everything in it; None leaves each layer its own.
        custom_objects: of the *other* library than the blueprint's; not looked at when it is made at home.
        with_state: copy weights, random streams and the optimizer's state; else all is fresh.
        input_shape: (None, ...) for a model that does not know it yet.
        sequential: the class to make; the library's Sequential by default.

    Raises:
        CannotConvert: a part has no counterpart.
    """
    use_dtype(library, dtype or blueprint.home.module.config.floatx())
    maker = _Maker(blueprint.home, library, dtype, custom_objects)
    with library.scope():
        model = maker.model(blueprint, sequential)
        if not model.built and (blueprint.input_shape or input_shape):
            model.build(blueprint.input_shape or input_shape)
        if blueprint.compiled is not None:
            maker.compile(model, blueprint)
        if with_state and blueprint.model.built:
            copy_state(blueprint.model, model)
    return model


def copy_state(source: Any, target: Any) -> None:
    """All numbers of one model into its twin.

    Raises:
        CannotConvert: the twin has other variables.
    """
    state = state_of(source)
    shapes = [array_of(variable).shape for variable in target.weights]
    for variable, value, shape in zip(source.weights, state.weights, shapes):
        if value.shape != shape:
            raise CannotConvert(f"its weight {variable.path}", f"is {value.shape} here and {shape} there.")
    if len(shapes) != len(state.weights):
        raise CannotConvert(f"model {source.name!r}", f"has {len(state.weights)} weights here and {len(shapes)} there.")
    put_state(target, state)


class _Maker:
    """Objects of one library made again in another (or the same) from their configurations."""

    def __init__(self, home: Library, library: Library, dtype: str | None, custom: Mapping[str, Any]) -> None:
        self.home, self.library, self.dtype = home, library, dtype
        self.at_home = home.name == library.name
        self.custom = {} if self.at_home else custom

    # Layers

    def model(self, blueprint: Blueprint, sequential: type[Any] | None = None) -> Any:
        model = blueprint.model
        if blueprint.parts is None:
            return self._own_class(model, f"model {model.name!r} ({type(model).__name__})")
        layers = [self.part(part) for part in blueprint.parts]
        if blueprint.input_shape is not None:
            dtype = blueprint.input_dtype
            if self.dtype is not None and (dtype or "float").startswith("float"):
                dtype = self.dtype
            shape, name = blueprint.input_shape, blueprint.input_name
            layers.insert(0, self.library.module.Input(batch_shape=shape, dtype=dtype, name=name))
        made = (sequential or self.library.module.Sequential)(layers, name=model.name)
        if not model.trainable:
            made.trainable = False
        return made

    def part(self, part: Part) -> Any:
        if part.inner is not None:
            return self.model(part.inner)
        layer, called = part.layer, name_of(part.layer)
        if type(layer).__name__ == "Lambda" and self.home.owns(type(layer)):
            return self._lambda(layer, called)
        if not self.home.owns(type(layer)):
            return self._own_class(layer, called)
        cls = getattr(self.library.module.layers, type(layer).__name__, None)
        if cls is None:
            raise CannotConvert(called, f"has no counterpart in {self.library.name}.")
        return self._from_config(cls, self._config(layer, called), called)

    def _own_class(self, layer: Any, called: str) -> Any:
        """A layer or model of the user's: its own class at home, what `custom_objects` says elsewhere."""
        cls = type(layer) if self.at_home else self.custom.get(type(layer).__name__)
        if cls is None:
            raise CannotConvert(
                called,
                f"is a class of your own. Pass custom_objects={{{type(layer).__name__!r}: the same class written for "
                f"{self.library.name}}}.",
            )
        try:
            config = self._config(layer, called)
        except NotImplementedError as error:
            raise CannotConvert(called, f"has no configuration: {error}") from error
        return self._from_config(cls, config, called)

    def _lambda(self, layer: Any, called: str) -> Any:
        function = layer.function if self.at_home else self.custom.get(layer.name)
        if function is None:
            raise CannotConvert(
                called,
                f"holds a function of {self.home.name}'s tensors. Pass custom_objects={{{layer.name!r}: the same function "
                f"written for {self.library.name}}}.",
            )
        cls = self.library.module.layers.Lambda
        return cls(function, arguments=dict(layer.arguments), name=layer.name, dtype=self.dtype)

    def _config(self, layer: Any, called: str) -> dict[str, Any]:
        """The layer's configuration with what is of the user's own resolved, in the float type asked for."""
        config = dict(layer.get_config())
        policy = config.get("dtype")
        name = policy["config"]["name"] if isinstance(policy, dict) else policy
        if isinstance(name, str) and name not in ("float32", "float64"):
            raise CannotConvert(called, f"computes in {name}; only float32 and float64 can be taken over.")
        config["dtype"] = self.dtype or name
        for key, value in config.items():
            if key != "dtype" and isinstance(value, dict) and "class_name" in value:
                config[key] = self._described(value, getattr(layer, key, None), f"{key.replace('_', ' ')} of {called}")
        return config

    def _described(self, value: dict[str, Any], original: Any, called: str) -> Any:
        """An initializer, regularizer, constraint or activation in a layer's configuration."""
        is_function = value["class_name"] == "function"
        name = str(value["config"] if is_function else value["class_name"])
        if original is None or self.home.owns(original):
            return value
        if self.at_home:
            return original
        if name not in self.custom:
            raise CannotConvert(
                f"the {called}",
                f"is your own {name}. Pass custom_objects={{{name!r}: the same written for {self.library.name}}}.",
            )
        found = self.custom[name]
        return (
            found if is_function or not isinstance(found, type) else self._from_config(found, value["config"], called)
        )

    # What compile was given

    def compile(self, model: Any, blueprint: Blueprint) -> None:
        compiled = blueprint.compiled or {}
        made = {name: self.argument(name, compiled[name]) for name in COMPILE}
        settings = {name: compiled[name] for name in SETTINGS if compiled[name] is not None}
        if self.library.jit_compile is not None:
            settings["jit_compile"] = self.library.jit_compile
        elif not self.at_home:
            settings["jit_compile"] = "auto"  # XLA in one library, which engine in the other
        model.compile(**made, **settings)
        if made["optimizer"] is not None and model.built:
            _copy_exclusions(blueprint.model, model, self.home)

    def argument(self, name: str, value: Any) -> Any:
        """An argument of `compile`: names and numbers as they are, objects and functions made again."""
        if value is None or isinstance(value, (str, bool, int, float, np.generic)):
            return value
        if isinstance(value, dict):
            return {key: self.argument(name, part) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.argument(name, part) for part in value]
        kind = {"weighted_metrics": "metric", "metrics": "metric"}.get(name, name)
        modules = {"optimizer": "optimizers", "loss": "losses", "metric": "metrics"}
        title = getattr(value, "__name__", type(value).__name__)
        called = f"{kind} {title!r}"
        known = self.home.owns(value)
        if self.at_home and not hasattr(value, "get_config"):
            return value
        found = self.custom.get(title)
        if found is None and self.at_home:
            found = type(value)
        if found is None and known:
            found = getattr(getattr(self.library.module, modules[kind]), title, None)
            if found is None:
                raise CannotConvert(called, f"has no counterpart in {self.library.name}.")
        if found is None:
            raise CannotConvert(
                called, f"is your own. Pass custom_objects={{{title!r}: the same written for {self.library.name}}}."
            )
        if not hasattr(value, "get_config"):
            return found
        return self._from_config(found, _whole_config(value, None if kind == "optimizer" else self.dtype), called)

    # Both

    def _from_config(self, cls: Any, config: dict[str, Any], called: str) -> Any:
        if not hasattr(cls, "from_config"):
            return cls
        takes = _arguments_of(cls)
        config = {key: value for key, value in config.items() if value is not None or takes(key)}
        try:
            return cls.from_config(config)
        except CannotConvert:
            raise
        except Exception as error:
            raise CannotConvert(called, f"is not made again in {self.library.name} from {config}: {error}") from error


def _arguments_of(cls: Any) -> Callable[[str], bool]:
    """Whether the class, or a base to which it passes what it does not know, has an argument of a name."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters.values()
            names |= {parameter.name for parameter in parameters}
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
                break
    return lambda name: name in names


def _whole_config(thing: Any, dtype: str | None) -> dict[str, Any]:
    """The configuration of a loss, metric or optimizer, with the settings that Keras's own leave out (Huber's delta)."""
    config = dict(thing.get_config())
    takes = _arguments_of(type(thing))
    for name, value in (getattr(thing, "_fn_kwargs", None) or {}).items():
        if takes(name):
            config.setdefault(name, value)
    for name, value in config.items():
        if hasattr(value, "numpy") or isinstance(value, np.ndarray):
            config[name] = array_of(value).tolist()
    if isinstance(config.get("dtype"), dict):
        config["dtype"] = config["dtype"]["config"]["name"]
    if dtype is not None and takes("dtype"):
        config["dtype"] = dtype
    return config


def _copy_exclusions(source: Any, target: Any, home: Library) -> None:
    """Which variables weight decay leaves alone: by place, the twin's names need not be the same."""
    if not source.built or not getattr(source.optimizer, "weight_decay", None):
        return
    optimizer = source.optimizer
    shrinks = optimizer._shrinks if home is TINYNN else optimizer._use_weight_decay
    alone = [not shrinks(variable) for variable in source.trainable_variables]
    if any(alone):
        chosen = [variable for variable, left_out in zip(target.trainable_variables, alone) if left_out]
        target.optimizer.exclude_from_weight_decay(var_list=chosen)
