"""`parity.twin`: the model of one library made again in the other, or in its own. `tinynn.interop` does the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tinynn
from parity.keras_side import KerasSide, load
from parity.libraries import keras_library
from tinynn.interop import blueprint as blueprints
from tinynn.interop import maker
from tinynn.interop.blueprint import Blueprint, CannotConvert, doing
from tinynn.interop.libraries import TINYNN, Library, layers_within
from tinynn.interop.state import left_as_it_was


class CannotTwin(CannotConvert):
    """A model that has no twin, and the part that is why."""


def twin(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The same model in the other library: a tinynn model's in Keras, a Keras model's in tinynn.

    Layers, loss, metrics and optimizer are made again from their configurations; weights, the counters of random streams
    and, where it is built, the optimizer's state are copied. Both models then go on to the same numbers, and share nothing.
    As `tinynn.to_keras` and `tinynn.from_keras`, but that Keras runs as parity runs it: on the device that was chosen, XLA off.

    Args:
        model: a Sequential, or a functional model that is a chain of layers, of either library; compiled or not.
        custom_objects: {name: the class or function of the other library} for layers, losses, ... of your own. A Lambda
            goes by the name of the layer.

    Raises:
        CannotTwin: a part has no counterpart in the other library; a ValueError.
        TypeError: no model of either library.
        SetupError: Keras on TensorFlow is not installed.
    """
    side = load("auto")
    home = library_of(model, side)
    blueprint = read(model, home)
    with left_as_it_was(side.keras):
        other = keras_library(side) if home is TINYNN else TINYNN
        return build(blueprint, other, dtype=None, custom_objects=custom_objects or {}, with_state=True)


def library_of(model: Any, side: KerasSide) -> Library:
    """Whose model it is.

    Raises:
        TypeError: nobody's.
    """
    if isinstance(model, tinynn.Model):
        return TINYNN
    if isinstance(model, side.keras.Model):
        return keras_library(side)
    hint = " Call the function that builds it." if callable(model) and not isinstance(model, type) else ""
    raise TypeError(
        f"A model is a tinynn.Sequential or a keras.Sequential; got {model!r} of type {type(model).__name__}.{hint}"
    )


def read(model: Any, home: Library) -> Blueprint:
    """The blueprint of a model.

    Raises:
        CannotTwin: it is no chain of layers.
    """
    with doing("make a twin", CannotTwin):
        return blueprints.read(model, home)


def build(
    blueprint: Blueprint,
    library: Library,
    dtype: str | None,
    custom_objects: Mapping[str, Any],
    with_state: bool,
    input_shape: tuple[int | None, ...] | None = None,
) -> Any:
    """A model from a blueprint; the arguments are those of `interop.maker.build`.

    Raises:
        CannotTwin: a part has no counterpart.
    """
    with doing("make a twin", CannotTwin):
        return maker.build(blueprint, library, dtype, custom_objects, with_state, input_shape)


def count_layers(model: Any) -> int:
    """How many layers there are, those within models counted one by one."""
    return len([layer for layer in layers_within(model) if not hasattr(layer, "layers")])
