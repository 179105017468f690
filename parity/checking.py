"""`parity.check`: is a user's model the same function in the other library? The ladder of `ladder.py`, and its report."""

from __future__ import annotations

import json
import math
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from parity import machine
from parity.keras_side import KerasSide, load
from parity.ladder import DTYPES, Data, Explanation, Found, Plan, Rung, climb, explain
from parity.libraries import keras_library
from parity.modes import FAIL
from parity.table import difference
from parity.twinning import build, count_layers, library_of, read
from tinynn.interop.libraries import TINYNN
from tinynn.interop.state import left_as_it_was
from tinynn.models.data import as_array

WIDTH = 80
SCHEMA = 1
DEFAULT_ROWS = 500
DEFAULT_SEED = 42


@dataclass(frozen=True)
class Report:
    """What `check` found. `print(report)` shows it, so does a notebook; `report.agree` is the answer.

    Args:
        agree: whether every rung holds.
        rungs: the ladder, in order; those above the first that disagrees are NOT RUN.
        explanation: where and why they part; None if they agree.
        facts: versions, machine, device, threads, seed.
        about: lines on the model and the data.
        tf32: rungs with TF32 on, on a GPU; reported, never judged.
        seconds: how long it took.
    """

    agree: bool
    rungs: list[Rung]
    explanation: Explanation | None
    facts: dict[str, Any]
    about: list[str]
    tf32: list[Rung]
    seconds: float

    def __str__(self) -> str:
        lines = [*_wrapped_all(machine.lines(self.facts)), *_wrapped_all(self.about), "", *_table(self.rungs)]
        if self.tf32:
            lines += ["", "With TF32 on, which rounds products to 10 bits: reported, not judged", *_table(self.tf32)]
        notes = [note for rung in [*self.rungs, *self.tf32] for note in rung.notes]
        lines += ["", *_wrapped_all(notes), *_wrapped_all(EXPLANATION)]
        if self.explanation is not None:
            lines += ["", *self._explained()]
        return "\n".join([*lines, "", f"{self.headline}, in {self.seconds:.1f} s"])

    __repr__ = __str__

    @property
    def headline(self) -> str:
        """One line: the verdict."""
        if self.agree:
            return f"The engines agree on this model: {len(self.rungs)} of {len(self.rungs)} rungs hold"
        failed = next(rung for rung in self.rungs if rung.verdict == FAIL)
        return f"The engines disagree, first at rung {self.rungs.index(failed) + 1}: {failed.title}"

    def _explained(self) -> list[str]:
        return _wrapped_all([f"{name}: {text}" for name, text in self._facts_of_explanation()], indent="    ")

    def _facts_of_explanation(self) -> list[tuple[str, str]]:
        """What the explanation says, line by line: (what, text)."""
        why = self.explanation
        if why is None:
            return []
        failed = next(rung for rung in self.rungs if rung.verdict == FAIL)
        lines = [("first disagreement", f"rung {self.rungs.index(failed) + 1}, {failed.title}")]
        if why.error:
            return [*lines, ("what happened", why.error)]
        lines[0] = (lines[0][0], f"{lines[0][1]}, in {why.dtype}")
        lines.append(("layer", why.layer or "none of them by itself"))
        lines.append(("entry", why.entry))
        if why.ours is not None and why.theirs is not None:
            digits = 17 if why.dtype == "float64" else 9
            lines.append(("tinynn", f"{why.ours:.{digits}g}"))
            lines.append(("Keras", f"{why.theirs:.{digits}g}"))
            lines.append(("apart", f"{why.apart:.2e}, where {why.allowed:.2e} is allowed"))
        if why.extent:
            lines.append(("extent", why.extent))
        return [*lines, ("likeliest", why.trap)]

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON, written to a file if a path is given; a number that is not finite is null."""
        text = json.dumps(self.as_dict(), indent=1, allow_nan=False) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "schema": SCHEMA,
            "agree": self.agree,
            "headline": self.headline,
            "about": self.about,
            "facts": self.facts,
            "seconds": round(self.seconds, 2),
            "explanation": self.explanation and {k: _plain(v) for k, v in asdict(self.explanation).items()},
            "rungs": [_rung_as_dict(rung) for rung in self.rungs],
            "tf32": [_rung_as_dict(rung) for rung in self.tf32],
        }

    def to_html(self, path: str | Path | None = None) -> str:
        """The report as one page that loads nothing, written to a file if a path is given."""
        page = Template((Path(__file__).parent / "check.html").read_text(encoding="utf-8"))
        text = page.substitute(title=escape(self.headline), style=_style(), body=self._body())
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _repr_html_(self) -> str:
        return f'<style>{_style()}</style><div class="parity-check">{self._body()}</div>'

    def _body(self) -> str:
        state = "pass" if self.agree else "fail"
        parts = [
            f'<header class="{state}"><h1>{escape(self.headline)}</h1>'
            f"<p>{'<br>'.join(escape(line) for line in self.about)}</p></header>"
        ]
        if self.explanation is not None:
            rows = "".join(
                f'<dt>{escape(name)}</dt><dd class="{"number" if name in _NUMBERS else "text"}">{escape(text)}</dd>'
                for name, text in self._facts_of_explanation()
            )
            parts.append(f'<dl class="why">{rows}</dl>')
        parts.append(_html_table(self.rungs, "The ladder: each rung stands on those above it"))
        if self.tf32:
            parts.append(_html_table(self.tf32, "With TF32 on: reported, not judged"))
        notes = [note for rung in [*self.rungs, *self.tf32] for note in rung.notes]
        notes += [*EXPLANATION, *machine.lines(self.facts), f"{self.facts['date']}, {self.seconds:.1f} s"]
        parts.append(f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>')
        parts += [_details(i, rung) for i, rung in enumerate(self.rungs, 1) if rung.found]
        return "\n".join(parts)


EXPLANATION = (
    "found, allowed: the difference that came nearest to its bound, or farthest beyond, and the bound, relative to the "
    "array's largest entry",
    "allowed in float64 1e-9; in float32, and where float64 needs it, 8 x how far Keras moves when all that goes in is moved "
    "by up to 8 ulp, + 8 ulp; fit 1e-5, or the same rule",
)

_NUMBERS = ("entry", "tinynn", "Keras", "apart")


def check(
    model: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int = 32,
    steps: int = 5,
    epochs: int = 2,
    rows: int | None = DEFAULT_ROWS,
    seed: int = DEFAULT_SEED,
    device: str = "auto",
    custom_objects: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> Report:
    """Compare a compiled model with its twin in the other library, rung by rung, and say where they first differ.

    All is done on copies, in float64 and in float32: the model, its optimizer, its random streams, the seeds, names and
    float types of both libraries are afterwards what they were.

    Args:
        model: a tinynn or Keras model, compiled; see `twin` for which have one. Weights, and the optimizer's state where it
            is built, are copied. An unbuilt model starts from the weights that `seed` gives.
        x: inputs (n, ...).
        y: targets (n, ...); none where the model's own losses need none.
        sample_weight: (n,).
        batch_size: rows in a step.
        steps: how many steps of training are compared one by one.
        epochs: of the fit from the seed.
        rows: how many rows are used, from the first; None for all. The default is no multiple of 32, so that the last batch
            is short.
        seed: of the fit, and of everything else that is drawn.
        device: where Keras runs: "cpu", "gpu", or "auto" for a GPU if there is one.
        custom_objects: {name: the class or function of the *other* library} for parts of your own.
        say: told each rung as it begins.

    Returns:
        A `Report`: `.agree`, `print(report)`, `.to_json()`, `.to_html()`.

    Raises:
        ValueError: the model is not compiled, or the data do not fit together.
        CannotTwin: a part has no counterpart in the other library; it names the part. A ValueError.
        TypeError: no model of either library.
        SetupError: Keras on TensorFlow is not installed, or there is no such device.
    """
    with _switches_put_back():
        return check_on(
            load(device),
            model,
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps,
            epochs=epochs,
            rows=rows,
            seed=seed,
            custom_objects=custom_objects,
            say=say,
        )


def check_on(
    side: KerasSide,
    model: Any,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int = 32,
    steps: int = 5,
    epochs: int = 2,
    rows: int | None = DEFAULT_ROWS,
    seed: int = DEFAULT_SEED,
    custom_objects: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> Report:
    """`check` with Keras as `side` has it."""
    begin = time.perf_counter()
    home = library_of(model, side)
    if not model.compiled:
        raise ValueError(
            f"parity.check compares training too, and model {model.name!r} is not compiled: model.compile(optimizer, loss)."
        )
    data = _data(x, y, sample_weight, rows)
    custom = custom_objects or {}
    keras = keras_library(side)
    plan = Plan(read(model, home), keras, data, custom, batch_size, steps, epochs, seed)
    other = keras if home is TINYNN else TINYNN
    with left_as_it_was(side.keras), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A model without a twin is told before anything is compared.
        trial = build(plan.blueprint, other, None, custom, with_state=True, input_shape=(None, *data.x.shape[1:]))
        about = _about(plan, trial, home.name, other.name)
        rungs = climb(plan, say or _nobody)
        tf32 = _with_tf32(plan, say or _nobody) if side.device.kind == "GPU" else []
    why = explain(rungs, plan)
    return Report(why is None, rungs, why, machine.facts(side, seed, False), about, tf32, time.perf_counter() - begin)


def _nobody(text: str) -> None:
    """Nobody listens."""


@contextmanager
def _switches_put_back() -> Iterator[None]:
    """TF32 and XLA, which `load` switches off, as they were."""
    import sys

    before = sys.modules.get("tensorflow")
    tf32 = before.config.experimental.tensor_float_32_execution_enabled() if before else True
    jit = before.config.optimizer.get_jit() if before else ""
    try:
        yield
    finally:
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is not None and hasattr(tensorflow, "config"):
            tensorflow.config.experimental.enable_tensor_float_32_execution(tf32)
            tensorflow.config.optimizer.set_jit("autoclustering" if jit == "autoclustering" else False)


def _with_tf32(plan: Plan, say: Callable[[str], None]) -> list[Rung]:
    """The rungs again with TF32 on, as GPUs have it by default; off again afterwards."""
    switch = plan.keras.side and plan.keras.side.tensorflow.config.experimental
    if switch is None:
        return []
    switch.enable_tensor_float_32_execution(True)
    try:
        return climb(plan, lambda text: say(f"{text}, TF32 on"), reported=True)
    finally:
        switch.enable_tensor_float_32_execution(False)


def _data(x: Any, y: Any, sample_weight: Any, rows: int | None) -> Data:
    """Arrays of the same length, the first rows of them.

    Raises:
        ValueError: of different lengths, or none.
    """
    arrays = {"x": x, "y": y, "sample_weight": sample_weight}
    found = {name: None if value is None else np.asarray(as_array(name, value)) for name, value in arrays.items()}
    lengths = {name: len(array) for name, array in found.items() if array is not None}
    if len(set(lengths.values())) != 1 or not min(lengths.values(), default=0):
        raise ValueError(f"parity.check expects arrays of the same number of rows, at least 1; got {lengths}.")
    if rows is not None and rows < 1:
        raise ValueError(f"rows must be a positive integer or None for all; got {rows!r}.")
    return Data(*(None if array is None else array[:rows] for array in found.values()))  # type: ignore[arg-type]


def _about(plan: Plan, trial: Any, home: str, other: str) -> list[str]:
    compiled = plan.blueprint.compiled or {}
    optimizer = type(compiled.get("optimizer")).__name__
    loss = compiled.get("loss")
    loss = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", str(loss)))
    n = count_layers(plan.blueprint.model)
    return [
        f"model {plan.blueprint.model.name!r}, of {home}, its twin in {other}: {n} layer{'s' if n != 1 else ''}, "
        f"{trial.count_params():,} parameters; {optimizer}, {loss}",
        f"{len(plan.data.x):,} rows, batches of {plan.batch_size}",
    ]


# On the console --------------------------------------------------------------------------------------------------------

_COLUMNS = (("rung", 26), ("float64", 8), ("allowed", 8), ("float32", 8), ("allowed", 8), ("verdict", 8))


def _table(rungs: list[Rung]) -> list[str]:
    def line(cells: list[str]) -> str:
        aligned = [
            cell.ljust(width) if i in (0, len(_COLUMNS) - 1) else cell.rjust(width)
            for i, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=True))
        ]
        return "  ".join(aligned).rstrip()

    head = line([name for name, _ in _COLUMNS])
    return [
        head,
        "-" * 76,
        *(line([f"{i} {rung.title}", *_cells(rung), rung.verdict]) for i, rung in enumerate(rungs, 1)),
    ]


def _cells(rung: Rung) -> list[str]:
    """found, allowed in float64; found, allowed in float32; '-' for what was not measured."""
    cells = []
    for dtype in DTYPES:
        worst = rung.worst(dtype)
        cells += ["-", "-"] if worst is None else [_relative(worst, worst.apart), _relative(worst, worst.allowed)]
    return cells


def _relative(found: Found, value: float) -> str:
    return difference(found.relative(value))


def _wrapped_all(lines: Any, indent: str = "  ") -> list[str]:
    return [part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent=indent)]


# As JSON and HTML ------------------------------------------------------------------------------------------------------


def _rung_as_dict(rung: Rung) -> dict[str, Any]:
    return {
        "name": rung.name,
        "title": rung.title,
        "verdict": rung.verdict,
        "notes": rung.notes,
        "error": rung.broken,
        "seconds": round(rung.seconds, 3),
        "found": {
            dtype: [{**{k: _plain(v) for k, v in asdict(one).items()}, "ok": one.ok} for one in found]
            for dtype, found in rung.found.items()
        },
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value


def _html_table(rungs: list[Rung], caption: str) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name, _ in _COLUMNS)
    rows = []
    for i, rung in enumerate(rungs, 1):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in _cells(rung))
        badge = f'<span class="badge {rung.verdict.lower().replace(" ", "-")}">{rung.verdict}</span>'
        rows.append(f'<tr><th scope="row">{i} {escape(rung.title)}</th>{cells}<td class="verdict">{badge}</td></tr>')
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _details(number: int, rung: Rung) -> str:
    """Every array of a rung, folded away unless it fails."""
    rows = []
    for dtype, found in rung.found.items():
        for one in found:
            wrong = "" if one.ok else ' class="wrong"'
            rows.append(
                f"<tr{wrong}><th scope='row'>{escape(one.place)}</th><td>{dtype}</td><td>{_relative(one, one.apart)}</td>"
                f"<td>{_relative(one, one.allowed)}</td><td>{one.scale:.3g}</td></tr>"
            )
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("array, worst entry", "in", "found", "allowed", "largest")
    )
    opened = " open" if rung.verdict == FAIL else ""
    n = len(rows)
    return (
        f"<details{opened}><summary>{number} {escape(rung.title)}: {n} comparison{'s' if n != 1 else ''}</summary>"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div></details>'
    )


def _style() -> str:
    return (Path(__file__).parent / "check.css").read_text(encoding="utf-8")
