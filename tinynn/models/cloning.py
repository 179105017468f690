"""Models made anew from models or their descriptions: `clone_model`, `model_from_json`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynn._allowance import Allowance
from tinynn._custom_objects import CustomObjectScope, known
from tinynn._serialization import deserialize_keras_object
from tinynn.layers.keras_tensor import KerasTensor
from tinynn.layers.layer import Layer
from tinynn.layers.registry import deserialize, serialize
from tinynn.models.model import Model
from tinynn.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Any = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same layers with new weights, compiled in the same way.

    Args:
        model: a Sequential model, or one of an own class.
        input_tensors: an `Input` that takes the place of the model's own.
        clone_function: makes the new layer from each old one, instead of its configuration.
        call_function: for functional models, which tinynn does not have: None.
        recursive: clone_function is also given the layers of models within the model.

    Raises:
        ValueError: input_tensors or clone_function for a model of an own class, more than one input, a call_function.
        TypeError: an argument that it does not have; a clone_function that gives no layer.
    """
    if kwargs:
        raise TypeError(f"clone_model has no argument {', '.join(map(repr, kwargs))}.")
    if call_function is not None:
        raise ValueError("`call_function` argument is only supported for Functional models.")
    if not isinstance(model, Sequential) or type(model).get_config is not Sequential.get_config:
        if clone_function is not None or input_tensors is not None:
            raise ValueError(
                "clone_function and input_tensors are for Sequential models; a model of an own class is made again from its "
                f"configuration. Received: {model!r}"
            )
        return deserialize(serialize(model), custom_objects={type(model).__name__: type(model)})

    def clone(layer: Layer) -> Any:
        if recursive and clone_function is not None and isinstance(layer, Sequential):
            return clone_model(layer, clone_function=clone_function, recursive=True)
        made = _again(layer) if clone_function is None else clone_function(layer)
        if not isinstance(made, Layer):
            raise TypeError(f"clone_function gives the new layer; got {made!r} for {layer.name}.")
        return made

    first = [] if input_tensors is None else [_one_input(input_tensors)]
    if not first and model.built:
        first = [_again(model._stack[0])]
    cloned = type(model)([*first, *(clone(layer) for layer in model.layers)], name=model.name)
    if model.compiled:
        cloned.compile_from_config(model.get_compile_config())
    return cloned


def _again(layer: Layer) -> Any:
    return type(layer).from_config(layer.get_config())


def _one_input(input_tensors: Any) -> KerasTensor:
    inputs = list(input_tensors) if isinstance(input_tensors, (list, tuple)) else [input_tensors]
    if len(inputs) != 1 or not isinstance(inputs[0], KerasTensor):
        raise ValueError(f"A Sequential model has one input: input_tensors=Input(shape). Received: {input_tensors!r}")
    return inputs[0]


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None, limits: Any = None) -> Any:
    """The model that `model.to_json()` described, with new weights; compiled if that was.

    Args:
        json_string: the text.
        custom_objects: your own classes and functions, by name, beside those that are registered. No code comes from the
            text, and nothing is imported.
        limits: what a text may ask for; `tinynn.saving.Limits()` by default: weights of 1 GiB.

    Raises:
        ValueError: no JSON (json.JSONDecodeError), one name twice in an object, not the description of a layer, a Lambda
            layer, or sizes beyond the limits.
        TypeError: an own class that was neither registered nor given.
    """
    from tinynn.saving.described import ordinary_errors
    from tinynn.saving.descriptions import Checked
    from tinynn.saving.limits import Limits
    from tinynn.saving.safe_json import parse

    limits = limits or Limits()
    description = parse(json_string, limits)
    if not isinstance(description, dict) or "class_name" not in description:
        raise ValueError(f"model_from_json expects what model.to_json() gave; got {json_string[:80]!r}.")
    with CustomObjectScope(custom_objects):
        Checked(limits, known(), {}).check(description)
        because = "If you trust the text, pass limits=Limits(parameter_bytes=...)."
        with Allowance(limits.parameter_bytes, because), ordinary_errors("text"):
            return deserialize_keras_object(description)
