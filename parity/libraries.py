"""The two libraries seen alike: which one a model is of, what a model holds there, and how to leave no trace in them."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinynn
from parity.keras_side import KerasSide, insides
from tinynn import _naming
from tinynn.random import global_seed

Array = NDArray[Any]


@dataclass(frozen=True)
class Library:
    """tinynn, or Keras on a device.

    Args:
        name: "tinynn" or "Keras".
        module: what a script imports as keras.
        side: TensorFlow and the device; None for tinynn.
    """

    name: str
    module: Any
    side: KerasSide | None = None

    def scope(self) -> Any:
        """A context in which models are made and run."""
        return contextlib.nullcontext() if self.side is None else self.side.engine.scope()

    def owns(self, thing: Any) -> bool:
        """Whether a class or function, or the class of an object, comes with this library."""
        kind = thing if hasattr(thing, "__module__") and hasattr(thing, "__name__") else type(thing)
        return bool(str(kind.__module__).partition(".")[0] == self.module.__name__)


TINYNN = Library("tinynn", tinynn)


def keras_library(side: KerasSide) -> Library:
    """Keras, where `side` says it runs."""
    return Library("Keras", side.keras, side)


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


def short_name(variable: Any) -> str:
    """'dense/kernel'."""
    return "/".join(str(variable.path).split("/")[-2:])


@dataclass
class State:
    """All numbers that a model holds: weights, the counters of random streams, and the optimizer's variables if it has any."""

    weights: list[Array]
    streams: list[Array]
    optimizer: list[Array] | None

    def moved(self, generator: np.random.Generator, ulp: float, dtype: str) -> State:
        """The same with every float moved by up to `ulp` of `dtype`; zeros and counters stay."""
        optimizer = self.optimizer and moved(self.optimizer, generator, ulp, dtype)
        return State(moved(self.weights, generator, ulp, dtype), self.streams, optimizer)


def moved(arrays: Sequence[Array], generator: np.random.Generator, ulp: float, dtype: str) -> list[Array]:
    """Each float of each array moved by up to `ulp` of `dtype`, relatively."""
    share = ulp * float(np.finfo(dtype).eps)
    return [
        (a * (1 + generator.uniform(-1, 1, a.shape) * share)).astype(a.dtype) if a.dtype.kind == "f" else a
        for a in arrays
    ]


def state_of(model: Any) -> State:
    """Copies of all that it holds."""
    optimizer = getattr(model, "optimizer", None)
    if not getattr(optimizer, "built", False):
        optimizer = None
    return State(
        [array_of(variable) for variable in model.weights],
        [array_of(generator.state) for generator in generators_of(model)],
        None if optimizer is None else [array_of(variable) for variable in optimizer.variables],
    )


def put_state(model: Any, state: State) -> None:
    """The way back, also into the model's twin: both have the same order. Shapes are the caller's care."""
    model.set_weights(state.weights)
    for layer in layers_within(model):
        if type(layer).__name__ == "Normalization" and hasattr(layer, "finalize_state") and layer.built:
            layer.finalize_state()  # Keras goes on with the old statistics until this
    for generator, value in zip(generators_of(model), state.streams, strict=True):
        generator.state.assign(value.astype(array_of(generator.state).dtype))
    if state.optimizer is None:
        return
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    for variable, value in zip(model.optimizer.variables, state.optimizer, strict=True):
        variable.assign(value)


# Leaving no trace ------------------------------------------------------------------------------------------------------

_KERAS_KEEPS = ("object_name_uids", "global_random_seed", "global_seed_generator", "dtype_policy")


@contextlib.contextmanager
def left_as_it_was(side: KerasSide) -> Iterator[None]:
    """Seeds, counters of names and float types of both libraries, of Python's `random` and of NumPy: put back at the end."""
    keras, (global_state, tensorflow) = side.keras, insides()
    python, numpy = random.getstate(), np.random.get_state()
    ours = tinynn.config.floatx(), tinynn.config.epsilon(), dict(_naming._counts)
    seeds = global_seed._random_seed, global_seed._shuffle_seed, global_seed._generator
    theirs = keras.config.floatx(), keras.config.epsilon()
    kept = {name: _copied(global_state.get_global_attribute(name)) for name in _KERAS_KEEPS}
    tf_seed, tf_random = tensorflow._seed, getattr(tensorflow, "_rng", None)
    tf_state = tf_random.getstate() if tf_random is not None else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        tinynn.config.set_floatx(ours[0])
        tinynn.config.set_epsilon(ours[1])
        _naming._counts.clear()
        _naming._counts.update(ours[2])
        global_seed._random_seed, global_seed._shuffle_seed, global_seed._generator = seeds
        keras.config.set_floatx(theirs[0])
        keras.config.set_epsilon(theirs[1])
        for name, value in kept.items():
            global_state.set_global_attribute(name, value)
        tensorflow._seed = tf_seed
        if tf_random is not None:
            tf_random.setstate(tf_state)
            tensorflow._rng = tf_random


def _copied(value: Any) -> Any:
    """A copy of the counters of names; anything else as it is."""
    return deepcopy(value) if isinstance(value, dict) else value


def use_dtype(library: Library, dtype: str) -> None:
    """What is made from now on is made in this float type."""
    library.module.config.set_floatx(dtype)
    if library.side is not None:
        library.module.config.set_dtype_policy(dtype)  # Keras's layers go by it rather than by floatx
