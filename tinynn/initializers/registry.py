"""Initializers by name, and to and from the descriptions in saved models."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config as settings
from tinynn._registry import Registry
from tinynn._typing import Array, Shape
from tinynn.engine.recorded import TensorLike, value_of
from tinynn.initializers.constant_initializers import Constant, Identity, Ones, Zeros
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

KNOWN = Registry(
    "initializer",
    "keras.initializers",
    [
        *(Constant, Identity, Ones, Zeros),
        *(GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform),
        *(Orthogonal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling),
    ],
    short_names={"normal": RandomNormal, "uniform": RandomUniform, "one": Ones, "zero": Zeros},
    other_names={"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal},
    forms="a name, an Initializer, a function of (shape, dtype), an array of values, a description",
)


def get(identifier: Any) -> Any:
    """The initializer that an argument such as `kernel_initializer` means.

    Args:
        identifier: a name ("he_normal" or "HeNormal"), an initializer or its class, a function `(shape, dtype)`, the
            values themselves as an array, a description from `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something else.
    """
    if isinstance(identifier, (np.ndarray, np.generic, TensorLike)):
        return _values(np.asarray(value_of(identifier)))
    return KNOWN.get(identifier)


def serialize(initializer: Any) -> Any:
    """The description of an initializer that Keras writes into a model's file; of a function, its name."""
    return KNOWN.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description, or a name.
        custom_objects: your own initializers, by class or function name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    return KNOWN.deserialize(config, custom_objects)


def _values(values: Array) -> Any:
    """The initializer that gives these values, cast to the dtype that is asked for."""

    def initializer(shape: Shape, dtype: Any = None) -> Array:
        if tuple(shape) != values.shape:
            raise ValueError(
                f"The array given as initializer has shape {values.shape}; the variable needs {tuple(shape)}."
            )
        return values.astype(settings.floatx() if dtype is None else dtype)

    return initializer
