"""Learning rates that change with the steps, as `keras.optimizers.schedules`."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from tinynn._checks import unknown_name
from tinynn.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from tinynn.optimizers.schedules.decays import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from tinynn.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, at_steps

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "at_steps",
    "deserialize",
    "serialize",
]

_CLASSES: tuple[type[LearningRateSchedule], ...] = (
    *(CosineDecay, CosineDecayRestarts, ExponentialDecay),
    *(InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay),
)
_BY_NAME = {cls.__name__: cls for cls in _CLASSES}


def serialize(learning_rate_schedule: Any) -> dict[str, Any]:
    """The description of a schedule that Keras writes into a model's file; of a function, its name."""
    if isinstance(learning_rate_schedule, FunctionType):
        name = learning_rate_schedule.__name__
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    cls = type(learning_rate_schedule)
    config = learning_rate_schedule.get_config()
    if cls in _CLASSES:
        module = "keras.optimizers.schedules"
        return {"module": module, "class_name": cls.__name__, "config": config, "registered_name": None}
    own = None if cls.__module__ == "__main__" else cls.__module__
    return {"module": own, "class_name": cls.__name__, "config": config, "registered_name": cls.__name__}


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule that `serialize` described; your own classes and functions by name from `custom_objects`.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(f'The description of a schedule is a dict with "class_name" and "config"; got {config!r}.')
    name, arguments = config["class_name"], config.get("config") or {}
    if name == "function":  # its config is its name
        name, arguments = str(arguments), {}
    found: Any = {**_BY_NAME, **(custom_objects or {})}.get(name)
    if found is None:
        raise unknown_name("learning rate schedule", name, [*_BY_NAME, *(custom_objects or {})])
    return found.from_config(arguments) if hasattr(found, "from_config") else found
