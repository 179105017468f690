"""The smallest model that still shows it: greedy, from the top down, until nothing more can be left out.

Hypothesis shrinks the choices behind an example, which takes hundreds of runs. Here each run may cost an eager training in
Keras, so the parts of the example itself are left out, whole layers first: some dozens of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from parity.example import INPUTS, SAMPLE_WEIGHTS, WEIGHTS, Example, Spec

MOST_RUNS = 120


def shrunk(example: Example, fails: Callable[[Example], bool], most_runs: int = MOST_RUNS) -> Example:
    """An example as small as found of which `fails` is true, as it is of the given one."""
    runs = 0
    again = True
    while again:
        again = False
        for smaller in candidates(example):
            runs += 1
            if runs > most_runs:
                return example
            if fails(smaller):
                example, again = smaller, True
                break
    return example


def candidates(example: Example) -> Iterator[Example]:
    """Examples with one thing less, the largest things first."""
    layers = example.layers
    if len(layers) > 2:
        yield example.but(layers=layers[-1:])
    for i in range(len(layers) - 1):
        yield example.but(layers=layers[:i] + layers[i + 1 :])
    for name, least in (("epochs", 1), ("samples", 1), ("features", 1)):
        for value in _smaller(getattr(example, name), least):
            yield example.but(**{name: value})
    if example.batch_size > example.samples:
        yield example.but(batch_size=example.samples)
    for value in _smaller(example.batch_size, -(-example.samples // 4)):
        yield example.but(batch_size=value)
    plain = Example()
    for name in ("metrics", "class_weight", "sample_weight", "optimizer", "dtype"):
        if getattr(example, name) != getattr(plain, name):
            yield example.but(**{name: getattr(plain, name)})
    for i in range(len(example.metrics)):
        yield example.but(metrics=example.metrics[:i] + example.metrics[i + 1 :])
    for name, order in (("inputs", INPUTS), ("weights", WEIGHTS), ("sample_weight", SAMPLE_WEIGHTS)):
        for simpler in order[: order.index(getattr(example, name))]:
            yield example.but(**{name: simpler})
    yield from (example.but(optimizer=spec) for spec in _less(example.optimizer))
    yield from (example.but(loss=spec) for spec in _less(example.loss))
    for i, layer in enumerate(layers):
        # A loss may need the activation of its head: without it, it is another question.
        kept = ("rate", "stddev", "scale", "groups", *(["activation"] if i == len(layers) - 1 else []))
        for spec in _less(layer, keep=kept if layer["class"] == "Dense" else (*kept, "activation")):
            yield example.but(layers=(*layers[:i], spec, *layers[i + 1 :]))
    if example.seed:
        yield example.but(seed=0)


def _smaller(value: int, least: int) -> Iterator[int]:
    """The least, the half, one less."""
    yield from dict.fromkeys(n for n in (least, value // 2, value - 1) if least <= n < value)


def _less(spec: Spec, keep: tuple[str, ...] = ("learning_rate",)) -> Iterator[Spec]:
    """Without one of the arguments, or with fewer units, or a plain rate."""
    for name, value in spec.items():
        rest: dict[str, Any] = {key: part for key, part in spec.items() if key != name}
        if name == "units":
            yield from ({**spec, name: n} for n in _smaller(value, 1))
        elif name == "learning_rate" and isinstance(value, dict):
            yield {**spec, name: 0.1}
        elif name != "class" and name not in keep:
            yield rest
