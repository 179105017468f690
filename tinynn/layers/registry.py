"""Layers to and from the descriptions in saved models."""

from __future__ import annotations

from typing import Any

from tinynn._checks import unknown_name
from tinynn._custom_objects import CustomObjectScope, known
from tinynn._registry import describe
from tinynn.layers.layer import Layer

_DEEPEST = 64
"""How many models may stand within each other in a description (each is up to four brackets): a real one has two or three."""


def serialize(layer: Layer) -> dict[str, Any]:
    """The description of a layer or model that Keras writes into files: class, configuration, the shape it was built for.

    The numbers of its variables are not in it.

    Raises:
        ValueError: no layer.
    """
    if not isinstance(layer, Layer):
        raise ValueError(f"serialize expects a layer; got {layer!r} of type {type(layer).__name__}.")
    name = type(layer).__name__
    ours = _known().get(name) is type(layer)
    found = describe(layer, ("keras" if name in _MODELS else "keras.layers") if ours else None)
    build_config = layer.get_build_config()
    if build_config is not None:
        found["build_config"] = build_config
    if hasattr(layer, "get_compile_config"):
        found["compile_config"] = layer.get_compile_config()
    return found


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer or model that `serialize` described, built if it was, with new numbers in its variables.

    A model that had been compiled is compiled again.

    Args:
        config: the description.
        custom_objects: your own classes and functions, by name, beside those that are registered. Nothing else is looked up,
            and no code comes from a description.

    Raises:
        ValueError: no description of a layer, or a name that Keras's module has not.
        TypeError: an own class that was neither registered nor given.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(
            f'The description of a layer is a dict with "class_name" and "config" (layers.serialize); got {config!r}.'
        )
    if _deeper_than(config, 4 * _DEEPEST):
        raise ValueError(f"This description has layers within layers more than {_DEEPEST} deep.")
    name, arguments = config["class_name"], config.get("config") or {}
    if not isinstance(arguments, dict):
        raise ValueError(f'The "config" of a layer is a dict of arguments; got {arguments!r} for {name}.')
    with CustomObjectScope(custom_objects):
        own = known()
        cls: Any = own.get(str(config.get("registered_name")), own.get(name))
        if cls is None:
            ours = _known() if str(config.get("module") or "keras.layers").split(".")[0] == "keras" else {}
            if name not in ours:
                raise _unknown(name, {**ours, **own}, config)
            cls = ours[name]
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            raise ValueError(f"The description of {name} is not that of a layer: {cls!r}.")
        layer = cls.from_config(arguments)
        if not layer.built:
            layer.build_from_config(config.get("build_config"))
        if config.get("compile_config") and hasattr(layer, "compile_from_config"):
            layer.compile_from_config(config["compile_config"])
    return layer


_MODELS = ("Model", "Sequential")


def _known() -> dict[str, type[Layer]]:
    """Every class that a description may name without being asked: a closed list."""
    from tinynn import layers, models  # not when this module is loaded: they load it

    found = {name: getattr(layers, name) for name in layers.__all__}
    classes = {name: cls for name, cls in found.items() if isinstance(cls, type) and issubclass(cls, Layer)}
    return {**classes, **{name: getattr(models, name) for name in _MODELS}}


def _unknown(name: str, names: dict[str, Any], config: dict[str, Any]) -> Exception:
    error = unknown_name("layer", name, names)
    from_keras = str(config.get("module") or "").split(".")[0] == "keras"
    return (ValueError if from_keras else TypeError)(
        f"{error} An own class is found when it is decorated with @tinynn.saving.register_keras_serializable(), or given in "
        f"custom_objects={{{name!r}: {name}}}."
    )


def _deeper_than(value: Any, most: int) -> bool:
    """Whether dicts and lists stand within each other more than `most` deep; found without recursion."""
    level = [value]
    for _ in range(most):
        level = [
            part
            for outer in level
            if isinstance(outer, (dict, list, tuple))
            for part in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
