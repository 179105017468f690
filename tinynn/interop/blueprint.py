"""Reading a model of either library into a `Blueprint`: its layers with their configurations, and what `compile` was given.

Nothing is run, and nothing of the model is changed; it is looked at alone. `maker.py` builds models from blueprints.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tinynn.interop.libraries import TINYNN, Library

COMPILE = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
SETTINGS = ("run_eagerly", "steps_per_execution", "jit_compile")


class CannotConvert(ValueError):
    """A model with a part that the other library, or the compiled engine, does not have.

    Args:
        part: which part, as in "layer 'conv' (Conv2D)".
        why: "has no counterpart in tinynn."
        doing: what cannot be done therefore.

    Attributes:
        part, why: as given.
    """

    def __init__(self, part: str, why: str, doing: str = "convert the model") -> None:
        super().__init__(f"cannot {doing}, because {part} {why}")
        self.part, self.why = part, why


@contextlib.contextmanager
def doing(what: str, error: type[CannotConvert] = CannotConvert) -> Iterator[None]:
    """A `CannotConvert` from within says what could not be done."""
    try:
        yield
    except CannotConvert as found:
        raise error(found.part, found.why, what) from found.__cause__


@dataclass(frozen=True)
class Part:
    """A layer of a blueprint: the layer itself, of which its configuration is read, or the blueprint of a model within."""

    layer: Any
    inner: Blueprint | None = None


@dataclass(frozen=True)
class Blueprint:
    """What a model is made of.

    Args:
        model: the model that was read.
        home: its library.
        parts: its layers in order; None for a model of the user's own class.
        input_shape: (None, ...), None while it is not known.
        input_dtype: of the Input.
        input_name: of the Input.
        compiled: the arguments of `compile` by name; None before it was called.
    """

    model: Any
    home: Library
    parts: list[Part] | None
    input_shape: tuple[int | None, ...] | None
    input_dtype: str | None
    input_name: str | None
    compiled: dict[str, Any] | None


def read(model: Any, home: Library) -> Blueprint:
    """The blueprint of a model.

    Raises:
        CannotConvert: it is no chain of layers.
    """
    parts = None
    if isinstance(model, home.module.Sequential):
        parts = [_part(layer, home) for layer in model.layers]
    elif home is not TINYNN and type(model).__name__ == "Functional":
        parts = [_part(layer, home) for layer in _chain(model)]
    shape, dtype, name = _input_of(model)
    compiled = None
    if getattr(model, "compiled", False):
        given = model._compile_config
        given = getattr(given, "config", given)
        compiled = {name: given.get(name) for name in (*COMPILE, *SETTINGS)}
        compiled["optimizer"] = model.optimizer
    return Blueprint(model, home, parts, shape, dtype, name, compiled)


def _part(layer: Any, home: Library) -> Part:
    is_model = isinstance(layer, home.module.Model)
    return Part(layer, read(layer, home) if is_model else None)


def _input_of(model: Any) -> tuple[tuple[int | None, ...] | None, str | None, str | None]:
    """Shape, dtype and name of the Input; None where the model has none yet."""
    try:
        shape, dtype = tuple(model.input_shape), str(model.inputs[0].dtype)
    except (AttributeError, IndexError, TypeError):
        return None, None, None
    stack = getattr(model, "_stack", None) or getattr(model, "_layers", [])
    return shape, dtype, next((layer.name for layer in stack if type(layer).__name__ == "InputLayer"), None)


def _chain(model: Any) -> list[Any]:
    """The layers of a functional model, if each takes nothing but what the one before it gives."""
    previous: str | None = None
    layers = []
    for description, layer in zip(model.get_config()["layers"], model.layers, strict=True):
        nodes = description["inbound_nodes"]
        if description["class_name"] == "InputLayer" and previous is None:
            previous = layer.name
            continue
        sources = _sources(nodes[0]["args"]) if len(nodes) == 1 and isinstance(nodes[0], dict) else []
        if sources != [previous]:
            raise CannotConvert(
                f"{name_of(layer)} of model {model.name!r}",
                "does not follow the layer before it: only chains of layers can be taken over.",
            )
        previous = layer.name
        layers.append(layer)
    if len(model.outputs) != 1:
        raise CannotConvert(f"model {model.name!r}", f"has {len(model.outputs)} outputs; it can have one.")
    return layers


def _sources(args: Any) -> list[str]:
    """The names of the layers that a node of a functional model takes from."""
    if isinstance(args, dict):
        history = args.get("config", {}).get("keras_history") if args.get("class_name") == "__keras_tensor__" else None
        return [history[0]] if history else []
    return [name for part in args for name in _sources(part)] if isinstance(args, (list, tuple)) else []


def name_of(layer: Any) -> str:
    """A layer as errors name it: "layer 'hidden' (Dense)"."""
    return f"layer {layer.name!r} ({type(layer).__name__})"
