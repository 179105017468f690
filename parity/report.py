"""The report: report.json for machines, report.html for people, one file without anything to load."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from parity import machine, table
from parity.chart import Limit, Line, chart
from parity.compare import FLOAT64_ALLOWED
from parity.models import RECIPES
from parity.modes import FAIL, Row
from parity.progress import clock

SCHEMA = 1


def write(
    folder: Path, rows: Sequence[Row], facts: dict[str, Any], shortened: Sequence[str], seconds: float
) -> list[Path]:
    """Write both files and give their paths."""
    content = as_json(rows, facts, shortened, seconds)
    paths = [folder / "report.html", folder / "report.json"]
    paths[0].write_text(as_html(rows, facts, shortened, seconds), encoding="utf-8")
    paths[1].write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return paths


def as_json(rows: Sequence[Row], facts: dict[str, Any], shortened: Sequence[str], seconds: float) -> dict[str, Any]:
    """Plain values; a number that is not finite is null."""
    return {
        "schema": SCHEMA,
        "agree": all(row.verdict != FAIL for row in rows),
        "facts": facts,
        "shortened": list(shortened),
        "seconds": round(seconds, 1),
        "rows": [
            {
                "model": row.model,
                "mode": row.mode,
                "verdict": row.verdict,
                "reasons": row.reasons,
                "notes": row.notes,
                "engine": row.engine,
                "parameters": row.parameters,
                "differences": {kind: _number(value) for kind, value in row.differences.items()},
                "drift": _number(row.drift),
                "seconds": {engine: round(value, 4) for engine, value in row.seconds.items()},
                "speedup": _number(row.speedup),
                "checks": [
                    {
                        "kind": check.kind,
                        "name": check.name,
                        "found": _number(check.found),
                        "allowed": _number(check.allowed),
                        "ok": check.ok,
                    }
                    for check in row.checks
                ],
                "curves": {name: [_number(value) for value in values] for name, values in row.curves.items()},
                "printed": row.printed,
            }
            for row in rows
        ],
    }


def as_html(rows: Sequence[Row], facts: dict[str, Any], shortened: Sequence[str], seconds: float) -> str:
    """The page."""
    models = [(name, list(group)) for name, group in groupby(rows, key=lambda row: row.model)]
    failed = any(row.verdict == FAIL for row in rows)
    remarks = "".join(f"<li>{escape(text)}</li>" for text in table.sentences(rows))
    page = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        verdict="fail" if failed else "pass",
        headline="The engines disagree" if failed else "The engines agree",
        totals=f"{escape(table.totals(rows))}, in {clock(seconds)}, {escape(facts['date'])}",
        facts="".join(f"<li>{escape(line)}</li>" for line in machine.lines(facts)),
        shortened=f"<p><strong>Shortened with --quick:</strong> {escape('; '.join(shortened))}.</p>"
        if shortened
        else "",
        remarks=f'<ul class="remarks">{remarks}</ul>' if remarks else "",
        head="".join(f'<th scope="col">{name}</th>' for name, _ in table.COLUMNS),
        body="\n".join(_table_part(group) for _, group in models),
        explanation="".join(f"<li>{escape(text)}</li>" for text in table.EXPLANATION),
        models="\n".join(_model(name, group) for name, group in models),
    )


def _table_part(rows: Sequence[Row]) -> str:
    lines = []
    for i, row in enumerate(rows):
        title = f'<th scope="rowgroup" rowspan="{len(rows)}">{escape(row.title)}</th>' if i == 0 else ""
        cells = "".join(
            f'<td data-name="{name}">{escape(text)}</td>'
            for (name, _), text in zip(table.COLUMNS[2:-1], table.numbers(row), strict=True)
        )
        lines.append(f'<tr>{title}<td class="mode">{row.mode}</td>{cells}<td class="verdict">{_badge(row)}</td></tr>')
    return f"<tbody>{''.join(lines)}</tbody>"


def _badge(row: Row) -> str:
    return f'<span class="badge {row.verdict.lower().replace(" ", "-")}">{row.verdict}</span>'


def _model(name: str, rows: Sequence[Row]) -> str:
    """A model's section: what it is, its charts, what it printed."""
    by_mode = {row.mode: row for row in rows}
    verdicts = " ".join(f"<span>{row.mode} {_badge(row)}</span>" for row in rows)
    parts = [f'<section><h2>{escape(rows[0].title)}</h2><p class="about">{escape(RECIPES[name].about)}</p>']
    parts.append(f'<p class="verdicts">{verdicts}</p>')
    charts = [_weights_chart(by_mode), _loss_chart(by_mode)]
    if any(charts):
        parts.append(f'<div class="charts">{"".join(f"<figure>{svg}</figure>" for svg in charts if svg)}</div>')
        parts.append(_legend(by_mode))
    parts.append(_printed(by_mode))
    return "".join(parts) + "</section>"


def _weights_chart(by_mode: dict[str, Row]) -> str:
    lines, limits = _lines(by_mode, "weights"), []
    row = by_mode.get("float32")
    if row and "yardstick weights" in row.curves:
        lines.insert(
            0,
            Line("Keras in float32 and in float64", "yardstick", row.curves["steps"], row.curves["yardstick weights"]),
        )
    if any(line.style == "float64" for line in lines):
        limits.append(Limit("allowed in float64", FLOAT64_ALLOWED))
    return chart("Weights: largest difference so far / largest weight", lines, limits) if lines else ""


def _yardstick(row: Row) -> Line:
    values = np.maximum.accumulate(row.curves["yardstick weights"]).tolist()
    return Line("Keras in float32 and the float64 shadow", "yardstick", row.curves["steps"], values)


def _loss_chart(by_mode: dict[str, Row]) -> str:
    lines = _lines(by_mode, "loss")
    return chart("Running loss: largest difference so far / largest loss", lines) if lines else ""


def _lines(by_mode: dict[str, Row], curve: str) -> list[Line]:
    """The difference so far, at most: the differences themselves hop between equal and an ulp."""
    return [
        Line(
            f"tinynn and Keras in {mode}",
            mode,
            by_mode[mode].curves["steps"],
            np.maximum.accumulate(by_mode[mode].curves[curve]).tolist(),
        )
        for mode in ("float32", "float64")
        if mode in by_mode and curve in by_mode[mode].curves
    ]


def _legend(by_mode: dict[str, Row]) -> str:
    """A sample of each line beside its name, for both charts."""
    names = {line.style: line.name for line in _lines(by_mode, "weights")}
    if "float32" in by_mode and "yardstick weights" in by_mode["float32"].curves:
        names["yardstick"] = "Keras in float32 and the float64 shadow: what rounding does by itself"
    samples = []
    for style, name in names.items():
        dot = '<circle class="dot" cx="21" cy="7" r="3"/>' if style == "float64" else ""
        line = f'<polyline class="curve {style}" points="1,7 41,7"/>'
        samples.append(f'<li><svg viewBox="0 0 42 14" aria-hidden="true">{line}{dot}</svg>{escape(name)}</li>')
    return f'<ul class="legend">{"".join(samples)}</ul>'


def _printed(by_mode: dict[str, Row]) -> str:
    """What fit(verbose=2) printed: once if both engines printed the same."""
    row = by_mode.get("seed")
    if row is None or not row.printed:
        return ""
    ours, theirs = row.printed["tinynn"], row.printed["Keras"]
    if ours == theirs:
        n = len(ours.splitlines())
        summary = f"The {n} lines that fit(verbose=2) printed from the seed alone, the same in both engines"
        return f"<details><summary>{summary}</summary><pre>{escape(ours)}</pre></details>"
    both = "".join(f"<h3>{name}</h3><pre>{escape(text)}</pre>" for name, text in (("tinynn", ours), ("Keras", theirs)))
    return f"<details open><summary>What fit(verbose=2) printed, which differs</summary>{both}</details>"


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
