"""Losses by name, and to and from the descriptions in saved models."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from tinynn._registry import Registry, describe
from tinynn.losses import crossentropy, focal, hinges, probabilistic, regression, segmentation, similarity
from tinynn.losses.loss import LossFunctionWrapper

_FAMILIES = (crossentropy, focal, hinges, probabilistic, regression, segmentation, similarity)
_OWN: list[Any] = [  # what the families themselves define
    value
    for family in _FAMILIES
    for name, value in vars(family).items()
    if getattr(value, "__module__", None) == family.__name__ and not name.startswith("_")
]
_SHORT_NAMES: dict[str, Callable[..., Any]] = {
    "bce": crossentropy.binary_crossentropy,
    "kld": probabilistic.kl_divergence,
    "mae": regression.mean_absolute_error,
    "mape": regression.mean_absolute_percentage_error,
    "mse": regression.mean_squared_error,
    "msle": regression.mean_squared_logarithmic_error,
}


_FUNCTIONS = {value.__name__: value for value in _OWN if isinstance(value, FunctionType)}
KNOWN = Registry(
    "loss",
    "keras.losses",
    [value for value in _OWN if isinstance(value, type)],
    short_names={**_FUNCTIONS, **_SHORT_NAMES, **{name.upper(): value for name, value in _SHORT_NAMES.items()}},
    other_names={"LossFunctionWrapper": LossFunctionWrapper},
    forms="a name, a Loss, a function, a description",
    hints=["crossentropy"],  # known to compile, which sees the shapes
)


def get(identifier: Any) -> Any:
    """The loss that `compile(loss=...)` means.

    Args:
        identifier: a name ("mse", "huber" give functions, "Huber" a loss), a `Loss` or its class, a function of
            (y_true, y_pred), a description from `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something that is none of these.
    """
    return KNOWN.get(identifier)


def serialize(loss: Any) -> Any:
    """The description of a loss that Keras writes into a model's file; of a function, its name.

    Raises:
        ValueError: neither a loss nor a function.
    """
    if type(loss) is LossFunctionWrapper:
        return {**describe(loss), "module": "keras.src.losses.losses"}
    return KNOWN.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        name: the description, or a name.
        custom_objects: your own losses, by class or function name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    return KNOWN.deserialize(name, custom_objects)
