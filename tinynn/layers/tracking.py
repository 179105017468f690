"""What a layer finds in its attributes: variables, layers and random streams, also in lists, tuples and dictionaries.

A list or dictionary that becomes an attribute of a layer is replaced by one that tells the layer of everything put into it
later. As in Keras, what was found once stays found, in the order in which it came, and a built layer takes nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex

from tinynn.random.seed_generator import SeedGenerator
from tinynn.variable import Variable

LOCKED = (
    "You cannot add new elements of state (variables or sub-layers) to a layer that is already built. All state must be "
    "created in the `__init__()` method or in the `build()` method."
)


class Store:
    """What a layer has been found to own."""

    def __init__(self) -> None:
        self.trainable: list[Variable] = []  # those that wanted training when they came
        self.fixed: list[Variable] = []
        self.layers: list[Any] = []
        self.generators: list[SeedGenerator] = []
        self.locked = False

    def take(self, place: list[Any], thing: Any) -> None:
        """Put a thing into one of the lists, once.

        Raises:
            ValueError: it is new, and the layer is built.
        """
        if any(thing is other for other in place):
            return
        if self.locked:
            raise ValueError(LOCKED)
        place.append(thing)


class Tracked:
    """An owner that is told: `owner._find(value)` returns what to keep in the value's place."""

    _owner: Any = None

    def _told(self, value: Any) -> Any:
        return value if self._owner is None else self._owner._find(value)


class TrackedList(Tracked, list[Any]):
    """A list whose layer knows what is in it."""

    def __init__(self, values: Iterable[Any] = (), owner: Any = None) -> None:
        self._owner = owner
        super().__init__([self._told(value) for value in values])

    def append(self, value: Any) -> None:
        """As a list's."""
        super().append(self._told(value))

    def extend(self, values: Iterable[Any]) -> None:
        """As a list's."""
        super().extend([self._told(value) for value in values])

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """As a list's."""
        super().insert(index, self._told(value))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, [self._told(v) for v in value] if isinstance(index, slice) else self._told(value))

    def __iadd__(self, values: Iterable[Any]) -> TrackedList:  # type: ignore[misc]
        self.extend(values)
        return self

    def __reduce__(self) -> Any:
        return list, (list(self),)  # copies and pickles are plain: the layer that they end up in tracks them anew


class TrackedDict(Tracked, dict[Any, Any]):
    """A dictionary whose layer knows what is in it."""

    def __init__(self, values: Mapping[Any, Any] | None = None, owner: Any = None) -> None:
        self._owner = owner
        super().__init__({key: self._told(value) for key, value in (values or {}).items()})

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, self._told(value))

    def update(self, *values: Any, **named: Any) -> None:
        """As a dictionary's."""
        for key, value in dict(*values, **named).items():
            self[key] = value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As a dictionary's."""
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> Any:
        return dict, (dict(self),)
