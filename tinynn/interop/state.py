"""What a model holds, taken out and put back, in either library; and how to leave no trace in them."""

from __future__ import annotations

import contextlib
import importlib
import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinynn
from tinynn import _naming
from tinynn._typing import Array
from tinynn.interop.libraries import array_of, generators_of, layers_within
from tinynn.random import global_seed


@dataclass
class State:
    """All numbers that a model holds: weights, the counters of random streams, and the optimizer's variables if it has any."""

    weights: list[Array]
    streams: list[Array]
    optimizer: list[Array] | None


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
def left_as_it_was(keras: Any) -> Iterator[None]:
    """Seeds, counters of names and float types of both libraries, of Python's `random` and of NumPy: put back at the end."""
    global_state = importlib.import_module("keras.src.backend.common.global_state")
    tensorflow = tensorflow_context(keras)
    python, numpy = random.getstate(), np.random.get_state()
    ours = tinynn.config.floatx(), tinynn.config.epsilon(), dict(_naming._counts)
    seeds = global_seed._random_seed, global_seed._shuffle_seed, global_seed._generator
    theirs = keras.config.floatx(), keras.config.epsilon()
    kept = {name: _copied(global_state.get_global_attribute(name)) for name in _KERAS_KEEPS}
    tf_seed, tf_random = getattr(tensorflow, "_seed", None), getattr(tensorflow, "_rng", None)
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
        if tensorflow is not None:
            tensorflow._seed = tf_seed
        if tf_random is not None:
            tf_random.setstate(tf_state)
            tensorflow._rng = tf_random


def tensorflow_context(keras: Any) -> Any:
    """Where TensorFlow keeps its seed, which it has no public way to read; None with another backend of Keras's."""
    if keras.backend.backend() != "tensorflow":
        return None
    return importlib.import_module("tensorflow.python.eager.context").context()


def _copied(value: Any) -> Any:
    """A copy of the counters of names; anything else as it is."""
    return deepcopy(value) if isinstance(value, dict) else value
