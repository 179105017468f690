"""Optimizers, as `keras.optimizers`: classes, names, and descriptions in saved models."""

from collections.abc import Mapping
from typing import Any

from tinynn import _registry
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
from tinynn.optimizers.muon import Muon
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
    "Muon",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_KNOWN = _registry.Registry(
    "optimizer",
    "keras.optimizers",
    [
        *(Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Ftrl),
        *(Lamb, Lion, Muon, Nadam, RMSprop, SGD, ScheduleFreeAdamW),
    ],
    forms="a name, an Optimizer, a description",
    base=Optimizer,
    ignore_case=True,
)


def get(identifier: Any) -> Any:
    """An optimizer from its name (case does not matter), a description, an `Optimizer` (as it is) or its class, or None.

    Raises:
        ValueError: an unknown name, or something that is none of these.
    """
    return _KNOWN.get(identifier)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The description of an optimizer that Keras writes into a model's file."""
    described: dict[str, Any] = _KNOWN.serialize(optimizer)
    return described


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The optimizer that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description.
        custom_objects: your own classes and functions, by name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    return _KNOWN.deserialize(config, custom_objects)
