"""What the loss is a sum of: each sample's share, and the penalties. Read from the tape, behind the model's outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.variable import Variable

if TYPE_CHECKING:
    from tinynn.explain.tracing import Trace


class LossTerms(NamedTuple):
    """The loss, taken apart.

    shares: (batch,), what each sample adds to the loss; None if it cannot be told.
    values: (batch,), the samples' losses before weights and means; None likewise.
    factors: (batch,), dL/d(values): weight / n for a mean over n; None likewise.
    penalties: what else is added, by name.
    total: the tape's value whose entries the samples' losses are, None likewise.
    """

    shares: Array | None
    values: Array | None
    factors: Array | None
    penalties: dict[str, float]
    total: Any


def loss_terms(trace: Trace) -> LossTerms:
    """Take a trace's loss apart."""
    parts = parts_of_loss(trace)
    has_data = trace.loss_name != "penalties alone"
    penalties: dict[str, float] = {}
    for part in parts[1:] if has_data else parts:
        name = _name(trace, part)
        penalties[name] = penalties.get(name, 0.0) + float(np.sum(value_of(part)))
    if not has_data:
        return LossTerms(np.zeros(trace.batch_size), None, None, penalties, None)
    found = _summed(trace, parts[0])
    if found is None:
        return LossTerms(None, None, None, penalties, None)
    weighted, factor = found
    shares = (value_of(weighted) * factor).reshape(trace.batch_size, -1).sum(axis=1)
    values = _before_weights(trace, weighted)
    gradient = trace.gradient_of(values)
    if gradient is None or value_of(values).shape != (trace.batch_size,):
        return LossTerms(shares, None, None, penalties, None)
    return LossTerms(shares, np.array(value_of(values)), gradient, penalties, values)


def parts_of_loss(trace: Trace) -> list[Any]:
    """The loss of compile, then the penalties, as `compute_loss` adds them up."""
    record = trace.producers.get(id(trace._loss))
    if record is not None and record.name == "sum":
        inner = trace.producers.get(id(record.inputs[0]))
        if inner is not None and inner.name == "stack":
            return list(inner.inputs)
    return [trace._loss]


def _name(trace: Trace, part: Any) -> str:
    """The first named value that a penalty comes from, searched backwards."""
    waiting, seen = [part], set()
    while waiting:
        tensor = waiting.pop(0)
        record = trace.producers.get(id(tensor))
        for source in record.inputs if record is not None else ():
            if id(source) in seen:
                continue
            seen.add(id(source))
            for name in trace.names:
                if trace[name].tensor is source and (isinstance(source, Variable) or trace[name].role == "a"):
                    return name
            waiting.append(source)
    return "added losses"


def _summed(trace: Trace, part: Any) -> tuple[Any, Any] | None:
    """(values, factor) such that the data's loss is the sum of values times factor, and values go along the batch."""
    tensor = part
    for _ in range(len(trace.records)):
        shape = value_of(tensor).shape
        if shape:  # a loss that is not reduced: its entries are summed by the tape
            return (tensor, trace.gradient_of(tensor)) if shape[0] == trace.batch_size else None
        record = trace.producers.get(id(tensor))
        if record is None:
            return None
        source = record.inputs[0]
        shape = value_of(source).shape
        if record.name in ("sum", "mean") and shape and shape[0] == trace.batch_size:
            factor = trace.gradient_of(record.output)
            assert factor is not None  # the loss is made of it
            return source, factor / (value_of(source).size if record.name == "mean" else 1)
        if record.name not in ("multiply", "divide", "divide_no_nan", "cast", "reshape", "sum") or shape:
            return None
        tensor = source
    return None


def _before_weights(trace: Trace, weighted: Any) -> Any:
    """The samples' losses before sample weights and reshapings for their sake."""
    tensor = weighted
    while True:
        record = trace.producers.get(id(tensor))
        if record is None or record.name not in ("multiply", "expand_dims", "squeeze", "reshape"):
            return tensor
        others = record.inputs[1:]
        if any(id(other) in trace.producers for other in others):
            return tensor
        if value_of(record.inputs[0]).size != value_of(tensor).size:
            return tensor
        tensor = record.inputs[0]
