"""Learning rates that change with the steps, as `keras.optimizers.schedules`."""

from __future__ import annotations

from typing import Any

from tinynn import _registry
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

_KNOWN = _registry.Registry(
    "learning rate schedule",
    "keras.optimizers.schedules",
    [CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay],
)


def serialize(learning_rate_schedule: Any) -> dict[str, Any]:
    """The description of a schedule that Keras writes into a model's file; of a function, its name."""
    described: dict[str, Any] = _KNOWN.serialize(learning_rate_schedule)
    return described


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule that `serialize` described; your own classes and functions by name from `custom_objects`.

    Args:
        config: the description.
        custom_objects: your own classes and functions, by name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    return _KNOWN.deserialize(config, custom_objects)
