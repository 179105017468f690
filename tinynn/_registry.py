"""Objects by name, and to and from the descriptions in saved models: what `get`, `serialize`, `deserialize` of a module do."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinynn._checks import unknown_name
from tinynn._custom_objects import get_registered_name
from tinynn._custom_objects import known as users_own
from tinynn._naming import to_snake_case
from tinynn._typing import Array


class Registry:
    """What one module knows: classes, under their names and those names in snake_case, and functions.

    Args:
        kind: what one is called in errors: "regularizer".
        module: Keras's module of them, as it stands in descriptions.
        classes: what is known.
        short_names: further names, which errors propose; they go before the classes' own.
        other_names: further names that errors do not mention.
        functions: what the description of a function may mean besides.
        forms: what `get` takes, in the words of its error.
        base: what `get` takes besides names must be an instance of it, or of a subclass; if None, anything callable will do.
        ignore_case: the short names are the classes' in lower case, and found in any case.
        hints: what errors propose though it is not known here.
    """

    def __init__(
        self,
        kind: str,
        module: str,
        classes: Iterable[type],
        short_names: Mapping[str, Any] | None = None,
        other_names: Mapping[str, Any] | None = None,
        functions: Mapping[str, Any] | None = None,
        forms: str = "a name, an object, a function",
        base: type | None = None,
        ignore_case: bool = False,
        hints: Sequence[str] = (),
    ) -> None:
        self.kind, self.module, self.forms, self.base, self.ignore_case = kind, module, forms, base, ignore_case
        self.classes = tuple(classes)
        self.class_names = [cls.__name__ for cls in self.classes]
        shorten = str.lower if ignore_case else to_snake_case
        self.short_names = {**{shorten(cls.__name__): cls for cls in self.classes}, **(short_names or {})}
        self.names = {**{cls.__name__: cls for cls in self.classes}, **self.short_names, **(other_names or {})}
        self.functions = functions or {}
        self.hints = hints

    def get(self, identifier: Any) -> Any:
        """From a name, an object or function (as it is), a class, a description, or None, which stays None.

        Raises:
            ValueError: an unknown name, or something else.
            TypeError: the name or class of something that cannot be made without arguments.
        """
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        found = self.find(identifier)
        return found() if isinstance(found, type) else found

    def find(self, identifier: Any) -> Any:
        """`get`, but a class stays a class and a description one: nothing is made, and no automatic name is used up."""
        if identifier is None or isinstance(identifier, Mapping):
            return identifier
        found = self.known(identifier) if isinstance(identifier, str) else identifier
        is_class = isinstance(found, type)
        fits = callable(found) if self.base is None else (issubclass if is_class else isinstance)(found, self.base)
        if not fits:
            raise ValueError(
                f"{_with_article(self.kind).capitalize()} is {self.forms} or None; got {identifier!r} of type "
                f"{type(identifier).__name__}."
            )
        if is_class:
            self._check_no_argument_is_needed(found)
        return found

    def known(self, name: str, custom_objects: Mapping[str, Any] | None = None, proposed: Iterable[str] = ()) -> Any:
        """What has this name, the caller's own things first.

        Raises:
            ValueError: an unknown name; the error proposes others, the short ones by default.
        """
        own = users_own(custom_objects)
        found = own.get(name, self.names.get(name.lower() if self.ignore_case else name))
        if found is None:
            known = {*(proposed or (*self.short_names, *self.hints)), *own}
            raise unknown_name(self.kind, name, known - {name})
        return found

    def serialize(self, thing: Any) -> Any:
        """The description that Keras writes into a model's file; of a function, its name.

        Raises:
            ValueError: something that has no `get_config` and cannot be called.
        """
        if thing is None or isinstance(thing, str):
            return thing
        return describe(thing, self.module if type(thing) in self.classes else None)

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """What `serialize` described. Only names known here or in `custom_objects` are looked up.

        Raises:
            ValueError: an unknown name, or something that is no description.
        """
        if config is None:
            return None
        own = users_own(custom_objects)
        if isinstance(config, str):
            found = self.known(config, own)
            return found() if isinstance(found, type) else found
        if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str):
            raise ValueError(
                f'The description of {_with_article(self.kind)} is a dict with "class_name" and "config"; got {config!r}.'
            )
        name, arguments = config["class_name"], config.get("config") or {}
        if name == "function":  # its config is its name
            return self.known(str(arguments), {**self.functions, **own})
        if not isinstance(arguments, Mapping):
            raise ValueError(
                f'The "config" of {_with_article(self.kind)} is a dict of arguments; got {arguments!r} for {name}.'
            )
        found = own.get(str(config.get("registered_name")))
        if found is None:
            found = self.known(name, own, proposed=self.class_names)
        arguments = {key: self._argument(value, own) for key, value in arguments.items()}
        if not hasattr(found, "from_config"):
            return found
        if "custom_objects" in inspect.signature(found.from_config).parameters:
            return found.from_config(arguments, custom_objects=dict(own))
        return found.from_config(arguments)

    def _argument(self, value: Any, custom_objects: Mapping[str, Any]) -> Any:
        """An argument out of a description: a described function, or an array as Keras writes it, or as it is."""
        kind = value.get("class_name") if isinstance(value, Mapping) else None
        if kind == "function":
            return self.deserialize(value, custom_objects)
        return array_described(value) if kind in ARRAYS else value

    def _check_no_argument_is_needed(self, cls: type) -> None:
        needed = [
            p.name
            for p in inspect.signature(cls).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        ]
        if needed:
            call = f"{self.module.split('.', 1)[1]}.{cls.__name__}({', '.join(f'{name}=...' for name in needed)})"
            raise TypeError(f"{cls.__name__} cannot be made by name alone: it needs {', '.join(needed)}. Pass {call}.")


ARRAYS = ("__numpy__", "__tensor__")
"""What Keras calls arrays in descriptions."""


def array_described(value: Mapping[str, Any]) -> Array:
    """The array that stands in a description as {"class_name": "__numpy__", "config": {"value": [...], "dtype": "float32"}}.

    Raises:
        ValueError: it holds no numbers.
    """
    config = value.get("config")
    if isinstance(config, Mapping) and "value" in config:
        dtype = np.dtype(str(config.get("dtype")))
        if dtype.kind in "biuf":
            return np.array(config["value"], dtype)
    raise ValueError(f"An array in a description has a value and a dtype of numbers; got {value!r}.")


def describe(thing: Any, module: str | None = None) -> dict[str, Any]:
    """The dict that stands for an object or function in a model's file.

    Args:
        thing: an object with a `get_config`, or a function, of which the name is kept.
        module: Keras's, for what it knows, too; None for what is the user's own.

    Raises:
        ValueError: it has no `get_config` and cannot be called.
    """
    if isinstance(thing, type) or not hasattr(thing, "get_config"):
        if not callable(thing):
            raise ValueError(f"Only functions and objects with a get_config can be described; got {thing!r}.")
        name = get_registered_name(thing)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    cls = type(thing)
    own = module is None
    return {
        "module": module if not own else None if cls.__module__ == "__main__" else cls.__module__,
        "class_name": cls.__name__,
        "config": thing.get_config(),
        "registered_name": get_registered_name(cls) if own else None,
    }


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
