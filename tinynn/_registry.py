"""Objects by name, and to and from the descriptions in saved models: what `get`, `serialize`, `deserialize` of a module do."""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType
from typing import Any

from tinynn._checks import unknown_name
from tinynn._naming import to_snake_case


class Registry:
    """The classes of one module, under their names and those names in snake_case.

    Args:
        kind: what one is called in errors: "regularizer".
        module: Keras's module of them, as it stands in descriptions.
        classes: what is known.
    """

    def __init__(self, kind: str, module: str, classes: Sequence[type]) -> None:
        self.kind, self.module, self.classes = kind, module, tuple(classes)
        self.short_names = {to_snake_case(cls.__name__): cls for cls in classes}
        self.names = {**self.short_names, **{cls.__name__: cls for cls in classes}}

    def get(self, identifier: Any) -> Any:
        """From a name, an object or function (as it is), a class, a description, or None, which stays None.

        Raises:
            ValueError: an unknown name, or something else.
        """
        if identifier is None:
            return None
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, str):
            return self._class(identifier)()
        if isinstance(identifier, type):
            return identifier()
        if callable(identifier):
            return identifier
        raise ValueError(
            f"A {self.kind} is a name, an object, a function or None; got {identifier!r} of type "
            f"{type(identifier).__name__}."
        )

    def serialize(self, thing: Any) -> Any:
        """The description that Keras writes into a model's file; of a function, its name."""
        if thing is None or isinstance(thing, str):
            return thing
        if isinstance(thing, FunctionType):
            name = thing.__name__
            return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
        cls = type(thing)
        known = cls in self.classes
        module: str | None = self.module if known else None if cls.__module__ == "__main__" else cls.__module__
        registered = None if known else cls.__name__
        return {
            "module": module,
            "class_name": cls.__name__,
            "config": thing.get_config(),
            "registered_name": registered,
        }

    def deserialize(self, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """What `serialize` described. Only names known here or in `custom_objects` are looked up.

        Raises:
            ValueError: an unknown name, or something that is no description.
        """
        if config is None:
            return None
        custom_objects = custom_objects or {}
        if isinstance(config, str):
            return custom_objects[config] if config in custom_objects else self._class(config)()
        if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
            raise ValueError(
                f'The description of a {self.kind} is a dict with "class_name" and "config"; got {config!r}.'
            )
        name, arguments = config["class_name"], config.get("config") or {}
        if name == "function":  # its config is its name
            name, arguments = str(arguments), {}
        if not isinstance(arguments, dict):
            raise ValueError(f'The "config" of a {self.kind} is a dict of arguments; got {arguments!r} for {name}.')
        found: Any = custom_objects.get(str(config.get("registered_name")), custom_objects.get(name))
        if found is None:
            found = self._class(name)
        return found.from_config(arguments) if hasattr(found, "from_config") else found

    def _class(self, name: str) -> Any:
        if name not in self.names:
            raise unknown_name(self.kind, name, self.short_names)
        return self.names[name]
