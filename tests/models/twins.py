"""The same training run in tinynn and in Keras, from one seed, and everything that can be seen of it.

How far two right programs may be apart is not a matter of taste: a program that rounds differently is as far off as one
that started from other weights by an ulp or so, at every step anew. So tinynn runs once more from weights moved by an
ulp, and the distance between its two runs, times the steps taken and a factor for the roundings within a step, bounds
the distance to Keras. Nothing is copied from one side to the other: both build their weights from the seed.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import tinynn
from tinynn._typing import Array

Layers = Callable[[Any], list[Any]]

ROUNDINGS = 32.0
"""Roundings within a step that count like one of the weights: sums over batch and fan-in of at most 16 each, a few
functions good to some ulp, an optimizer's dozen operations. The largest factor seen in all runs of this suite is 6."""


@dataclass(frozen=True)
class Run:
    """How to train: layers from a library (`lambda keras: [...]`), what to compile, what to fit on."""

    layers: Layers
    x: Any
    y: Any
    loss: Any = "sparse_categorical_crossentropy"  # a name, or (class, arguments)
    optimizer: Any = "sgd"  # a name, or a function of the library
    compile: dict[str, Any] = field(default_factory=dict)
    fit: dict[str, Any] = field(default_factory=dict)
    floatx: str = "float64"
    seed: int = 11
    eagerly: bool = True


@dataclass
class Outcome:
    """What can be seen of a run."""

    history: dict[str, list[float]]
    epochs: list[int]
    weights: list[Array]
    slots: dict[str, Array]
    metrics: dict[str, float]
    evaluated: Any
    predicted: Array
    printed: str
    draws: float

    def numbers(self) -> dict[str, Array]:
        """Every number of the run, by where it stands."""
        found = {f"history[{name!r}]": np.array(values) for name, values in self.history.items()}
        found |= {f"weights[{i}]": weight for i, weight in enumerate(self.weights)}
        found |= {f"optimizer {path}": value for path, value in self.slots.items()}
        found |= {f"evaluate {name}": np.array(value) for name, value in self.metrics.items()}
        return found | {"evaluate": np.array(self.evaluated), "predict": self.predicted}


def outcome(library: Any, run: Run, nudge: float = 0.0) -> Outcome:
    """Train in a library from the seed alone; `nudge` moves each initial weight by so many of its ulps, up or down."""
    set_floatx(library, run.floatx)
    library.backend.clear_session()
    library.utils.set_random_seed(run.seed)
    model = library.Sequential(run.layers(library))
    optimizer = run.optimizer if isinstance(run.optimizer, str) else run.optimizer(library)
    loss = getattr(library.losses, run.loss[0])(**run.loss[1]) if isinstance(run.loss, tuple) else run.loss
    model.compile(optimizer=optimizer, loss=loss, run_eagerly=run.eagerly, **run.compile)
    if nudge:
        model.build((None, *np.shape(run.x)[1:]))
        moved = np.random.default_rng(0)
        model.set_weights([w + nudge * np.spacing(w) * moved.choice([-1, 1], w.shape) for w in model.get_weights()])
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        history = model.fit(run.x, run.y, **{"verbose": 2, "batch_size": 4, **run.fit})
        evaluated = model.evaluate(run.x, run.y, batch_size=5, verbose=2)
    return Outcome(
        history=history.history,
        epochs=history.epoch,
        weights=model.get_weights(),
        slots={variable.path: np.array(variable) for variable in model.optimizer.variables},
        metrics=model.evaluate(run.x, run.y, batch_size=5, verbose=0, return_dict=True),
        evaluated=evaluated,
        predicted=model.predict(run.x, batch_size=4, verbose=0),
        printed=without_durations(stdout.getvalue()),
        draws=random.random(),
    )


def set_floatx(library: Any, floatx: str) -> None:
    """Keras's layers go by the dtype policy, which follows floatx only until the first layer is made."""
    library.config.set_floatx(floatx)
    if library is not tinynn:
        library.config.set_dtype_policy(floatx)


def without_durations(printed: str) -> str:
    """A transcript with its seconds and milliseconds taken out."""
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
    """tinynn and Keras do the same from the same seed: names, order, types, text, and numbers to rounding."""
    with floatx_put_back(tinynn, keras):
        ours, nudged, theirs = outcome(tinynn, run), outcome(tinynn, run, nudge=1.0), outcome(keras, run)
    assert list(ours.history) == list(theirs.history)
    assert ours.epochs == theirs.epochs
    assert list(ours.slots) == list(theirs.slots)
    assert list(ours.metrics) == list(theirs.metrics)
    assert type(ours.evaluated) is type(theirs.evaluated)
    assert ours.draws == theirs.draws, "Python's random was drawn from more or less often"
    steps = max(1, int(ours.slots[next(iter(ours.slots))]))
    for where, value in ours.numbers().items():
        assert_close(where, value, theirs.numbers()[where], nudged.numbers()[where], steps, run.floatx)
    assert ours.printed == theirs.printed
    return ours


def assert_close(where: str, found: Array, expected: Array, nudged: Array, steps: int, floatx: str) -> None:
    """No further apart than rounding drives a run that starts an ulp away: see the top of the file."""
    assert found.shape == expected.shape, where
    assert found.dtype == expected.dtype, f"{where}: {found.dtype}, Keras has {expected.dtype}"
    if found.dtype.kind != "f":
        assert np.array_equal(found, expected), where
        return
    assert np.array_equal(np.isnan(found), np.isnan(expected)), f"{where}: {found}, Keras has {expected}"
    if np.isnan(found).all():
        return
    drift = float(np.nanmax(np.abs(found - nudged)))
    ulp = float(np.spacing(np.nanmax(np.abs(expected)).astype(floatx)))
    worst = float(np.nanmax(np.abs(found - expected)))
    bound = ROUNDINGS * (steps * drift + ulp)
    assert worst <= bound, f"{where} differs by {worst:.3g}, {worst / bound:.3g} times the bound; drift {drift:.3g}"
