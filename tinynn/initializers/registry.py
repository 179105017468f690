"""Initializers by name, and to and from the descriptions in saved models."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np

from tinynn import config as settings
from tinynn._checks import unknown_name
from tinynn._naming import to_snake_case
from tinynn._typing import Array, Shape
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.initializers.constant_initializers import Constant, Identity, Ones, Zeros
from tinynn.initializers.initializer import Initializer
from tinynn.initializers.random_initializers import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

_CLASSES: tuple[type[Initializer], ...] = (
    *(Constant, Identity, Ones, Zeros),
    *(GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform),
    *(Orthogonal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling),
)
_SHORT_NAMES: dict[str, type[Initializer]] = {
    **{to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "one": Ones,
    "zero": Zeros,
}
_NAMES: dict[str, type[Initializer]] = {
    **_SHORT_NAMES,
    **{cls.__name__: cls for cls in _CLASSES},
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
}


def get(identifier: Any) -> Any:
    """The initializer that an argument such as `kernel_initializer` means.

    Args:
        identifier: a name ("he_normal" or "HeNormal"), an initializer or its class, a function `(shape, dtype)`, the
            values themselves as an array, a description from `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something else.
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if isinstance(identifier, (np.ndarray, np.generic, TensorLike)):
        return _values(np.asarray(value_of(identifier)))
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(
        "An initializer is a name, an Initializer, a function of (shape, dtype), an array of values or a config; "
        f"got {identifier!r} of type {type(identifier).__name__}."
    )


def serialize(initializer: Any) -> Any:
    """The description of an initializer that Keras writes into a model's file; of a function, its name."""
    if initializer is None or isinstance(initializer, str):
        return initializer
    if isinstance(initializer, FunctionType):
        name = initializer.__name__
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    cls = type(initializer)
    config = initializer.get_config()
    if cls in _CLASSES:
        return {
            "module": "keras.initializers",
            "class_name": cls.__name__,
            "config": config,
            "registered_name": None,
        }
    module = None if cls.__module__ == "__main__" else cls.__module__
    return {"module": module, "class_name": cls.__name__, "config": config, "registered_name": cls.__name__}


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description, or a name.
        custom_objects: your own initializers, by class or function name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    if config is None:
        return None
    custom_objects = custom_objects or {}
    if isinstance(config, str):
        return custom_objects[config] if config in custom_objects else _class(config).from_config({})
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(f'The description of an initializer is a dict with "class_name" and "config"; got {config!r}.')
    name, arguments = config["class_name"], config.get("config") or {}
    if name == "function":  # its config is its name
        name, arguments = str(arguments), {}
    if not isinstance(arguments, dict):
        raise ValueError(f'The "config" of an initializer is a dict of arguments; got {arguments!r} for {name}.')
    found: Any = custom_objects.get(str(config.get("registered_name")), custom_objects.get(name))
    if found is None:
        found = _class(name)
    return found.from_config(arguments) if hasattr(found, "from_config") else found


def _class(name: str) -> type[Initializer]:
    if name not in _NAMES:
        raise unknown_name("initializer", name, _SHORT_NAMES)
    return _NAMES[name]


def _values(values: Array) -> Any:
    """The initializer that gives these values, cast to the dtype that is asked for."""

    def initializer(shape: Shape, dtype: Any = None) -> Array:
        if tuple(shape) != values.shape:
            raise ValueError(
                f"The array given as initializer has shape {values.shape}; the variable needs {tuple(shape)}."
            )
        return values.astype(settings.floatx() if dtype is None else dtype)

    return initializer
