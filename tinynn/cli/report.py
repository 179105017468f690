"""The page that `tinynn train` leaves: one HTML file with everything in it, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

from tinynn.cli.columns import Column
from tinynn.cli.training import Outcome

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #667085; --line: #d8dde6; --paper: #ffffff;
  --a: #1f6feb; --b: #c2410c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #344054; --paper: #12161f; --a: #6aa6ff; --b: #fb923c; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 54rem; margin: 0 auto;
  padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p.soft, td.soft { color: var(--soft); } .big { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.2rem 0; }
.big div { border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; min-width: 8rem; }
.big b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.big span { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .92rem; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.right { font-weight: 600; }
pre { background: color-mix(in srgb, var(--line) 35%, transparent);
  padding: .8rem 1rem; border-radius: .5rem; overflow-x: auto; }
svg { width: 100%; max-width: 42rem; height: auto; } svg text { fill: var(--soft); font-size: 14px; }
@media (max-width: 40rem) { table { font-size: .82rem; } th, td { padding-right: .45rem; } }
"""


def page(outcome: Outcome, source: str, folder: str, architecture: str) -> str:
    """The whole page."""
    target = outcome.preprocessing.target
    what = (
        f"{len(target.classes)} classes: {', '.join(map(str, target.classes[:12]))}{' ...' if len(target.classes) > 12 else ''}"
        if target.task == "classification"
        else "a number"
    )
    blocks = [
        f"<h1>{_e(target.name)}, predicted by a network</h1>",
        f'<p class="soft">{_e(target.task)} ({_e(what)}), because {_e(outcome.why_task)}. Table: {_e(source)}, '
        f"{outcome.rows['all']:,} rows.</p>",
        _large(outcome),
        "<h2>How good it is on rows it has not seen</h2>",
        _comparison(outcome),
        _judgement(outcome),
    ]
    if outcome.confusion is not None and len(target.classes) <= 20:
        blocks += ["<h2>Which class was taken for which</h2>", _confusion(target.classes, outcome.confusion)]
    blocks += [
        "<h2>How it learned</h2>",
        chart({"training": outcome.history["loss"], "validation": outcome.history["val_loss"]}, "epoch", "loss"),
        _how_it_learned(outcome),
        "<h2>What it was given</h2>",
        _columns(outcome.preprocessing.columns, outcome.preprocessing.left_out),
        *[f"<p>{_e(note)}</p>" for note in outcome.notes if not note.startswith("Column ")],
        "<h2>The network</h2>",
        f"<pre>{_e(architecture)}</pre>",
        "<h2>What to do with it</h2>",
        f"<pre>{_e(_commands(folder))}</pre>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_e(target.name)}: a network by tinynn</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(blocks)
        + "\n</body></html>\n"
    )


def chart(lines: dict[str, Sequence[float]], x_label: str, y_label: str) -> str:
    """Lines over 1, 2, ... as an SVG; the second is dashed, so that grey tells them apart."""
    width, height, left, bottom, top = 600, 300, 64, 46, 14
    values = [v for line in lines.values() for v in line if math.isfinite(v)]
    if not values:
        return "<p>No finite losses.</p>"
    ticks = _ticks(min(values), max(values))
    low, high = ticks[0], ticks[-1]
    count = max(len(line) for line in lines.values())

    def x_of(i: int) -> float:
        return left + (width - left - 20) * (i / max(1, count - 1))

    def y_of(value: float) -> float:
        return height - bottom - (height - bottom - top) * (value - low) / (high - low)

    parts = [
        f'<div class="wide"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{_e(y_label)} over {_e(x_label)}s">'
    ]
    for tick in ticks:
        y = y_of(tick)
        parts.append(f'<line x1="{left}" x2="{width - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for epoch in sorted({1, count, *(max(1, round(count * part / 4)) for part in (1, 2, 3))}):
        x = x_of(epoch - 1)
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 18}" text-anchor="middle">{epoch}</text>')
    for (name, line), style in zip(lines.items(), ('stroke="var(--a)"', 'stroke="var(--b)" stroke-dasharray="6 4"')):
        points = " ".join(f"{x_of(i):.1f},{y_of(v):.1f}" for i, v in enumerate(line) if math.isfinite(v))
        parts.append(f'<polyline points="{points}" fill="none" stroke-width="2" {style}/>')
        key = width - 150, top + 12 + 18 * list(lines).index(name)
        parts.append(f'<line x1="{key[0]}" x2="{key[0] + 28}" y1="{key[1]}" y2="{key[1]}" stroke-width="2" {style}/>')
        parts.append(f'<text x="{key[0] + 36}" y="{key[1] + 4}">{_e(name)}</text>')
    middle = (left + width - 20) / 2
    parts.append(f'<text x="{middle:.0f}" y="{height - 4}" text-anchor="middle">{_e(x_label)}</text>')
    parts.append(
        f'<text x="14" y="{height / 2:.0f}" transform="rotate(-90 14 {height / 2:.0f})">{_e(y_label)}</text></svg></div>'
    )
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers around an interval."""
    span = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * i for i in range(first, max(last, first + 1) + 1)]


def _large(outcome: Outcome) -> str:
    names = {"accuracy": "accuracy", "macro_f1": "macro F1", "r2": "R²", "rmse": "root mean squared error"}
    cards = [(number(outcome.scores[name]), told) for name, told in names.items() if name in outcome.scores]
    cards += [(f"{outcome.seconds:.2f} s", "training"), (f"{outcome.model.count_params():,}", "parameters")]
    return (
        '<div class="big">' + "".join(f"<div><b>{b}</b><span>{_e(told)}</span></div>" for b, told in cards) + "</div>"
    )


def _comparison(outcome: Outcome) -> str:
    names = list(outcome.scores)

    def row(told: str, found: dict[str, Any], seconds: float, epochs: int) -> list[str]:
        return [told, *(number(found[name]) for name in names), f"{seconds:.2f}", str(epochs)]

    rows = [row("this network", outcome.scores, outcome.seconds, len(outcome.history["loss"]))]
    if others := outcome.others:
        rows.append(row("scikit-learn, same layers", others, others["seconds"], others["epochs"]))
    always = "always the most frequent class" if "accuracy" in outcome.baseline else "always the mean"
    rows.append([always, *(number(outcome.baseline[n]) if n in outcome.baseline else "" for n in names), "", ""])
    return _table(["", *(n.replace("_", " ") for n in names), "seconds", "epochs"], rows, numbers=True)


def _judgement(outcome: Outcome) -> str:
    name = next(iter(outcome.baseline))
    got, without = outcome.scores[name], outcome.baseline[name]
    better = got > without + 0.01 if name == "accuracy" else got < 0.99 * without
    if better:
        others = (
            " scikit-learn's stops by a rule of its own, which watches the rows it trains on." if outcome.others else ""
        )
        return f'<p class="soft">On the {outcome.rows["test"]:,} rows kept apart, chosen by chance.{others}</p>'
    return "<p><b>It is no better than guessing.</b> The columns may say nothing about the target, or it needs more rows.</p>"


def _how_it_learned(outcome: Outcome) -> str:
    best = min(range(len(outcome.history["val_loss"])), key=lambda i: outcome.history["val_loss"][i]) + 1
    s = outcome.settings
    return (
        f'<p class="soft">{len(outcome.history["loss"])} epochs in batches of {s.batch_size} with {_e(s.optimizer)}, learning '
        f"rate {s.learning_rate:g}; the weights are those of epoch {best}, the best on the {outcome.rows['validation']:,} rows "
        f"watched. Engine: {_e(outcome.model.engine)}. Seed {s.seed}.</p>"
    )


def _columns(columns: Iterable[Column], left_out: dict[str, str]) -> str:
    rows = []
    for column in columns:
        inputs = column.outputs
        shown = ", ".join(inputs[:6]) + (f", ... ({len(inputs)})" if len(inputs) > 6 else "")
        rows.append([column.name, column.kind, shown if inputs != [column.name] else "itself, scaled"])
    rows += [[name, "left out", why] for name, why in left_out.items()]
    return _table(["column", "kind", "became"], rows)


def _confusion(classes: list[Any], counts: list[list[int]]) -> str:
    head = "".join(f'<th class="n">{_e(str(c))}</th>' for c in classes)
    body = ""
    for i, (label, row) in enumerate(zip(classes, counts)):
        cells = "".join(f'<td class="n{" right" if i == j else ""}">{n or "·"}</td>' for j, n in enumerate(row))
        body += f"<tr><th>{_e(str(label))}</th>{cells}</tr>"
    return f'<div class="wide"><table><tr><th>is \\ predicted</th>{head}</tr>{body}</table></div>'


def _table(head: list[str], rows: list[list[str]], numbers: bool = False) -> str:
    style = ' class="n"' if numbers else ""
    first = "".join(f"<th{style if i else ''}>{_e(name)}</th>" for i, name in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{style if i else ''}>{_e(cell)}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{first}</tr>{body}</table></div>'


def _commands(folder: str) -> str:
    return (
        f"tinynn predict {folder} new.csv > predictions.csv\n"
        f"tinynn evaluate {folder} labelled.csv\n"
        f"tinynn explain {folder} new.csv --row 0\n"
        f'model = tinynn.saving.load_model("{folder}/model.keras")        # in Python'
    )


def number(value: float) -> str:
    """Four digits that matter."""
    return f"{value:.4f}" if 0.001 <= abs(value) < 10 else f"{value:.5g}"


def _e(text: str) -> str:
    return html.escape(str(text))
