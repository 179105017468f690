"""Where a GPU overtakes the CPU in a sweep, from measured points alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.engines import ENGINES
from benchmarks.schema import Row


def crossover(cpu: Sequence[Row], gpu: Sequence[Row]) -> tuple[int | None, int] | None:
    """(last, first): the last measured value at which the CPU was no slower, and the first from which on the GPU was faster at
    every measured value. `last` is None if the GPU was faster at all, the whole None if it was not at the greatest.

    Only values that both have count, and nothing is computed between them.
    """
    slow, fast = by_value(cpu), by_value(gpu)
    last, first = None, None
    for value in sorted(set(slow) & set(fast)):
        if fast[value].summary.median >= slow[value].summary.median:
            last, first = value, None
        elif first is None:
            first = value
    return None if first is None else (last, first)


def gpus(engines: Iterable[str]) -> list[str]:
    """Those that run on one."""
    return [engine for engine in engines if engine in ENGINES and ENGINES[engine].device == "gpu"]


def by_value(rows: Iterable[Row]) -> dict[int, Row]:
    """The rows of one engine in a sweep by what grows, from the least."""
    return {row.size["value"]: row for row in sorted(rows, key=lambda row: row.size["value"])}
