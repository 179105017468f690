"""The two libraries seen alike: which one a model is of, and what there is in a model."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinynn
from tinynn._typing import Array


@dataclass(frozen=True)
class Library:
    """tinynn or Keras.

    Args:
        name: "tinynn" or "Keras".
        module: what a script imports as keras.
        jit_compile: given to every `compile`; None for what the model had.
    """

    name: str
    module: Any
    jit_compile: Any = None

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which models are made and run."""
        return contextlib.nullcontext()

    def owns(self, thing: Any) -> bool:
        """Whether a class or function, or the class of an object, comes with this library."""
        kind = thing if hasattr(thing, "__module__") and hasattr(thing, "__name__") else type(thing)
        return bool(str(kind.__module__).partition(".")[0] == self.module.__name__)


TINYNN = Library("tinynn", tinynn)


def keras_library(what_for: str) -> Library:
    """Keras, imported now.

    Args:
        what_for: who asks, for the error.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return Library("Keras", importlib.import_module("keras"))
    except ImportError as error:
        raise ImportError(
            f"{what_for} needs Keras, which cannot be imported here ({error}): pip install 'tinynn-engine[keras]'."
        ) from error


def array_of(value: Any) -> Array:
    """The numbers of a variable, tensor, recorded value or array."""
    value = getattr(value, "value", value) if not hasattr(value, "numpy") else value
    return np.array(value.numpy() if hasattr(value, "numpy") else value)


def layers_within(model: Any) -> list[Any]:
    """A model or layer and all layers in it, outer ones first, in order: the same in both libraries."""
    found, waiting = [model], list(_inner(model))
    while waiting:
        layer = waiting.pop(0)
        found.append(layer)
        waiting[:0] = _inner(layer)
    return list({id(layer): layer for layer in found}.values())


def _inner(layer: Any) -> Sequence[Any]:
    inner = getattr(layer, "layers", None)
    if inner is None:
        inner = getattr(layer, "_layers", None) or []
    return [part for part in inner if type(part).__name__ != "InputLayer"]


def generators_of(model: Any) -> list[Any]:
    """The random streams (`SeedGenerator`s) of all layers, in order."""
    found = []
    for layer in layers_within(model):
        own = layer._store.generators if isinstance(layer, tinynn.Layer) else layer._seed_generators
        found += list(own)
    return list({id(generator): generator for generator in found}.values())


def use_dtype(library: Library, dtype: str) -> None:
    """What is made from now on is made in this float type."""
    library.module.config.set_floatx(dtype)
    if library.name != TINYNN.name:
        library.module.config.set_dtype_policy(dtype)  # Keras's layers go by it rather than by floatx
