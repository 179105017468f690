"""`per_sample_gradients`: how much of each weight's gradient comes from each sample, from one backward pass.

Where z = x W + bias, the gradient is a sum over the rows of the batch,

    dL/dW[i,k] = sum_b x[b,i] δ[b,k],    so sample b's part is the outer product x[b,:] δ[b,:].

Any other operation that uses a weight has a backward pass that is linear in what it is handed: with δ set to zero in all rows
but b it gives sample b's part. So one backward pass through the network is enough for all samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinynn._checks import unknown_name
from tinynn._typing import Array, Tensor
from tinynn.engine.tape import Record
from tinynn.explain.routes import Routes
from tinynn.explain.tracing import Trace, trace


class PerSampleGradients(Mapping[str, Array]):
    """{"dense/kernel": (batch, fan_in, units), ...}: what each sample adds to each trained weight's gradient.

    The sum over samples, and the penalty, is the gradient of training. `norms()` gives (batch,) for all weights together.

    Args:
        gradients: by the weight's name.
        penalties: {"dense/kernel": (fan_in, units)}: what regularizers add, for the weights that have any.
    """

    def __init__(self, gradients: dict[str, Array], penalties: dict[str, Array]) -> None:
        self._gradients = gradients
        self.penalties = penalties

    def __getitem__(self, name: str) -> Array:
        if name not in self._gradients:
            raise unknown_name("weight", str(name), self._gradients)
        return self._gradients[name]

    def __contains__(self, name: object) -> bool:
        return name in self._gradients

    def __iter__(self) -> Iterator[str]:
        return iter(self._gradients)

    def __len__(self) -> int:
        return len(self._gradients)

    def norms(self) -> Array:
        """(batch,): the length of each sample's part over all weights: which samples pull hardest."""
        squares = [np.square(part, dtype=np.float64).reshape(len(part), -1).sum(axis=1) for part in self.values()]
        return np.asarray(np.sqrt(np.sum(squares, axis=0)))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}: {part.shape}" for name, part in self.items())
        return f"<PerSampleGradients {inside}>"


def per_sample_gradients(
    model: Any, x: Any, y: Any = None, sample_weight: Any = None, training: bool = True
) -> PerSampleGradients:
    """What each sample of a batch adds to the gradient of each trained weight.

    Args:
        model: built and compiled.
        x: (batch, ...).
        y: its targets.
        sample_weight: (batch,).
        training: whether Dropout and BatchNormalization do what they do in training.

    Returns:
        A mapping from names to arrays (batch, *shape of the weight) in the weight's dtype. They sum to the gradient that
        training uses (without penalties, which are in `.penalties`); for a loss that is a mean over n samples, n times
        a sample's part is the gradient of its own loss.

    Raises:
        ValueError: as `trace`; or a weight that is used by an operation whose output has no axis of samples.

    Exact, from one backward pass: for Dense by outer products. In a layer that mixes samples (BatchNormalization in training)
    a sample's part is what passes through its own row of each layer's output.

        parts = tinynn.explain.per_sample_gradients(model, x, y)
        parts["dense/kernel"].sum(axis=0)       # the gradient
    """
    return of_trace(trace(model, x, y, sample_weight, training))


def of_trace(found: Trace) -> PerSampleGradients:
    """The same from a trace that is there already."""
    routes = Routes(found)
    gradients, penalties = {}, {}
    for name in found.gradients:
        tensor = found[name].tensor
        gradients[name] = parts_of(found, routes, tensor, name)
        penalty = routes.by_penalty(tensor)
        if penalty is not None:
            penalties[name] = np.array(penalty)
    return PerSampleGradients(gradients, penalties)


def parts_of(found: Trace, routes: Routes, tensor: Tensor, name: str) -> Array:
    """(batch, *shape of a weight): each sample's part of dL/d(weight). name: of the weight, for errors.

    Where the weight is first brought into another form (a reshape, a transpose), the parts are those of that form, put
    through its backward pass one by one.
    """
    value = found.value_of(tensor)
    total = np.zeros((found.batch_size, *value.shape), value.dtype)
    for record, place in found.consumers.get(id(tensor), ()):
        if not routes.is_of_model(record):
            continue
        if routes.is_of_samples(record.output):
            total += _parts(found, record, place, name)
        else:
            inner = parts_of(found, routes, record.output, name)
            total += np.stack([_back(record, place, part) for part in inner])
    return total


def _back(record: Record, place: int, d_out: Array) -> Array:
    found = record.backward(d_out)
    return np.asarray(found[place] if isinstance(found, tuple) else found)


def _parts(found: Trace, record: Record, place: int, name: str) -> Array:
    """(batch, ...): each sample's part of what one use of a weight adds to its gradient."""
    batch, d_out = found.batch_size, found.gradient_of(record.output)
    assert d_out is not None  # `is_of_model` has looked
    if not d_out.ndim or d_out.shape[0] % batch:
        raise ValueError(
            f'"{name}" is used by the operation "{record.name}", whose output of shape {d_out.shape} has no axis of the '
            f"{batch} samples: its gradient is not a sum over them."
        )
    rows = d_out.reshape(batch, -1, *d_out.shape[1:])
    if record.name == "dense" and len(record.inputs) == 3:
        if place == 2:
            return np.asarray(rows.sum(axis=1))
        x = found.value_of(record.inputs[0])
        return np.asarray(np.matmul(x.reshape(batch, -1, x.shape[-1]).transpose(0, 2, 1), rows))
    parts = []
    for b in range(batch):
        alone = np.zeros_like(rows)
        alone[b] = rows[b]
        parts.append(_back(record, place, alone.reshape(d_out.shape)))
    return np.stack(parts)
