"""`Trace.why`: the chain rule for one number, opened link by link until the loss is reached.

Every link has the same form. A value v is used by operations whose outputs o[k] lead on to the loss, so

    dL/dv = sum_k do[k]/dv · dL/do[k]

What the tape found for dL/do[k] is explained by the next link, and so on; at the end stands the loss itself. The local
derivatives do[k]/dv come from the tape's own backward passes (`local.py`), and each link is checked: its terms must add up
to the gradient that it explains, within rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.explain.formulas import Symbol
from tinynn.explain.page import Page, Shown
from tinynn.explain.routes import Link, Routes

if TYPE_CHECKING:
    from tinynn.explain.tracing import Quantity, Trace

ROWS = 12
"""Entries of a link that are opened further, those that carry most; in small networks that is all of them."""


class Terms(NamedTuple):
    """What a link adds up: arrays of the terms' factors, of dL/do, and where they are, and the two ends of a chain."""

    link: Link
    places: Array
    factors: Array
    upstream: Array

    @property
    def values(self) -> Array:
        """factor times dL/do, term by term, in float64."""
        return np.asarray(self.factors * self.upstream)


@dataclass(frozen=True)
class Opened:
    """One entry of a value, with all that its gradient is the sum of."""

    index: tuple[int, ...]
    gradient: float
    terms: list[Terms]
    by_loss: float | None
    by_penalty: float | None
    bound: float

    @property
    def sum(self) -> float:
        """All terms together."""
        direct = (self.by_loss or 0.0) + (self.by_penalty or 0.0)
        return float(sum(float(terms.values.sum()) for terms in self.terms) + direct)

    @property
    def error(self) -> float:
        """How far the terms are from the gradient that they explain."""
        return abs(self.sum - self.gradient)


class Step(NamedTuple):
    """One link for all entries of one value that are opened."""

    tensor: Tensor
    symbol: Symbol
    entries: list[Opened]
    left_out: int


class Explanation(Shown):
    """Why dL/d(one number) is what it is: what `Trace.why` gives.

    Args:
        trace: the pass in which it stands.
        quantity: the array in which it stands.
        index: its place there.

    Attributes:
        name, index: the number.
        value, gradient: it, and dL/d(it) from the tape.
        sample_contributions: for a weight, (batch,): what each sample adds to the gradient; else None.
        penalty: what regularizers add to it.
        total, error, bound: the terms of the first link, added up; its distance from `gradient`; what rounding allows.
        adds_up: whether that, and every link opened below, is within rounding.
        steps: the links, from the number to the loss.
    """

    def __init__(self, trace: Trace, quantity: Quantity, index: tuple[int, ...]) -> None:
        self.trace = trace
        self.quantity = quantity
        self.name, self.index = quantity.name, index
        assert quantity.gradient is not None  # `explain` has looked
        self.value = float(quantity.value[index])
        self.gradient = float(quantity.gradient[index])
        self._routes = Routes(trace)
        self.steps = self._open_all()
        first = self.steps[0].entries[0]
        self.total, self.error, self.bound = first.sum, first.error, first.bound
        self.penalty = first.by_penalty or 0.0
        self.sample_contributions = self._contributions(first)

    @property
    def adds_up(self) -> bool:
        """Whether every link's terms sum to the gradient that they explain, within rounding."""
        return all(entry.error <= entry.bound for step in self.steps for entry in step.entries)

    # Opening -----------------------------------------------------------------------------------------------------------

    def _open_all(self) -> list[Step]:
        """Link by link, in the order in which the forward pass made the values."""
        shape = self.quantity.value.shape
        wanted = {id(self.quantity.tensor): {int(np.ravel_multi_index(self.index, shape)) if shape else 0: np.inf}}
        steps = []
        for tensor in self._routes.downstream(self.quantity.tensor):
            entries = wanted.get(id(tensor), {})
            chosen = sorted(entries, key=lambda entry: -entries[entry])[:ROWS]
            opened = [self._open(tensor, entry) for entry in sorted(chosen)]
            for entry in opened:
                for terms in entry.terms:
                    output = wanted.setdefault(id(terms.link.record.output), {})
                    for place, size in zip(terms.places.tolist(), np.abs(terms.values).tolist()):
                        output[place] = output.get(place, 0.0) + size
            if opened:
                steps.append(Step(tensor, self._symbol(tensor), opened, len(entries) - len(opened)))
        return steps

    def _open(self, tensor: Tensor, flat: int) -> Opened:
        value, gradient = self.trace.value_of(tensor), self.trace.gradient_of(tensor)
        assert gradient is not None  # only what the loss depends on is opened
        found, bound, sizes = [], 0.0, 0.0
        eps = float(np.finfo(gradient.dtype).eps)
        count = 0
        for link in self._routes.links(tensor):
            moves = link.local.moves(flat)
            d_out = self.trace.gradient_of(link.record.output)
            assert d_out is not None  # `links` gives no others
            upstream = d_out.reshape(-1)[moves.places].astype(np.float64)
            found.append(Terms(link, moves.places, moves.factors, upstream))
            sizes += float(np.abs(moves.factors * upstream).sum())
            count += len(moves.places)
            bound += 16 * link.local.noise * float(np.abs(d_out).max(initial=0.0))
        at_once = [None if part is None else float(part.reshape(-1)[flat]) for part in self._at_once(tensor)]
        sizes += sum(abs(part) for part in at_once if part is not None)
        bound += (count + 8) * eps * sizes + 8 * float(np.finfo(gradient.dtype).tiny)
        index = tuple(int(i) for i in np.unravel_index(flat, value.shape)) if value.shape else ()
        return Opened(index, float(gradient.reshape(-1)[flat]), found, at_once[0], at_once[1], bound)

    def _at_once(self, tensor: Tensor) -> tuple[Array | None, Array | None]:
        return self._routes.by_loss(tensor), self._routes.by_penalty(tensor)

    def _symbol(self, tensor: Tensor) -> Symbol:
        known = self.trace.symbol_of(tensor)
        if known is not None:
            return known
        record = self.trace.producers.get(id(tensor))
        return Symbol("t", self._routes.order[id(tensor)]) if record is not None else Symbol("t")

    def _contributions(self, first: Opened) -> Array | None:
        """What each sample adds: the terms whose outputs belong to it."""
        if self.quantity.role in ("x", "z", "a") or not first.terms:
            return None
        if any(not self._routes.is_of_samples(terms.link.record.output) for terms in first.terms):
            from tinynn.explain.per_sample import parts_of

            parts = parts_of(self.trace, self._routes, self.quantity.tensor, self.name)
            return np.array([part[self.index] for part in parts], np.float64)
        batch = self.trace.batch_size
        found = np.zeros(batch)
        for terms in first.terms:
            shape = terms.link.record.output.shape
            if not shape or shape[0] % batch:
                return None
            rows = terms.places // max(1, int(np.prod(shape[1:])))
            np.add.at(found, rows // (shape[0] // batch), terms.values)
        return found

    # Looking -----------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The links as plain lists and numbers."""
        contributions = self.sample_contributions
        return {
            "name": self.name,
            "index": list(self.index),
            "value": self.value,
            "gradient": self.gradient,
            "total": self.total,
            "error": self.error,
            "bound": self.bound,
            "adds_up": self.adds_up,
            "penalty": self.penalty,
            "sample_contributions": None if contributions is None else contributions.tolist(),
            "steps": [
                {
                    "of": _written(step.symbol),
                    "entries": [
                        {
                            "index": list(entry.index),
                            "gradient": entry.gradient,
                            "by_loss": entry.by_loss,
                            "by_penalty": entry.by_penalty,
                            "terms": [
                                {
                                    "to": _written(self._symbol(terms.link.record.output)),
                                    "index": [int(i) for i in np.unravel_index(place, terms.link.record.output.shape)],
                                    "factor": float(factor),
                                    "gradient": float(upstream),
                                }
                                for terms in entry.terms
                                for place, factor, upstream in zip(terms.places.tolist(), terms.factors, terms.upstream)
                            ],
                        }
                        for entry in step.entries
                    ],
                }
                for step in self.steps
            ],
        }

    def page(self) -> Page:
        """The links, each in symbols and with its numbers."""
        from tinynn.explain.why_page import why_page

        return why_page(self)


def explain(trace: Trace, name: str, index: tuple[int, ...]) -> Explanation:
    """See `Trace.why`."""
    quantity, index = entry_of(trace, name, index)
    return Explanation(trace, quantity, index)


def entry_of(trace: Trace, name: str, index: Sequence[int]) -> tuple[Quantity, tuple[int, ...]]:
    """A quantity with a gradient, and an index counted from the front.

    Raises:
        ValueError: an unknown name, or no gradient.
        IndexError: no such entry.
    """
    quantity = trace[name]
    if quantity.role == "loss":
        raise ValueError("The loss moves by 1 when it moves by 1. Ask about a weight, an activation or an input.")
    if quantity.gradient is None:
        known = ", ".join(n for n in trace.names if trace[n].gradient is not None and trace[n].role != "loss")
        reason = f" ({quantity.note})" if quantity.note else ""
        raise ValueError(f'There is no derivative of the loss by "{name}"{reason}. There are those by: {known}.')
    shape = quantity.value.shape
    if len(index) != len(shape):
        dots = ", ".join("0" for _ in shape)
        raise IndexError(
            f'"{name}" has shape {shape}, so one of its entries has {len(shape)} indices, as in why("{name}", {dots}); got '
            f"{tuple(index)}."
        )
    if any(not hasattr(i, "__index__") for i in index):
        raise IndexError(f'"{name}" has shape {shape}; its indices are integers, got {tuple(index)}.')
    if any(not -n <= i < n for i, n in zip(index, shape)):
        raise IndexError(f'"{name}" has shape {shape}; there is no entry {tuple(index)}. Indices count from 0.')
    return quantity, tuple(int(i) % n for i, n in zip(index, shape))


def _written(symbol: Symbol) -> str:
    return symbol.letter + ("" if symbol.layer is None else str(symbol.layer))
