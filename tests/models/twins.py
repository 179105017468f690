"""The same training run in tinynn and in Keras, from one seed, and everything that can be seen of it.

How far two right programs may be apart is not a matter of taste: a program that rounds differently is as far off as one
that started from other weights by an ulp or so, at every step anew. So tinynn runs again from weights moved by an ulp,
and the distance between its runs, times the steps taken and a factor for the roundings within a step, bounds the distance
to Keras. Nothing is copied from one side to the other: both build their weights from the seed.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import tinynn
from tinynn._typing import Array

ROUNDINGS = 64.0
"""Roundings of a step, each like an ulp of the weights: sums over a batch and a fan-in of at most 16 each, functions good to
some ulp, an optimizer's dozen operations. The largest factor met in 200 random runs of this kind was 16."""


@dataclass(frozen=True)
class Run:
    """How to train: layers from a library (`lambda keras: [...]`), what to compile, what to fit on."""

    layers: Callable[[Any], list[Any]]
    x: Any
    y: Any
    loss: Any = "sparse_categorical_crossentropy"  # a name, or (class, arguments)
    optimizer: Any = "sgd"  # a name, or (class, arguments)
    compile: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    floatx: str = "float64"
    seed: int = 11
    run_eagerly: bool = True  # in Keras, the cheaper way for a handful of steps; in tinynn, the reference engine


@dataclass
class Outcome:
    """What can be seen of a run."""

    history: dict[str, list[float]]
    epochs: list[int]
    weights: list[Array]
    optimizer: dict[str, Array]
    evaluated: Any
    predicted: Array
    printed: str
    draw: float

    def numbers(self) -> dict[str, Array]:
        """Every number of the run, by where it stands."""
        found = {f"history[{name!r}]": np.array(values) for name, values in self.history.items()}
        found |= {f"weights[{i}]": weight for i, weight in enumerate(self.weights)}
        found |= self.optimizer
        return found | {"evaluate": np.array(self.evaluated), "predict": self.predicted}


def made(library: Any, run: Run) -> Any:
    """The compiled model of a run, all its randomness from the seed."""
    set_floatx(library, run.floatx)
    library.backend.clear_session()
    library.utils.set_random_seed(run.seed)
    model = library.Sequential(run.layers(library))
    loss = getattr(library.losses, run.loss[0])(**run.loss[1]) if isinstance(run.loss, tuple) else run.loss
    optimizer = run.optimizer
    if isinstance(optimizer, tuple):
        optimizer = getattr(library.optimizers, optimizer[0])(**optimizer[1])
    model.compile(optimizer=optimizer, loss=loss, run_eagerly=run.run_eagerly, **run.compile)
    return model


def outcome(library: Any, run: Run, nudge: int | None = None) -> Outcome:
    """Train in a library from the seed alone; `nudge` moves each initial weight by an ulp up or down, by that seed."""
    model = made(library, run)
    if nudge is not None:
        model.build((None, *np.shape(run.x)[1:]))
        way = np.random.default_rng(nudge)
        model.set_weights([w + np.spacing(w) * way.choice([-1, 1], w.shape) for w in model.get_weights()])
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        history = model.fit(run.x, run.y, **{"verbose": 2, "batch_size": 4, **run.fit})
        evaluated = model.evaluate(run.x, run.y, batch_size=5, verbose=2)
    return Outcome(
        history=history.history,
        epochs=history.epoch,
        weights=model.get_weights(),
        optimizer={variable.path: np.array(variable.numpy()) for variable in model.optimizer.variables},
        evaluated=evaluated,
        predicted=model.predict(run.x, batch_size=8, verbose=0),
        printed=without_durations(stdout.getvalue()),
        draw=random.random(),
    )


def set_floatx(library: Any, floatx: str) -> None:
    """Keras's layers go by the dtype policy, which follows floatx only until the first layer is made."""
    library.config.set_floatx(floatx)
    if library is not tinynn:
        library.config.set_dtype_policy(floatx)


def without_durations(printed: str) -> str:
    """A transcript with its seconds, milliseconds and microseconds taken out."""
    return re.sub(r"\d+(s|ms|us)\b", "_", printed)


@contextlib.contextmanager
def floatx_put_back(*libraries: Any) -> Iterator[None]:
    """Libraries compute in their former float type afterwards."""
    before = [library.config.floatx() for library in libraries]
    try:
        yield
    finally:
        for library, floatx in zip(libraries, before):
            set_floatx(library, floatx)


def assert_twins(keras: Any, run: Run) -> Outcome:
    """Both engines of tinynn do what Keras does: names, order, types, text, and numbers to rounding. Returns tinynn's."""
    with floatx_put_back(keras):
        theirs = outcome(keras, run)
    return assert_same(run, theirs)


def assert_same(run: Run, theirs: Outcome) -> Outcome:
    """Both engines of tinynn come to this outcome."""
    with floatx_put_back(tinynn):
        reference = outcome(tinynn, replace(run, run_eagerly=True))
        nudged = [outcome(tinynn, replace(run, run_eagerly=True), nudge).numbers() for nudge in (1, 2)]
        default = outcome(tinynn, replace(run, run_eagerly=False))
    for ours in (reference, default):
        assert list(ours.history) == list(theirs.history)
        assert ours.epochs == theirs.epochs
        assert list(ours.optimizer) == list(theirs.optimizer)
        assert type(ours.evaluated) is type(theirs.evaluated)
        assert ours.draw == theirs.draw, "Python's random was drawn from more or less often"
        steps = max(1, int(next(iter(ours.optimizer.values()))))
        for where, value in ours.numbers().items():
            drift = max(_distance(value_of_nudged[where], reference.numbers()[where]) for value_of_nudged in nudged)
            assert_close(where, value, theirs.numbers()[where], ROUNDINGS * steps * drift, run.floatx)
        assert ours.printed == theirs.printed
    return reference


def assert_close(where: str, found: Array, expected: Array, drift: float, floatx: str) -> None:
    """Equal but for a drift and as many ulps of the largest entry as a step has roundings; integers exactly; NaN where NaN."""
    assert found.shape == expected.shape, where
    assert found.dtype == expected.dtype, f"{where}: {found.dtype}, Keras has {expected.dtype}"
    assert np.array_equal(np.isnan(found), np.isnan(expected)), f"{where}: {found}, Keras has {expected}"
    if found.dtype.kind != "f":
        assert np.array_equal(found, expected), where
        return
    largest = np.abs(expected).max(where=~np.isnan(expected), initial=0.0)
    bound = drift + ROUNDINGS * float(np.spacing(np.dtype(floatx).type(largest)))
    worst = _distance(found, expected)
    assert worst <= bound, f"{where} differs from Keras's by {worst:.3g}, {worst / bound:.3g} times the bound"


def _distance(one: Array, other: Array) -> float:
    difference = np.abs(np.subtract(one, other, dtype=np.float64))
    return float(difference.max(where=~np.isnan(difference), initial=0.0))
