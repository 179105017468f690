"""The ways from a number to the loss: which of the tape's records lead on, and by how much each moves what comes after."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.tape import Record
from tinynn.explain.local import Local, local_of
from tinynn.explain.loss_terms import parts_of_loss

if TYPE_CHECKING:
    from tinynn.explain.tracing import Trace


class Link(NamedTuple):
    """A record that a value goes into, as its input number `place`, on the way to the model's outputs."""

    record: Record
    place: int
    local: Local


class Routes:
    """The graph behind a trace, for walking from a value towards the loss."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.order = {id(record.output): i for i, record in enumerate(trace.records)}
        self._of_samples: set[int] | None = None
        self._locals: dict[tuple[int, int], Local] = {}
        self._data = self._leading_to(parts_of_loss(trace)[0])

    def _leading_to(self, loss: Tensor) -> set[int]:
        """The records (by their outputs) that the data's loss is made by."""
        found: set[int] = set()
        waiting = [loss]
        while waiting:
            record = self.trace.producers.get(id(waiting.pop()))
            if record is not None and id(record.output) not in found:
                found.add(id(record.output))
                waiting.extend(record.inputs)
        return found

    def links(self, tensor: Tensor) -> list[Link]:
        """The records of the model itself that a value goes into."""
        return [
            Link(record, place, self._local(record, place))
            for record, place in self.trace.consumers.get(id(tensor), ())
            if self.is_of_model(record)
        ]

    def is_of_model(self, record: Record) -> bool:
        """Whether a record belongs to the model, and the data's loss is computed from it."""
        position = self.order[id(record.output)]
        leads_on = id(record.output) in self._data and self.trace.gradient_of(record.output) is not None
        return leads_on and position < self.trace.end_of_model

    def _local(self, record: Record, place: int) -> Local:
        key = (id(record.output), place)
        if key not in self._locals:
            self._locals[key] = local_of(record, place, self.trace.value_of)
        return self._locals[key]

    def is_of_samples(self, tensor: Tensor) -> bool:
        """Whether a value was computed from the batch, and not from weights alone."""
        if self._of_samples is None:
            self._of_samples = {id(self.trace["x"].tensor)}
            for record in self.trace.records:
                if any(id(source) in self._of_samples for source in record.inputs):
                    self._of_samples.add(id(record.output))
        return id(tensor) in self._of_samples

    def by_loss(self, tensor: Tensor) -> Array | None:
        """The part of dL/d(value) that comes from the loss at once; None where there is none."""
        return self._behind(tensor, data=True)

    def by_penalty(self, tensor: Tensor) -> Array | None:
        """The part of dL/d(value) that comes from regularizers and `add_loss`; None where there is none."""
        return self._behind(tensor, data=False)

    def _behind(self, tensor: Tensor, data: bool) -> Array | None:
        total: Array | None = None
        for record, place in self.trace.consumers.get(id(tensor), ()):
            d_out = self.trace.gradient_of(record.output)
            if d_out is None or (id(record.output) in self._data) is not data:
                continue
            if data and self.order[id(record.output)] < self.trace.end_of_model:
                continue
            found = record.backward(d_out)
            mine = found[place] if isinstance(found, tuple) else found
            if mine is not None:
                total = np.asarray(mine) if total is None else total + mine
        return total

    def downstream(self, tensor: Tensor) -> list[Tensor]:
        """The value and all that the model makes of it, in the order in which it was made."""
        found = {id(tensor): tensor}
        waiting = [tensor]
        while waiting:
            for link in self.links(waiting.pop()):
                if id(link.record.output) not in found:
                    found[id(link.record.output)] = link.record.output
                    waiting.append(link.record.output)
        return sorted(found.values(), key=lambda value: self.order.get(id(value), -1))
