"""Looking without touching: after a pass or a step that was taken to be explained, everything is as it was."""

from __future__ import annotations

import contextlib
import random as python_random
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynn.random import global_seed


@contextlib.contextmanager
def untouched(model: Any) -> Iterator[None]:
    """Put back a model's variables, its optimizer and metrics, its layers' losses, and all random streams at the end.

    So dropout masks are those that the next batch of training gets. What own layers keep in attributes of their own, that are
    no variables, cannot be known and is not put back.
    """
    objects = [thing for thing in (model.optimizer, *_metrics(model)) if thing is not None]
    attributes = [(thing, _shallow(vars(thing))) for thing in objects]
    variables = {id(variable): variable for thing in (model, *objects) for variable in thing.variables}
    values = [(variable, np.array(variable.value)) for variable in variables.values()]
    losses = [(layer, list(vars(layer)["_losses"])) for layer in (model, *model._layers_within())]
    mine = {name: vars(model)[name] for name in ("optimizer", "_compiled_engine", "stop_training")}
    generator, states = global_seed._generator, (python_random.getstate(), np.random.get_state())
    state = None if generator is None else np.array(generator.state.value)
    vars(model)["_compiled_engine"] = None  # an engine of its own, so that the model's keeps what it was prepared with
    try:
        yield
    finally:
        for thing, before in attributes:
            vars(thing).clear()
            vars(thing).update(before)
        for variable, value in values:
            variable.value[...] = value
        for layer, found in losses:
            vars(layer)["_losses"] = found
        vars(model).update(mine)
        python_random.setstate(states[0])
        np.random.set_state(states[1])
        global_seed._generator = generator
        if generator is not None:
            generator.state.value[...] = state


def _metrics(model: Any) -> list[Any]:
    """The model's metrics, those of compile in their list and one by one."""
    found = model.metrics
    return [*found, *(part for metric in found for part in getattr(metric, "metrics", ()))]


def _shallow(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes with lists, sets and dictionaries of their own: what is appended later is not in them."""
    return {
        name: type(value)(value) if type(value) in (list, set, dict) else value for name, value in attributes.items()
    }
