"""Optimizers, as `keras.optimizers`: classes, names, and descriptions in saved models."""

from collections.abc import Mapping
from typing import Any

from tinynn._checks import unknown_name
from tinynn.optimizers import schedules
from tinynn.optimizers.adadelta import Adadelta
from tinynn.optimizers.adafactor import Adafactor
from tinynn.optimizers.adagrad import Adagrad
from tinynn.optimizers.adam import Adam
from tinynn.optimizers.adamax import Adamax
from tinynn.optimizers.adamw import AdamW
from tinynn.optimizers.ftrl import Ftrl
from tinynn.optimizers.lamb import Lamb
from tinynn.optimizers.lion import Lion
from tinynn.optimizers.nadam import Nadam
from tinynn.optimizers.optimizer import Optimizer
from tinynn.optimizers.rmsprop import RMSprop
from tinynn.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from tinynn.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_CLASSES: tuple[Any, ...] = (
    *(Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl),
    *(Lamb, Lion, Nadam, RMSprop, SGD, ScheduleFreeAdamW),
)
_BY_NAME = {cls.__name__.lower(): cls for cls in _CLASSES}


def get(identifier: Any) -> Any:
    """An optimizer from its name (case does not matter), a description, an `Optimizer` (as it is) or its class, or None.

    Raises:
        ValueError: an unknown name, or something that is none of these.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return _made(identifier)
    raise ValueError(f"An optimizer is a name or an Optimizer; got {identifier!r}.")


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The description of an optimizer that Keras writes into a model's file."""
    cls, config = type(optimizer), optimizer.get_config()
    if cls in _CLASSES:
        return {"module": "keras.optimizers", "class_name": cls.__name__, "config": config, "registered_name": None}
    module = None if cls.__module__ == "__main__" else cls.__module__
    return {"module": module, "class_name": cls.__name__, "config": config, "registered_name": cls.__name__}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The optimizer that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    own = dict(custom_objects or {})
    if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str):
        raise ValueError(f'The description of an optimizer is a dict with "class_name" and "config"; got {config!r}.')
    name = config["class_name"]
    found = own.get(name) or _BY_NAME.get(name.lower())
    if found is None:
        raise unknown_name("optimizer", name, [*_BY_NAME, *own])
    return found.from_config(dict(config.get("config") or {}), custom_objects=own)


def _made(cls: Any) -> Any:
    return cls()
