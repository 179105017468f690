"""Losses by name, and to and from the descriptions in saved models."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from tinynn._checks import unknown_name
from tinynn.losses import crossentropy, focal, hinges, probabilistic, regression, segmentation, similarity
from tinynn.losses.loss import Loss, LossFunctionWrapper

_FAMILIES = (crossentropy, focal, hinges, probabilistic, regression, segmentation, similarity)
_OWN: dict[str, Any] = {  # what the families themselves define
    name: value
    for family in _FAMILIES
    for name, value in vars(family).items()
    if getattr(value, "__module__", None) == family.__name__ and not name.startswith("_")
}
_CLASSES: dict[str, type[Loss]] = {name: value for name, value in _OWN.items() if isinstance(value, type)}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: value for name, value in _OWN.items() if isinstance(value, FunctionType)
}
_SHORT_NAMES: dict[str, Callable[..., Any]] = {
    "bce": crossentropy.binary_crossentropy,
    "kld": probabilistic.kl_divergence,
    "mae": regression.mean_absolute_error,
    "mape": regression.mean_absolute_percentage_error,
    "mse": regression.mean_squared_error,
    "msle": regression.mean_squared_logarithmic_error,
}
_NAMES: dict[str, Any] = {
    **_CLASSES,
    **_FUNCTIONS,
    **_SHORT_NAMES,
    **{name.upper(): function for name, function in _SHORT_NAMES.items()},
}


def get(identifier: Any) -> Any:
    """The loss that `compile(loss=...)` means.

    Args:
        identifier: a name ("mse", "huber" give functions, "Huber" a loss), a `Loss` or its class, a function of
            (y_true, y_pred), a description from `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something that is none of these.
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if isinstance(identifier, Loss) or callable(identifier):
        return identifier
    raise ValueError(f"A loss is a name, a Loss, a function or a config; got {identifier!r}.")


def serialize(loss: Any) -> Any:
    """The description of a loss that Keras writes into a model's file; of a function, its name.

    Raises:
        ValueError: neither a loss nor a function.
    """
    if loss is None or isinstance(loss, str):
        return loss
    if not isinstance(loss, Loss):
        if not callable(loss):
            raise ValueError(f"A loss is a Loss or a function; got {loss!r}.")
        name = getattr(loss, "__name__", type(loss).__name__)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    cls, config = type(loss), loss.get_config()
    if _CLASSES.get(cls.__name__) is cls:
        return {"module": "keras.losses", "class_name": cls.__name__, "config": config, "registered_name": None}
    module = None if cls.__module__ == "__main__" else cls.__module__
    if cls is LossFunctionWrapper:
        module = "keras.src.losses.losses"
    return {"module": module, "class_name": cls.__name__, "config": config, "registered_name": cls.__name__}


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        name: the description, or a name.
        custom_objects: your own losses, by class or function name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    if name is None:
        return None
    custom_objects = custom_objects or {}
    if isinstance(name, str):
        found = _look_up(name, custom_objects)
        return found() if isinstance(found, type) else found
    if not isinstance(name, dict) or not isinstance(name.get("class_name"), str):
        raise ValueError(f'The description of a loss is a dict with "class_name" and "config"; got {name!r}.')
    kind, config = name["class_name"], name.get("config") or {}
    if kind == "function":  # its config is its name
        return _look_up(str(config), custom_objects)
    if not isinstance(config, dict):
        raise ValueError(f'The "config" of a loss is a dict of arguments; got {config!r} for {kind}.')
    found = custom_objects.get(str(name.get("registered_name")))
    if found is None:
        found = LossFunctionWrapper if kind == "LossFunctionWrapper" else _look_up(kind, custom_objects)
    if found is LossFunctionWrapper:
        config = {**config, "fn": deserialize(config.get("fn"), custom_objects)}
    return found.from_config(config) if hasattr(found, "from_config") else found


def _look_up(name: str, custom_objects: dict[str, Any]) -> Any:
    if name in custom_objects:
        return custom_objects[name]
    if name not in _NAMES:
        also = [] if name == "crossentropy" else ["crossentropy"]  # known to compile, which sees the shapes
        raise unknown_name("loss", name, [*_NAMES, *also])
    return _NAMES[name]
