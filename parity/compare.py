"""What counts as agreement. Pure arithmetic on finished runs; PARITY_TRAPS.md in numbers.

float64   The algorithm: everything within 1e-9, relative to the largest entry. Rounding alone stays orders below that;
          a wrong epsilon or a gradient scaled by 1.001 ends orders above.

float32   The numbers. Training amplifies rounding, by how much depends on the model and on luck: a ReLU whose input is
          zero to the last digits switches in one engine and not in the other, and from there on the runs part. So
          neither engine is the truth; a shadow run in float64 is (same weights, same batches, tinynn in float64), and how
          far one engine is from it is judged by how far rounding takes the other:

              distance(tinynn, shadow)  <=  8 distance(Keras, shadow) + 8 ulp         and the same with names exchanged

          for each weight array, loss, metric and the outputs, at the worst step of the run. (Exchanged, because a
          wrong formula would be wrong in the shadow too, and leave Keras behind.)

moved     Where a run fails that, in either precision, the question is whether rounding can do it: five more float64 runs
starts    from starts moved by a few ulp say how far it takes this very run, and 8 times the farthest is allowed as well.
          The row says so. An error of the algorithm does not pass for rounding: in float64 it is a million times larger.

seed      Nothing copied: initial weights bit for bit, 1e-5 on all that follows, the printed lines equal. A run that
          amplifies rounding beyond that is held to the float32 rule instead, and its row says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from parity.train import Array, Run

FLOAT64_ALLOWED = 1e-9
SEED_ALLOWED = 1e-5
MULTIPLE = 8
ULP = float(np.finfo(np.float32).eps)
FEW_ULP = 8 * ULP

KINDS = ("weights", "loss", "metric", "outputs")


class Series(NamedTuple):
    """One compared quantity over a run: (times, ...); `n` samples stand behind each value of a metric that counts."""

    kind: str
    name: str
    values: Array
    n: int | None = None


class Check(NamedTuple):
    """One demand: what was found, what is allowed, and where the worst of it lies."""

    kind: str
    name: str
    found: float
    allowed: float
    where: str = "apart"

    @property
    def ok(self) -> bool:
        """Whether it holds; not if anything is NaN."""
        return self.found <= self.allowed

    def __str__(self) -> str:
        name = "" if self.name in (self.kind, "all") else f" ({self.name})"
        return f"{self.kind}{name} {self.found:.1e} {self.where}, {self.allowed:.1e} allowed"


def series(run: Run, per_array: bool = False) -> list[Series]:
    """All that is compared of a run: weights (as one vector or array by array), every line of History, outputs."""
    found = []
    if per_array:
        cuts = np.cumsum([int(np.prod(shape)) for shape in run.shapes])[:-1]
        parts = np.split(run.weights, cuts, axis=1)
        found += [Series("weights", name, part) for name, part in zip(run.names, parts, strict=True)]
    else:
        found.append(Series("weights", "all", run.weights))
    for name, values in run.history.items():
        kind = "loss" if name.removeprefix("val_") == "loss" else "metric"
        n = None
        if "accuracy" in name:
            n = run.n_validation if name.startswith("val_") else run.n_train
        found.append(Series(kind, name, np.array(values), n))
    found.append(Series("outputs", "outputs", run.outputs[None]))
    return found


def distances(found: Array, expected: Array) -> Array:
    """max |found - expected| at each time, relative to the largest |expected| of all times; inf where shapes differ."""
    if found.shape != expected.shape:
        return np.array([np.inf])
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(found.astype(np.float64) - expected).reshape(len(found), -1).max(axis=1)
    scale = float(np.abs(expected).max(initial=0))
    return np.asarray(difference / scale if scale else difference)


def distance(found: Array, expected: Array) -> float:
    """The worst of `distances`."""
    return float(distances(found, expected).max())


def worst(tinynn: Run, keras: Run) -> dict[str, float]:
    """The largest difference between the engines by kind: what the table shows."""
    pairs = zip(series(tinynn), series(keras), strict=True)
    found = dict.fromkeys(KINDS, 0.0)
    for ours, theirs in pairs:
        found[ours.kind] = float(np.fmax(found[ours.kind], nan_to_inf(distance(ours.values, theirs.values))))
    return found


def nan_to_inf(value: float) -> float:
    """NaN is as far apart as can be."""
    return float("inf") if np.isnan(value) else value


def exact_checks(tinynn: Run, keras: Run, allowed: float, moved: Sequence[Run] = ()) -> list[Check]:
    """Everything within `allowed`, at every noted step.

    `moved` are runs of tinynn from starts moved by a few ulp: eight times as far as they go is allowed too.
    """
    checks = []
    least = allowed
    for ours, theirs, *others in zip(*(series(run) for run in (tinynn, keras, *moved)), strict=True):
        allowed = max([least, *(MULTIPLE * _from_shadow(other, ours) for other in others)])
        found = distances(ours.values, theirs.values)
        where = "apart" + (_first_place(tinynn, keras, found, allowed) if ours.kind == "weights" else "")
        checks.append(Check(ours.kind, ours.name, nan_to_inf(float(found.max())), allowed, where))
    return checks


def drift_checks(tinynn: Run, keras: Run, shadow: Run, moved: Sequence[Run] = ()) -> list[Check]:
    """The float32 rule, for each array of weights, each line of History and the outputs.

    `moved` are float64 runs from starts moved by a few float32 ulp. A metric that counts may also differ by one
    decision of its samples, which falls either way at equal probabilities.
    """
    checks = []
    for exact, ours, theirs, *others in zip(
        *(series(run, per_array=True) for run in (shadow, tinynn, keras, *moved)), strict=True
    ):
        engines = {"tinynn": _from_shadow(ours, exact), "Keras": _from_shadow(theirs, exact)}
        near, far = sorted(engines, key=lambda name: engines[name])
        rounding = max([engines[near], *(_from_shadow(other, exact) for other in others)])
        allowed = MULTIPLE * rounding + FEW_ULP + _one_decision(exact)
        checks.append(Check(ours.kind, ours.name, engines[far], allowed, f"between {far} and the float64 shadow"))
    return checks


def _one_decision(exact: Series) -> float:
    """What one sample more or less makes of a metric that counts, as a share of its largest value."""
    largest = float(np.abs(exact.values).max())
    return 1.001 / exact.n / largest if exact.n and largest else 0.0


def _from_shadow(run: Series, exact: Series) -> float:
    """The distance; a run without snapshots is held against the end of the shadow's."""
    return nan_to_inf(distance(run.values, exact.values[-len(run.values) :]))


def drift(tinynn: Run, keras: Run, shadow: Run) -> float:
    """How far tinynn's weights are from the shadow's, over how far Keras's are; about 1 when both round alike."""
    ours, theirs = distance(tinynn.weights, shadow.weights), distance(keras.weights, shadow.weights)
    return (ours + ULP) / (theirs + ULP)


def same_arrays(tinynn: Iterable[Array], keras: Iterable[Array]) -> bool:
    """Bit for bit."""
    return all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(tinynn, keras, strict=True)
    )


_DURATION = re.compile(r" - \d+s - \d+(?:s|ms|us)/(?:step|epoch)")


def without_durations(transcript: str) -> str:
    """What fit(verbose=2) printed, less ' - 1s - 5ms/step'."""
    return _DURATION.sub("", transcript)


def without_numbers(transcript: str) -> str:
    """The words alone: every number with a decimal point becomes '#'."""
    return re.sub(r"\d+\.\d+(?:e[+-]\d+)?", "#", transcript)


def first_different_line(found: str, expected: str) -> str:
    """What the first line that differs says in each, "line 4: tinynn "loss: 0.2945", Keras "loss: 0.2946""; '' if none."""
    ours, theirs = found.splitlines(), expected.splitlines()
    for i in range(max(len(ours), len(theirs))):
        a, b = (lines[i] if i < len(lines) else "<nothing>" for lines in (ours, theirs))
        if a != b:
            parts = list(zip(a.split(" - "), b.split(" - ")))
            if a.count(" - ") == b.count(" - "):
                a, b = (" - ".join(pair[side] for pair in parts if pair[0] != pair[1]) for side in (0, 1))
            return f'line {i + 1}: tinynn "{a.strip()}", Keras "{b.strip()}"'
    return ""


def _first_place(tinynn: Run, keras: Run, found: Array, allowed: float) -> str:
    """' in dense/kernel from step 3 on', for the first snapshot beyond what is allowed."""
    beyond = np.flatnonzero(~(found <= allowed))
    if not len(beyond) or tinynn.weights.shape != keras.weights.shape:
        return ""
    i = int(beyond[0])
    entry = int(np.argmax(np.abs(tinynn.weights[i] - keras.weights[i])))
    stops = np.cumsum([int(np.prod(shape)) for shape in tinynn.shapes])
    return f" ({tinynn.names[int(np.searchsorted(stops, entry, side='right'))]} from step {tinynn.steps[i]} on)"
