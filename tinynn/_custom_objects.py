"""What users wrote themselves, under the names by which descriptions call it: `saving.register_keras_serializable` and kin."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}


class _Scopes(threading.local):
    """The open scopes of this thread."""

    def __init__(self) -> None:
        self.open: list[dict[str, Any]] = []
        self.without_registered = 0


_scopes = _Scopes()


class CustomObjectScope:
    """Own classes and functions that are known by name while the scope is open, in this thread.

        with tinynn.saving.custom_object_scope({"Linear": Linear}):
            layer = tinynn.layers.deserialize(description)

    Args:
        custom_objects: {name: class or function}.
    """

    def __init__(self, custom_objects: dict[str, Any] | None) -> None:
        self.custom_objects = custom_objects or {}

    def __enter__(self) -> CustomObjectScope:
        _scopes.open.append(self.custom_objects)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _scopes.open.pop()


class OnlyHandedOver:
    """Within its `with`, in this thread, what was registered is not known by that alone: for descriptions from files.

    Whoever sends a file chooses which names stand in it. Registering a class says that it can be described, not that any file
    may make one.
    """

    def __enter__(self) -> OnlyHandedOver:
        _scopes.without_registered += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _scopes.without_registered -= 1


def get_custom_objects() -> dict[str, Any]:
    """All that was registered, by name; the dict itself, which may be changed. Scopes are not in it."""
    return _registered


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """A decorator for own classes and functions: descriptions call them "package>name", and find them by it.

        @tinynn.saving.register_keras_serializable(package="mine")
        class Linear(tinynn.layers.Layer):
            ...

    Args:
        package: what stands before the ">".
        name: what stands after it; the class's or function's own by default.

    Raises:
        ValueError: a class without `get_config`.
    """

    def register(thing: Any) -> Any:
        full = f"{package}>{name if name is not None else thing.__name__}"
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ValueError(
                f"Cannot register a class that does not have a get_config() method. Write one in {thing.__name__}: it returns "
                "the arguments from which an object is made again, as a dict."
            )
        _registered[full] = thing
        _names[thing] = full
        return thing

    return register


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, else its own."""
    try:
        return _names[obj]
    except (KeyError, TypeError):  # TypeError: cannot be a key
        return str(getattr(obj, "__name__", type(obj).__name__))


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: dict[str, Any] | None = None
) -> Any:
    """The class or function of this name: from open scopes, what was registered, or one of the two dicts; else None.

    Args:
        name: "package>name", or a name in a scope or dict.
        custom_objects, module_objects: {name: class or function}; what is registered comes between the two.
    """
    return known(custom_objects).get(name, (module_objects or {}).get(name))


def known(custom_objects: Any = None) -> dict[str, Any]:
    """All own things that a description may name here and now; inner scopes and `custom_objects` come first."""
    found = {} if _scopes.without_registered else dict(_registered)
    for scope in _scopes.open:
        found.update(scope)
    found.update(custom_objects or {})
    return found
