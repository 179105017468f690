"""Where each variable of a model stands in Keras's files, whatever the format.

Keras walks a model's attributes and names what it finds by attribute and class, not by the layers' own names, which differ
from one run to the next:

    layers/dense/vars/0          the first variable of the first Dense layer of a Sequential model
    layers/dense_1/vars/0        of the second
    layers/own/branches/dense/vars/0     of a Dense layer in the list `branches` of an own layer of class Own
    optimizer/vars/0             the optimizer's count of steps

An object that is met twice stands where it was met first. tinynn adds the counters of random streams
(layers/dropout/seed_generator/vars/0), which Keras neither writes nor looks for: with them, training with dropout goes on
with the masks that it would have had.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

from tinynn._naming import to_snake_case
from tinynn._typing import Array
from tinynn.layers.layer import Layer
from tinynn.optimizers.optimizer import Optimizer
from tinynn.random.seed_generator import SeedGenerator
from tinynn.variable import Variable


class Part(NamedTuple):
    """A layer, optimizer or random stream, and the group of its variables in a file."""

    path: str
    owner: Any

    @property
    def group(self) -> str:
        """Of its variables, "vars" beneath its path."""
        return f"{self.path}/vars" if self.path else "vars"

    @property
    def variables(self) -> list[Variable]:
        """Its own, in the order of the file."""
        if isinstance(self.owner, Layer):
            return self.owner._own_variables
        return [self.owner.state] if isinstance(self.owner, SeedGenerator) else list(self.owner.variables)

    def arrays(self) -> dict[str, Array]:
        """Its variables' numbers by their names in the file, "0", "1", ... unless a class of the user's says otherwise."""
        if isinstance(self.owner, SeedGenerator):
            return {"0": self.owner.state.value}
        store: dict[str, Any] = {}
        self.owner.save_own_variables(store)
        return {name: value.value if isinstance(value, Variable) else value for name, value in store.items()}


def parts_of(model: Any) -> list[Part]:
    """All parts of a model with variables of their own, in the order in which Keras meets them."""
    return list(_walk(model, "", set()))


def named_weights(model: Any) -> dict[str, Variable]:
    """A model's weights by names that are the same in every run: {"dense/kernel": ..., "dense_1/kernel": ...}.

    Class and place name a layer, as in Keras's files, since its own name may be "dense_7" when a model is built anew.
    """
    found: dict[str, Variable] = {}
    for part in parts_of(model):
        if isinstance(part.owner, Layer):
            layer = "/".join(name for name in part.path.split("/") if name not in ("", "layers"))
            for variable in part.variables:
                name = f"{layer}/{variable.name}" if layer else variable.name
                counts: dict[str, int] = {}
                while (numbered := _numbered(name, counts)) in found:
                    pass
                found[numbered] = variable
    return found


def _walk(owner: Any, path: str, seen: set[int]) -> Iterator[Part]:
    if id(owner) in seen:
        return
    seen.add(id(owner))
    yield Part(path, owner)
    if isinstance(owner, Layer):
        for name, value in _attributes(owner):
            inner = f"{path}/{name}" if path else name
            if isinstance(value, (Layer, Optimizer, SeedGenerator)):
                yield from _walk(value, inner, seen)
            elif isinstance(value, (list, tuple, dict)):
                yield from _walk_container(value, inner, seen, set())


def _walk_container(container: Any, path: str, seen: set[int], around: set[int]) -> Iterator[Part]:
    if id(container) in around:
        return
    around.add(id(container))
    counts: dict[str, int] = {}
    for value in container.values() if isinstance(container, dict) else container:
        if isinstance(value, (Layer, Optimizer, SeedGenerator)):
            name = _numbered(to_snake_case(type(value).__name__), counts)
            yield from _walk(value, f"{path}/{name}", seen)
        elif isinstance(value, (list, tuple, dict)):
            yield from _walk_container(value, f"{path}/{_numbered('container', counts)}", seen, around)


def _numbered(name: str, counts: dict[str, int]) -> str:
    """dense, dense_1, dense_2, ..."""
    count = counts[name] = counts.get(name, -1) + 1
    return f"{name}_{count}" if count else name


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    """A Sequential model's layers, then what its class and the user set, by name, those with an underscore last."""
    from tinynn.models import Model, Sequential

    if isinstance(layer, Sequential):
        yield "layers", layer.layers
    found = {name: value for name, value in vars(layer).items() if name not in _not_state()}
    if isinstance(layer, Model):
        found |= {"layers": layer.layers, "optimizer": layer.optimizer}
    for name in sorted(found, key=lambda name: f"~{name}" if name.startswith("_") else name):
        yield name, found[name]


@functools.cache
def _not_state() -> frozenset[str]:
    """What every layer and model has: no part of a user's class."""
    from tinynn.models import Sequential

    return frozenset({*vars(Sequential(name="any")), "_compiled_engine", "_initial_weights"})
