"""A description from a file is read as data first: everything in it is checked before anything is made from it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from tinynn._checks import did_you_mean
from tinynn.layers.layer import Layer
from tinynn.saving import keras_names
from tinynn.saving.limits import Limits
from tinynn.saving.names import check_name
from tinynn.saving.safe_json import check_size
from tinynn.saving.table import classes_called, known_classes

_SIZES = frozenset(
    (
        *(
            "units",
            "batch_shape",
            "input_shape",
            "batch_input_shape",
            "build_input_shape",
            "target_shape",
            "dims",
            "shape",
        ),
        *("n", "groups", "input_dim", "num_classes", "num_thresholds", "num_labels", "noise_shape"),
    )
)
"""Arguments that are sizes of arrays, or lists of them."""

_CLASSES = frozenset({"num_classes", "num_thresholds", "num_labels"})
"""Those of metrics, which make lists of them."""

_PLAIN = ("__numpy__", "__tensor__", "__bytes__", "__slice__", "DTypePolicy", "function")
"""Class names that stand for no class of Keras's."""


class Checked:
    """Goes through a description once.

    Args:
        limits: for counts, sizes and names.
        own: what the caller handed over, by name.
        registered: what is known of the user's own besides, which a file may not name by that alone.
    """

    def __init__(self, limits: Limits, own: Mapping[str, Any], registered: Mapping[str, Any]) -> None:
        self.limits, self.own, self.registered, self.count = limits, own, registered, 0

    def check(self, description: Any) -> None:
        """Refuse what no model of Keras's has, or what is too large.

        Raises:
            ValueError: Lambda, a class of Keras's that tinynn does not have, sizes and counts beyond the limits, an argument
                of another type.
            TypeError: a class or function that was not handed over.
        """
        check_size(description, self.limits)
        self._visit(description)

    def _visit(self, value: Any) -> None:
        if isinstance(value, dict):
            if "class_name" in value:
                self._object(value)
            for name, part in value.items():
                if name in _SIZES:
                    self._size(name, part)
                self._visit(part)
        elif isinstance(value, (list, tuple)):
            for part in value:
                self._visit(part)

    def _size(self, name: str, value: Any) -> None:
        for number in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(number, bool) or not (number is None or isinstance(number, (int, list, tuple, dict, float))):
                raise ValueError(
                    f"{name} in this description is a whole number, or a list of them; got {str(number)[:40]!r}."
                )
            if isinstance(number, (int, float)):
                limit = "classes" if name in _CLASSES else "units"
                self.limits.check(limit, abs(int(number)), f"{name} in this description")

    def _object(self, found: dict[str, Any]) -> None:
        name, arguments = found["class_name"], found.get("config")
        if not isinstance(name, str) or len(name) > self.limits.name_length:
            raise ValueError(f"A class_name in this description is no name: {str(name)[:80]!r}.")
        self.count += 1
        self.limits.check("layers", self.count, "The objects in a description")
        if name in ("Lambda", "__lambda__"):
            raise ValueError(
                "This file holds a Lambda layer, that is, a function, and a function from a file is code of whoever wrote it. "
                "tinynn makes none, whatever safe_mode says. Write the function as a layer (a class with `call`), build the "
                "model in code, and read the weights alone: model.load_weights(path)."
            )
        if name == "function":
            self._function(arguments)
            return
        if name in _PLAIN:
            if not isinstance(arguments, dict):
                raise ValueError(f'The "config" of {name} in this description is a dict; got {str(arguments)[:80]!r}.')
            return
        if arguments is not None and not isinstance(arguments, dict):
            raise ValueError(f'The "config" of {name} in this description is a dict; got {str(arguments)[:80]!r}.')
        is_layer = False
        if not self._is_own(name, found.get("registered_name")):
            candidates = self._classes(name, found.get("module"))
            problems = [list(_wrong_types(cls, arguments or {})) for cls in candidates]
            if all(problems):
                raise ValueError(f"{name} in this description: {problems[0][0]}")
            is_layer = any(issubclass(cls, Layer) for cls in candidates)
        if is_layer and (arguments or {}).get("name") is not None:
            check_name((arguments or {})["name"], self.limits)

    def _is_own(self, name: str, registered_name: Any) -> bool:
        if isinstance(registered_name, str) and registered_name in self.own:
            return True
        return name in self.own

    def _classes(self, name: str, module: Any) -> list[type]:
        if module is not None and not isinstance(module, str):
            raise ValueError(f"The module of {name} in this description is no name: {str(module)[:80]!r}.")
        table = known_classes()
        if module in table and name in table[module]:
            return [table[module][name]]
        found = classes_called(name)
        from_keras = module is None or module.split(".")[0] == "keras"
        if found and from_keras:
            return found
        if from_keras and name in (*keras_names.LAYERS, *keras_names.OTHERS):
            kind = "layer" if name in keras_names.LAYERS else "class"
            raise ValueError(
                f"{name} is a {kind} of Keras {keras_names.KERAS_VERSION} that tinynn does not have; open this file in Keras."
            )
        raise self._not_handed_over("class", name)

    def _function(self, name: Any) -> None:
        """A function's name: what it means is looked up where it is used, among the functions of that module."""
        if not isinstance(name, str) or len(name) > self.limits.name_length:
            raise ValueError(f"A function in this description is no name: {str(name)[:80]!r}.")
        if name == "<lambda>":
            raise self._not_handed_over("function", name)

    def _not_handed_over(self, kind: str, name: str) -> TypeError:
        registered = [full for full in self.registered if full == name or full.split(">")[-1] == name]
        if registered:
            return TypeError(
                f'This file uses the {kind} "{name}". You registered one of this name; a file gets it only if you say so: '
                f"custom_objects={{{registered[0]!r}: {name}}}."
            )
        known = {known for classes in known_classes().values() for known in classes}
        hint = did_you_mean(name[:80], [*known, *self.own])
        return TypeError(
            f'This file uses the {kind} "{name[:80]}", which tinynn does not know.{hint} '
            f"If it is yours, pass custom_objects={{{name[:80]!r}: ...}}; nothing is imported because a file names it."
        )


@functools.cache
def _defaults(cls: type) -> dict[str, Any]:
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def _wrong_types(cls: type, arguments: dict[str, Any]) -> Iterator[str]:
    """What is of another type than the argument's default tells: "true" for true, "5" for 5, 1 for a name."""
    for name, default in _defaults(cls).items():
        if name not in arguments or default is None or default is inspect.Parameter.empty:
            continue
        value = arguments[name]
        if isinstance(default, bool):
            fits = isinstance(value, bool) or value is None
        elif isinstance(default, (int, float)):
            fits = not isinstance(value, (str, bool))
        elif isinstance(default, str):
            fits = value is None or isinstance(value, (str, dict))
        else:
            fits = True
        if not fits:
            yield f"{name} is like {default!r}; got {str(value)[:80]!r} of type {type(value).__name__}."
