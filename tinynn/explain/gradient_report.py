"""What a gradient check found, to be printed, shown in a notebook or asked by a program."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinynn._typing import Array, Shape
from tinynn.explain.numerical import Kink

__all__ = ["ArrayCheck", "Entry", "GradientReport"]


@dataclass(frozen=True)
class Entry:
    """One entry of a gradient: what was given, what it should be; at a kink also the slopes on either side."""

    array: str
    index: Shape
    found: float
    expected: float
    kink: Kink | None = None

    @property
    def error(self) -> float:
        """|found - expected|, relative to the larger of the two; inf where one is not finite."""
        size = max(abs(self.found), abs(self.expected))
        off = abs(self.found - self.expected)
        return float("inf") if not np.isfinite(off) else off / size if size else 0.0

    @property
    def place(self) -> str:
        """ "kernel[3, 1]"; a number has no index."""
        return f"{self.array}[{', '.join(map(str, self.index))}]" if self.index else self.array


@dataclass
class ArrayCheck:
    """The check of dL/d(one array).

    Attributes:
        name, shape: of the array.
        found: the gradient that was checked, None if there was none.
        expected: the derivative found by numbers alone, NaN where it was not looked at.
        method: "complex step" or "differences".
        looked_at: "all 6 entries", "3 directions", ...
        wrong: entries that are wrong, the worst first.
        kinks: entries where the function has a kink and the gradient lies between the slopes of its sides.
        problem: what is wrong with the array as a whole: missing, misshapen, changed in place; "" otherwise.
        worst: the entry (or, of directions, None) with the largest error.
    """

    name: str
    shape: Shape
    found: Array | None
    expected: Array
    method: str = ""
    looked_at: str = ""
    wrong: list[Entry] = field(default_factory=list)
    kinks: list[Entry] = field(default_factory=list)
    problem: str = ""
    worst: Entry | None = None

    @property
    def passed(self) -> bool:
        """Nothing is wrong with it."""
        return not self.wrong and not self.problem

    @property
    def pattern(self) -> str:
        """What the errors have in common: "" if nothing that is known."""
        if self.found is None or self.passed or self.problem or np.isnan(self.expected).any():
            return ""
        return pattern_of(self.found, self.expected)


def pattern_of(found: Array, expected: Array) -> str:
    """A sentence about the way in which all of an array is wrong, "" without one."""
    size = float(np.abs(expected).max(initial=0.0))
    if not size or not np.isfinite(found).all():
        return ""
    tolerance = 1e-6 * size
    if np.abs(found).max(initial=0.0) <= tolerance:
        return "All of it is zero."
    if found.shape == expected.shape:
        factor = float((found * expected).sum() / (expected * expected).sum())
        if np.abs(found - factor * expected).max(initial=0.0) <= tolerance * max(1.0, abs(factor)):
            if abs(factor + 1) < 1e-6:
                return "All of it has the wrong sign."
            return f"All of it is {factor:.6g} times what it should be."
        if (
            found.ndim == 2
            and found.shape[0] == found.shape[1]
            and np.abs(found.T - expected).max(initial=0.0) <= tolerance
        ):
            return "It is transposed."
    return ""


class GradientReport:
    """The outcome of `check` or `check_gradients`.

    Attributes:
        arrays: an `ArrayCheck` for each array that was differentiated by.
        passed: whether all is right.
        worst: the worst `Entry` of all that were looked at.
        wrong, kinks: the entries of all arrays.

    `print(report)` and a notebook show it; `bool(report)` is `report.passed`.
    """

    def __init__(self, title: str, arrays: list[ArrayCheck]) -> None:
        self.title = title
        self.arrays = arrays

    @property
    def passed(self) -> bool:
        """Whether every gradient is right, as far as was looked."""
        return all(array.passed for array in self.arrays)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def wrong(self) -> list[Entry]:
        """The wrong entries, the worst first."""
        return sorted((e for array in self.arrays for e in array.wrong), key=lambda e: -_weight(e))

    @property
    def kinks(self) -> list[Entry]:
        """The entries at kinks whose gradient is one of the possible choices."""
        return [entry for array in self.arrays for entry in array.kinks]

    def to_dict(self) -> dict[str, Any]:
        """For programs: what was checked, and the wrong entries, the worst first."""
        return {
            "title": self.title,
            "passed": self.passed,
            "arrays": [
                {
                    "name": a.name,
                    "shape": list(a.shape),
                    "method": a.method,
                    "looked_at": a.looked_at,
                    "passed": a.passed,
                }
                | ({"problem": a.problem} if a.problem else {})
                for a in self.arrays
            ],
            "wrong": [
                {"place": entry.place, "found": entry.found, "expected": entry.expected, "error": entry.error}
                for entry in self.wrong
            ],
        }

    @property
    def worst(self) -> Entry | None:
        """The wrong entry that matters most; if none is wrong, the one with the largest relative error."""
        if self.wrong:
            return self.wrong[0]
        entries = [array.worst for array in self.arrays if array.worst is not None]
        return max(entries, key=lambda e: e.error, default=None)

    def neighbours(self, entry: Entry) -> tuple[Array, Array, list[Shape]]:
        """The entries around one, along its last two axes: (found, expected, their indices), each a flat array."""
        array = next(a for a in self.arrays if a.name == entry.array)
        ranges = [range(i, i + 1) for i in entry.index[:-2]]
        ranges += [
            range(max(0, i - 1), min(n, i + 2)) for i, n in zip(entry.index[-2:], array.shape[len(entry.index[:-2]) :])
        ]
        places: list[Shape] = [()]
        for part in ranges:
            places = [(*place, i) for place in places for i in part]
        found = np.zeros(array.shape) if array.found is None else array.found
        return np.array([found[p] for p in places]), np.array([array.expected[p] for p in places]), places

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    __str__ = __repr__

    def _lines(self) -> list[str]:
        count = sum(int(np.prod(array.shape, dtype=int)) for array in self.arrays)
        verdict = "passed" if self.passed else "FAILED"
        lines = [f"{self.title}, in float64: {verdict} ({len(self.arrays)} arrays, {count} entries)"]
        rows = [("dL/d ...", "shape", "compared with", "looked at", "largest relative error", "")]
        for array in self.arrays:
            worst = f"{array.worst.error:.1e} at {_index(array.worst.index)}" if array.worst else ""
            mark = "" if array.passed else "<- WRONG"
            rows.append((array.name, str(array.shape), array.method, array.looked_at, worst, mark))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines += ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        return lines + self._remarks()

    def _remarks(self) -> list[str]:
        lines = []
        for array in self.arrays:
            if array.problem:
                lines.append(f"{array.name}: {array.problem}")
            if array.wrong:
                lines += self._about(array)
        if self.kinks:
            places = ", ".join(entry.place for entry in self.kinks[:4]) + (" ..." if len(self.kinks) > 4 else "")
            first = self.kinks[0]
            lines.append(
                f"Kink at {places}: the function has no derivative there. For the first, {_sides(first)}; the gradient is "
                f"{first.found + 0.0:.6g}, a choice between them."
            )
        return lines

    def _about(self, array: ArrayCheck) -> list[str]:
        entry = array.wrong[0]
        ratio = (entry.found / entry.expected - 1) * 100 if entry.expected else float("nan")
        share = (
            f" ({abs(ratio):.2g} % too {'large' if ratio > 0 else 'small'})"
            if np.isfinite(ratio) and abs(ratio) < 100
            else ""
        )
        lines = [f"{entry.place}: the gradient is {entry.found:.9g}; it should be {entry.expected:.9g}{share}."]
        if entry.kink is not None:
            lines.append(f"  There is a kink here: {_sides(entry)}; the gradient lies outside of them.")
        if array.pattern:
            lines.append(f"  {array.pattern}")
        others = len(array.wrong) - 1
        if others:
            lines.append(f"  {others} other {'entry is' if others == 1 else 'entries are'} wrong as well.")
        found, expected, places = self.neighbours(entry)
        if len(places) > 1 and np.isfinite(expected).sum() > 1:
            lines.append("  Around it:")
            bad = {e.index for e in array.wrong}
            for place, f, e in zip(places, found, expected):
                mark = "  <-" if place == entry.index else "  wrong too" if place in bad else ""
                lines.append(f"    {_index(place):>10}  given {f:>16.9g}   expected {e:>16.9g}{mark}")
        return lines

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th style='text-align:left'>{cell}</th>"
            for cell in ("", "dL/d …", "shape", "compared with", "looked at", "largest relative error")
        )
        rows = ""
        for array in self.arrays:
            worst = f"{array.worst.error:.1e} at {_index(array.worst.index)}" if array.worst else ""
            cells = (
                "✓ right" if array.passed else "✗ <b>wrong</b>",
                f"<code>{html.escape(array.name)}</code>",
                str(array.shape),
                array.method,
                array.looked_at,
                worst,
            )
            rows += "<tr>" + "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells) + "</tr>"
        verdict = "passed" if self.passed else "failed"
        remarks = html.escape("\n".join(self._remarks()))
        below = f"<pre style='white-space:pre-wrap'>{remarks}</pre>" if remarks else ""
        return (
            f"<div><p><b>{html.escape(self.title)}, in float64: {verdict}</b></p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{below}</div>"
        )


def _sides(entry: Entry) -> str:
    """The slopes beside a kink, in words; + 0.0 makes -0 a 0."""
    left, right = entry.kink or (entry.expected, entry.expected)
    return f"the slope is {left + 0.0:.6g} on the left and {right + 0.0:.6g} on the right"


def _weight(entry: Entry) -> float:
    off = abs(entry.found - entry.expected)
    return off if np.isfinite(off) else float("inf")


def _index(index: Shape) -> str:
    return f"({', '.join(map(str, index))})"
