"""The table on the console: plain characters, 100 columns at most, colour for the verdict on a terminal alone."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Sequence
from typing import TextIO

from parity.compare import FEW_ULP, FLOAT64_ALLOWED, MULTIPLE, SEED_ALLOWED, ULP
from parity.modes import FAIL, NOT_RUN, PASS, Row

WIDTH = 96

COLUMNS = (
    ("model", 14),
    ("mode", 7),
    ("params", 7),
    ("weights", 8),
    ("loss", 8),
    ("metric", 8),
    ("outputs", 8),
    ("drift", 5),
    ("time", 6),
    ("verdict", 7),
)

EXPLANATION = (
    "weights, loss, metric, outputs: the largest difference between the engines, relative to the largest entry, at any "
    "step that was noted",
    "drift: how far tinynn's float32 weights are from a float64 shadow run, over how far Keras's are; 1 if both round alike",
    "time: Keras's training time over tinynn's, epochs after the first; the seed rows are plain fits, the others stop for "
    "snapshots",
    f"allowed: float64 {FLOAT64_ALLOWED:.0e}; seed {SEED_ALLOWED:.0e}, the same initial bits, the same printed lines and "
    f"summary; float32 {MULTIPLE} x what rounding does to the other engine + {FEW_ULP / ULP:.0f} ulp; where a run amplifies "
    "rounding, a row that needs more says so",
)

_COLORS = {PASS: "\x1b[32m", FAIL: "\x1b[1;31m", NOT_RUN: "\x1b[33m"}


def wants_color(stream: TextIO) -> bool:
    """Only a terminal that can, and only if NO_COLOR (no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def heading() -> str:
    """The names of the columns, underlined."""
    cells = [_align(name, width, i) for i, (name, width) in enumerate(COLUMNS)]
    return "  ".join(cells).rstrip() + "\n" + "-" * WIDTH


def line(row: Row, first_of_model: bool, color: bool = False) -> str:
    """A row. The model's name stands in its first row alone."""
    cells = [row.title if first_of_model else "", row.mode, *numbers(row), row.verdict]
    aligned = [_align(cell, width, i) for i, (cell, (_, width)) in enumerate(zip(cells, COLUMNS, strict=True))]
    if color:
        aligned[-1] = f"{_COLORS[row.verdict]}{aligned[-1]}\x1b[0m"
    return "  ".join(aligned).rstrip()


def numbers(row: Row) -> list[str]:
    """Parameters, the four differences, drift and time, as texts; '-' for what was not measured."""
    counts = set(row.parameters.values())
    parameters = f"{counts.pop():,}" if len(counts) == 1 else "differ" if counts else "-"
    found = [difference(row.differences.get(kind)) for kind in ("weights", "loss", "metric", "outputs")]
    drift = "-" if row.drift is None else f"{row.drift:.2f}" if row.drift < 100 else f"{row.drift:.0e}"
    speedup = "-" if row.speedup is None else f"{row.speedup:.1f}x" if row.speedup < 1000 else f"{row.speedup:.0f}x"
    return [parameters, *found, drift, speedup]


def difference(value: float | None) -> str:
    """'3.8e-16', '0' for exactly nothing, '-' for not measured."""
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.1e}" if math.isfinite(value) else "inf"


def sentences(rows: Sequence[Row]) -> list[str]:
    """Why a row failed or was not run, and what else is to be known of it; what rows of a model share is said once."""
    told: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if row.reasons or row.notes:
            told.setdefault((row.verdict, row.title, "; ".join(row.reasons + row.notes)), []).append(row.mode)
    return [f"{verdict}  {title}, {', '.join(modes)}: {text}" for (verdict, title, text), modes in told.items()]


def remarks(rows: Sequence[Row]) -> list[str]:
    """The sentences as lines."""
    return [line for text in sentences(rows) for line in wrapped(text, indent="      ")]


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """Lines of the table's width, the second and later ones indented."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent)


def explanation() -> list[str]:
    """What the columns mean and what is allowed."""
    return [line for text in EXPLANATION for line in wrapped(text)]


def totals(rows: Sequence[Row]) -> str:
    """'18 comparisons: 17 agree, 1 disagrees'."""
    count = {verdict: sum(row.verdict == verdict for row in rows) for verdict in (PASS, FAIL, NOT_RUN)}
    parts = [f"{count[PASS]} agree" if count[PASS] != 1 else "1 agrees"]
    if count[FAIL]:
        parts.append(f"{count[FAIL]} disagree{'s' if count[FAIL] == 1 else ''}")
    if count[NOT_RUN]:
        parts.append(f"{count[NOT_RUN]} not run")
    engines = sorted({row.engine.partition(":")[0] for row in rows if row.engine})
    ran_on = f" (tinynn's engine: {' and '.join(engines)})" if engines else ""
    return f"{len(rows)} comparison{'s' if len(rows) != 1 else ''}: {', '.join(parts)}{ran_on}"


def _align(cell: str, width: int, column: int) -> str:
    """Text to the left (the first two columns and the verdict), numbers to the right."""
    return cell.ljust(width) if column in (0, 1, len(COLUMNS) - 1) else cell.rjust(width)
