"""The three ways to compare a model: float64 and float32 from copied weights, and float32 from the seed alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from parity import compare
from parity.compare import Check
from parity.data import Data
from parity.engines import Engine, fresh_session
from parity.errors import NotAvailable, told
from parity.models import Recipe
from parity.train import Run, Say, Setting, train

MOVED_STARTS = 5
MOVED_BY = 8
"""Ulp. Rounding takes a sum of n terms about sqrt(n) / 2 of them away, and here n goes up to 784."""

PASS, FAIL, NOT_RUN = "PASS", "FAIL", "NOT RUN"


class Disagreement(Exception):
    """The two runs cannot even be laid side by side."""


@dataclass(frozen=True)
class Bench:
    """The two engines, the seed, and who hears how far it is."""

    keras: Engine
    tinynn: Engine
    seed: int
    say: Say


@dataclass
class Row:
    """One model in one mode: the line of the table, and what stands behind it."""

    model: str
    title: str
    mode: str
    verdict: str = NOT_RUN
    engine: str = ""
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    parameters: dict[str, int] = field(default_factory=dict)
    differences: dict[str, float] = field(default_factory=dict)
    drift: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def speedup(self) -> float | None:
        """Keras's time over tinynn's."""
        return self.seconds["Keras"] / self.seconds["tinynn"] if self.seconds.get("tinynn") else None

    def require(self, checks: list[Check]) -> None:
        """Note the checks; those that do not hold become reasons, the worst of each kind."""
        self.checks += checks
        for kind in compare.KINDS:
            failed = [check for check in checks if check.kind == kind and not check.ok]
            if failed:
                self.reasons.append(str(max(failed, key=lambda check: check.found / check.allowed)))


def run_row(recipe: Recipe, mode: str, bench: Bench) -> Row:
    """Compare a model in a mode. What goes wrong on the way is the row's verdict, never an exception."""
    row = Row(recipe.name, recipe.title, mode)
    try:
        MODES[mode](row, recipe, bench)
    except NotAvailable as missing:
        row.reasons = [str(missing)]
        return row
    except Disagreement as found:
        row.reasons.append(str(found))
    except Exception as error:
        row.reasons.append(told(error))
    row.verdict = FAIL if row.reasons else PASS
    return row


def float64(row: Row, recipe: Recipe, bench: Bench) -> None:
    """The algorithm: Keras's weights and the same batches in both, in float64."""
    keras, ours = _copied("float64", row, recipe, bench)
    checks = compare.exact_checks(ours, keras, compare.FLOAT64_ALLOWED)
    if not all(check.ok for check in checks):
        moved = _moved(row, ours, recipe, bench, shuffle=False, dtype="float64")
        checks = compare.exact_checks(ours, keras, compare.FLOAT64_ALLOWED, moved)
    row.require(checks)


def float32(row: Row, recipe: Recipe, bench: Bench) -> None:
    """The numbers: the same in float32, both held against a float64 shadow."""
    keras, ours = _copied("float32", row, recipe, bench)
    row.require(_float32_rule(row, recipe, bench, ours, keras, shuffle=False))


def seed(row: Row, recipe: Recipe, bench: Bench) -> None:
    """The promise: the same script in both, nothing in common but the seed."""
    setting = Setting("float32", bench.seed, shuffle=True, transcript=True)
    keras, ours = (train(engine, recipe, setting, bench.say) for engine in (bench.keras, bench.tinynn))
    _describe(row, ours, keras)
    if not compare.same_arrays(ours.initial, keras.initial):
        row.reasons.append("initial weights are not Keras's bit for bit")
    if ours.summary != keras.summary:
        row.reasons.append(f"summary() differs: {compare.first_different_line(ours.summary, keras.summary)}")
    different = compare.first_different_line(row.printed["tinynn"], row.printed["Keras"])
    largest = max(1.0, float(np.abs(keras.weights).max()))  # the difference itself, not its share of a larger weight
    checks = compare.exact_checks(ours, keras, compare.SEED_ALLOWED / largest)
    if not different and all(check.ok for check in checks):
        row.checks = checks
    elif row.reasons:
        row.require(checks)
    else:
        _explain_by_rounding(row, recipe, bench, ours, keras, checks, different)


def _explain_by_rounding(
    row: Row, recipe: Recipe, bench: Bench, ours: Run, keras: Run, checks: list[Check], different: str
) -> None:
    """Beyond 1e-5, or a printed digit differs: is it no more than rounding does to this very run?"""
    by_rule = _float32_rule(row, recipe, bench, ours, keras, shuffle=True)
    same_words = compare.without_numbers(row.printed["tinynn"]) == compare.without_numbers(row.printed["Keras"])
    if all(check.ok for check in by_rule) and same_words:
        row.checks = by_rule
        text = f"weights end {row.differences['weights']:.1e} apart, which rounding explains (the float32 rule holds)"
        row.notes.append(f"{text}; printed {different}" if different else text)
        return
    row.require([check for check in by_rule if not check.ok] or checks)
    if different:
        row.reasons.append(f"printed {different}")


def _float32_rule(row: Row, recipe: Recipe, bench: Bench, ours: Run, keras: Run, shuffle: bool) -> list[Check]:
    """The checks of `compare.drift_checks`, with moved starts only if they are needed."""
    shadow = _shadow(ours, recipe, bench, shuffle)
    row.drift = compare.drift(ours, keras, shadow)
    if len(shadow.steps) > 1:
        row.curves["yardstick weights"] = _curve(keras, shadow)
    checks = compare.drift_checks(ours, keras, shadow)
    if all(check.ok for check in checks):
        return checks
    moved = _moved(row, shadow, recipe, bench, shuffle, dtype="float32")
    return compare.drift_checks(ours, keras, shadow, moved)


def _copied(dtype: str, row: Row, recipe: Recipe, bench: Bench) -> tuple[Run, Run]:
    """Keras's run, and tinynn's from Keras's initial weights on Keras's arrays, in the same order."""
    made = _made(recipe, bench).cast(dtype)
    setting = Setting(dtype, bench.seed, data=made, snapshots=True)
    keras = train(bench.keras, recipe, setting, bench.say)
    ours = train(bench.tinynn, recipe, replace(setting, start=keras.initial), bench.say)
    _describe(row, ours, keras)
    row.curves = {"steps": [float(step) for step in ours.steps], "weights": _curve(ours, keras)}
    row.curves["loss"] = [float(d) for d in compare.distances(np.array(ours.losses), np.array(keras.losses))]
    return keras, ours


def _made(recipe: Recipe, bench: Bench) -> Data:
    with fresh_session(bench.tinynn, "float32", bench.seed):
        return recipe.data()


def _shadow(ours: Run, recipe: Recipe, bench: Bench, shuffle: bool) -> Run:
    """What tinynn's float32 run would have been without rounding: its weights and data, taken on in float64."""
    start = [w.astype(np.float64) for w in ours.initial]
    data = ours.data.cast("float32").cast("float64")
    setting = Setting("float64", bench.seed, start, data, shuffle, snapshots=len(ours.steps) > 1)
    return train(replace(bench.tinynn, name="float64 shadow"), recipe, setting, bench.say)


def _moved(row: Row, exact: Run, recipe: Recipe, bench: Bench, shuffle: bool, dtype: str) -> list[Run]:
    """A float64 run again from starts moved a little: each weight by up to MOVED_BY ulp of `dtype` (zeros stay)."""
    runs = []
    generator = np.random.default_rng(0)
    share = MOVED_BY * np.finfo(dtype).eps
    for i in range(MOVED_STARTS):
        start = [w * (1 + generator.uniform(-1, 1, w.shape) * share) for w in exact.initial]
        engine = replace(bench.tinynn, name=f"moved start {i + 1} of {MOVED_STARTS}")
        runs.append(train(engine, recipe, Setting("float64", bench.seed, start, exact.data, shuffle), bench.say))
    reach = max(compare.distance(run.weights, exact.weights[-1:]) for run in runs)
    row.notes.append(f"for scale, {MOVED_BY} {dtype} ulp at the start move the weights at the end by {reach:.1e}")
    return runs


def _describe(row: Row, ours: Run, keras: Run) -> None:
    runs = (ours, keras)
    row.engine = ours.ran_on
    row.parameters = {run.engine: run.parameters for run in runs}
    row.seconds = {run.engine: run.seconds for run in runs}
    row.printed = {run.engine: compare.without_durations(run.transcript) for run in runs}
    if ours.shapes != keras.shapes or ours.parameters != keras.parameters:
        raise Disagreement(
            f"parameters: tinynn has {ours.parameters} in {ours.shapes}, Keras {keras.parameters} in {keras.shapes}"
        )
    if list(ours.history) != list(keras.history):
        raise Disagreement(f"History: tinynn has {list(ours.history)}, Keras {list(keras.history)}")
    row.differences = compare.worst(ours, keras)


def _curve(found: Run, expected: Run) -> list[float]:
    return [float(d) for d in compare.distances(found.weights, expected.weights)]


MODES: dict[str, Callable[[Row, Recipe, Bench], None]] = {"float64": float64, "float32": float32, "seed": seed}
