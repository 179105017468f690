"""Results as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.engines import ENGINES
from benchmarks.schema import TIMED, Row
from benchmarks.statistics import Summary, ratio


def line(row: Row) -> str:
    """A row as soon as it is known."""
    head = f"{row.kind:8} {row.subject:22} {title(row.engine):20}"
    if row.status != TIMED:
        return f"{head} {row.status}: {row.why}"
    found = row.summary
    return f"{head} {number(found.median):>8} {row.unit:2} [{number(found.q1)} .. {number(found.q3)}]"


def title(engine: str) -> str:
    """What an engine is called; one that this program does not know, by its name."""
    return ENGINES[engine].title if engine in ENGINES else engine


def engines(rows: Iterable[Row]) -> list[str]:
    """Those of the rows, as `--list` has them; unknown ones at the end."""
    there = {row.engine for row in rows}
    return [*(name for name in ENGINES if name in there), *sorted(there - set(ENGINES))]


def number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def times(found: Summary) -> str:
    """A ratio: '3.1x [2.9 .. 3.3]'."""
    return f"{number(found.median)}x [{number(found.q1)} .. {number(found.q3)}]"


def against(rows: list[Row], own: str = "tinynn") -> dict[str, Summary]:
    """By engine: how many times as long as `own` it takes, on one subject and one machine."""
    timed = {row.engine: row for row in rows if row.status == TIMED}
    if own not in timed:
        return {}
    mine = timed[own]
    return {
        engine: ratio(row.samples, mine.samples, paired=row.run == mine.run)
        for engine, row in timed.items()
        if engine != own
    }
