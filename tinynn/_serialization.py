"""Any object of Keras's to and from a description made of dicts, lists, names and numbers, as it stands in saved models.

The world of descriptions is closed: a name in one is looked up among the classes of tinynn's public modules and what the
user registered or handed over, and nowhere else. Nothing is imported or run because a description says so.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from tinynn import activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers
from tinynn._checks import did_you_mean
from tinynn._custom_objects import CustomObjectScope, known
from tinynn._registry import describe
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.layers.layer import Layer
from tinynn.optimizers import schedules

_MODULES: tuple[tuple[str, Any], ...] = (
    ("keras.losses", losses),
    ("keras.metrics", metrics),
    ("keras.optimizers.schedules", schedules),
    ("keras.optimizers", optimizers),
    ("keras.initializers", initializers),
    ("keras.regularizers", regularizers),
    ("keras.constraints", constraints),
)
_READERS: dict[str, Callable[..., Any]] = {
    "keras": layers.deserialize,
    "keras.layers": layers.deserialize,
    "keras.models": layers.deserialize,
    "keras.src.losses.losses": losses.deserialize,
    **{name: module.deserialize for name, module in _MODULES},
}


def serialize_keras_object(obj: Any) -> Any:
    """The description that Keras writes into files.

    Args:
        obj: a layer, model, loss, metric, optimizer, schedule, initializer, regularizer or constraint; an own object with
            `get_config`; a function; an array; numbers, strings, None, and lists and dicts of all these.

    Returns:
        Of objects {"module", "class_name", "config", "registered_name"}, layers and models with "build_config" and
        "compile_config"; of functions their names, in the same form; of arrays their numbers; the rest as it is.

    Raises:
        TypeError: an object without `get_config`.
    """
    if obj is None or isinstance(obj, (str, bool, int, float)):
        return obj
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, dict):
        return {name: serialize_keras_object(part) for name, part in obj.items()}
    if isinstance(obj, (list, tuple)):
        parts = [serialize_keras_object(part) for part in obj]
        return tuple(parts) if isinstance(obj, tuple) else parts
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, (np.ndarray, TensorLike)):
        value = np.asarray(value_of(obj))
        kind = "__numpy__" if isinstance(obj, np.ndarray) else "__tensor__"
        return {"class_name": kind, "config": {"value": value.tolist(), "dtype": value.dtype.name}}
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if isinstance(obj, Layer):
        found = layers.serialize(obj)
    else:
        found = describe(obj, _home_of(obj)) if _has_description(obj) else {}
    if not found:
        raise TypeError(
            f"Cannot serialize object {obj} of type {type(obj)}. To be serializable, a class must implement the "
            "`get_config()` method."
        )
    config = found["config"]
    return {**found, "config": config if isinstance(config, str) else serialize_keras_object(config)}


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """What `serialize_keras_object` described, with new numbers in its variables.

    Args:
        config: the description. What is none (numbers, strings, other dicts) stays as it is, tuples become lists.
        custom_objects: your own classes and functions, by name, beside those that are registered.
        safe_mode: accepted for Keras's sake: code in a description is never run, whatever this says.
        **kwargs: accepted for Keras's sake.

    Raises:
        ValueError: a name that Keras's module has not, or code.
        TypeError: an own class or function that was neither registered nor given.
    """
    with CustomObjectScope(custom_objects):
        return _read(config)


def _read(config: Any) -> Any:
    if isinstance(config, (list, tuple)):
        return [_read(part) for part in config]
    if not isinstance(config, dict):
        return config
    name: Any = config.get("class_name")
    arguments: Any = config.get("config")
    if "class_name" not in config or "config" not in config:
        return {key: _read(part) for key, part in config.items()}
    if name in ("__numpy__", "__tensor__"):
        return np.array(arguments["value"], dtype=_dtype(arguments["dtype"]))
    if name == "__bytes__":
        return str(arguments["value"]).encode("utf-8")
    if name == "__slice__":
        return slice(*(_read(arguments[part]) for part in ("start", "stop", "step")))
    if not isinstance(name, str) or name.startswith("__"):
        raise ValueError(
            f"This description holds {name!r}, from which tinynn makes nothing: code in a description is never run. Write a "
            "function with `def` or a class, register it, and describe the object again."
        )
    own = known()
    if name == "function" or config.get("module") == "builtins":
        return _function(str(arguments), own, config)
    found = own.get(str(config.get("registered_name")), own.get(name))
    if found is not None and not (isinstance(found, type) and issubclass(found, Layer)):
        return found.from_config(arguments) if hasattr(found, "from_config") else found
    if found is not None:
        return layers.deserialize(config)
    reader = _READERS.get(str(config.get("module")))
    if reader is None:
        raise TypeError(_not_found("class", name, own, config))
    return reader(config)


def _function(name: str, own: dict[str, Any], config: dict[str, Any]) -> Any:
    """A function by its name: an own one, an activation, a loss or a metric."""
    if name in own:
        return own[name]
    for module in (activations, losses, metrics):
        found = vars(module).get(name) if name in module.__all__ else None
        if isinstance(found, FunctionType) and name not in ("get", "serialize", "deserialize"):
            return found
    raise TypeError(_not_found("function", name, own, config))


def _not_found(kind: str, name: str, own: dict[str, Any], config: dict[str, Any]) -> str:
    return (
        f"Could not locate {kind} '{name}'.{did_you_mean(name, own)} Decorate it with "
        f"@tinynn.saving.register_keras_serializable() before this is read, or give custom_objects={{{name!r}: ...}}. "
        f"The description: {str(config)[:300]}"
    )


def _dtype(name: Any) -> np.dtype[Any]:
    """Numbers only: no objects come out of a description."""
    dtype = np.dtype(str(name))
    if dtype.kind not in "biuf":
        raise ValueError(f'The dtype of an array in a description is one of numbers, such as "float32"; got {name!r}.')
    return dtype


def _has_description(obj: Any) -> bool:
    return isinstance(obj, FunctionType) or (hasattr(obj, "get_config") and not isinstance(obj, type))


def _home_of(obj: Any) -> str | None:
    """Keras's module of an object, None of the user's own."""
    for name, module in _MODULES:
        if getattr(module, type(obj).__name__, None) is type(obj):
            return name
    return None
