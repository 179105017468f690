"""`Trace.paths`: the routes through the network by which a number moves the loss, those that carry most first.

A path goes from a value to one that is computed from it, and on, until the loss. Its product, of the local derivatives along
the way and of the loss's own at the end, is what it adds to the gradient: the chain rule says that all paths together are
the gradient. There are batch · units · units · ... of them, far too many to list, so they are searched best first:
for every value the largest product that can still follow is known (one backward pass with max in the place of sum), so that
the next path to leave the queue is always the next largest, and only what leads to it is looked at.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn._checks import positive_integer
from tinynn._typing import Array, Tensor
from tinynn.explain.formulas import Symbol, digits
from tinynn.explain.page import Page, Shown
from tinynn.explain.routes import Routes
from tinynn.explain.text import formula as as_text
from tinynn.explain.why import entry_of

if TYPE_CHECKING:
    from tinynn.explain.tracing import Trace


@dataclass(frozen=True)
class Stop:
    """A place on a path: an entry of a value, and how much it moves the next one (at the last: the loss).

    Args:
        symbol: how formulas call the value.
        index: the entry's place in it.
        factor: d(next)/d(this).
    """

    symbol: Symbol
    index: tuple[int, ...]
    factor: float

    def __str__(self) -> str:
        return as_text(Symbol(self.symbol.letter, self.symbol.layer, self.index))


class Path(NamedTuple):
    """A route to the loss.

    Args:
        product: of the factors of its stops: what it adds to the gradient.
        stops: the places that it goes through, the last one before the loss.
    """

    product: float
    stops: tuple[Stop, ...]

    def __str__(self) -> str:
        return " → ".join([*map(str, self.stops), "L"])


class Paths(Shown):
    """The heaviest routes from one number to the loss: what `Trace.paths` gives.

    Args:
        trace: the pass in which the number stands.
        name, index: the number.
        count: how many paths are wanted.

    Attributes:
        gradient: what all paths together carry, penalties left out.
        paths: the `Path`s, largest product first; iterate, index and count them.
    """

    def __init__(self, trace: Trace, name: str, index: tuple[int, ...], count: int) -> None:
        self.trace = trace
        quantity, self.index = entry_of(trace, name, index)
        self.name = name
        self._routes = Routes(trace)
        self._ends: dict[int, Array | None] = {}
        self._best = self._largest_to_follow(quantity.tensor)
        penalty = self._routes.by_penalty(quantity.tensor)
        assert quantity.gradient is not None  # `entry_of` has looked
        self.gradient = float(quantity.gradient[self.index]) - (0.0 if penalty is None else float(penalty[self.index]))
        self.paths = self._search(quantity.tensor, count)

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Any:
        return iter(self.paths)

    def __getitem__(self, place: int) -> Path:
        return self.paths[place]

    def _largest_to_follow(self, start: Tensor) -> dict[int, Array]:
        """For each entry of each value downstream, the largest |product| from there to the loss."""
        best: dict[int, Array] = {}
        for tensor in reversed(self._routes.downstream(start)):
            end = self._ends[id(tensor)] = self._routes.by_loss(tensor)
            score = np.zeros(self.trace.value_of(tensor).shape)
            if end is not None:
                score = np.maximum(score, np.abs(end.astype(np.float64)))
            for link in self._routes.links(tensor):
                score = np.maximum(score, link.local.best(best[id(link.record.output)]))
            best[id(tensor)] = score
        return best

    def _search(self, start: Tensor, count: int) -> list[Path]:
        shape = self.trace.value_of(start).shape
        entry = int(np.ravel_multi_index(self.index, shape)) if shape else 0
        number = itertools.count()
        bound = float(self._best[id(start)].reshape(-1)[entry])
        queue: list[Any] = [(-bound, next(number), 1.0, start, entry, ())]
        found: list[Path] = []
        while queue and len(found) < count and queue[0][0] < 0:
            _, _, product, tensor, entry, stops = heapq.heappop(queue)
            if tensor is None:
                found.append(Path(product, stops))
                continue
            index = tuple(int(i) for i in np.unravel_index(entry, self.trace.value_of(tensor).shape))
            here = Stop(self._symbol(tensor), index, 1.0)
            end = self._ends[id(tensor)]
            if end is not None:
                factor = float(end.reshape(-1)[entry])
                heapq.heappush(
                    queue,
                    (
                        -abs(product * factor),
                        next(number),
                        product * factor,
                        None,
                        0,
                        (*stops, replace(here, factor=factor)),
                    ),
                )
            for link in self._routes.links(tensor):
                moves = link.local.moves(entry)
                output = link.record.output
                follow = self._best[id(output)].reshape(-1)[moves.places]
                for place, factor, most in zip(moves.places.tolist(), moves.factors.tolist(), follow.tolist()):
                    if most > 0:
                        item = (product * factor, output, place, (*stops, replace(here, factor=factor)))
                        heapq.heappush(queue, (-abs(product * factor) * most, next(number), *item))
        return found

    def _symbol(self, tensor: Tensor) -> Symbol:
        return self.trace.symbol_of(tensor) or Symbol("t", self._routes.order.get(id(tensor)))

    def to_dict(self) -> dict[str, Any]:
        """{"name", "index", "gradient", "paths": [{"product", "stops": [{"name", "index", "factor"}]}]}."""
        return {
            "name": self.name,
            "index": list(self.index),
            "gradient": self.gradient,
            "paths": [
                {
                    "product": path.product,
                    "stops": [
                        {"name": as_text(stop.symbol), "index": list(stop.index), "factor": stop.factor}
                        for stop in path.stops
                    ],
                }
                for path in self.paths
            ],
        }

    def page(self) -> Page:
        """The paths as a table."""
        page = Page()
        index = ",".join(map(str, self.index))
        page.heading(f"Paths from {self.name}[{index}] to the loss", level=1)
        layers = "; ".join(f"{call.number} is {call.label}" for call in self.trace.calls)
        page.say(
            f"All paths together carry dL/d {self.name}[{index}] = {digits(self.gradient, 6)}. The {len(self)} that carry "
            f"most, each with the product of the derivatives along it. Layers: {layers}."
        )
        rows, sofar = [], 0.0
        for path in self.paths:
            sofar += path.product
            rows.append((path.product, sofar, str(path)))
        page.table(["carries", "so far", "path"], rows, labels=0)
        for path in self.paths[:1]:
            stops = [*map(str, path.stops), "L"]
            steps = [(f"{a} → {b}", stop.factor) for a, b, stop in zip(stops, stops[1:], path.stops)]
            page.table(["step", "factor"], [*steps, ("product", path.product)], caption=("The first of them",))
        return page


def paths(trace: Trace, name: str, index: tuple[int, ...], count: int) -> Paths:
    """See `Trace.paths`."""
    return Paths(trace, name, index, positive_integer("paths", "count", count))
