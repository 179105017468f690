"""A line chart over the steps of a run, as SVG: a logarithmic axis of differences, told apart without colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 34, 44


class Line(NamedTuple):
    """One curve; its class ("float64", "float32", "yardstick") decides colour, dashes and markers."""

    name: str
    style: str
    steps: Sequence[float]
    values: Sequence[float]


class Limit(NamedTuple):
    """A horizontal line: what is allowed."""

    name: str
    value: float


def chart(title: str, lines: Sequence[Line], limits: Sequence[Limit] = ()) -> str:
    """The SVG. Values of exactly zero, which a logarithm does not have, lie on the axis marked "equal"."""
    values = [v for line in lines for v in line.values if v > 0 and math.isfinite(v)] + [
        limit.value for limit in limits
    ]
    low = math.floor(math.log10(min(values, default=1e-17))) - 1
    high = max(math.ceil(math.log10(max(values, default=1e-8))), low + 3)
    last = max((step for line in lines for step in line.steps), default=1)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def y(value: float) -> float:
        exponent = high if not math.isfinite(value) else low if value <= 0 else math.log10(value)
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - min(max(exponent, low), high)) / (high - low)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>',
        *_decades(low, high, y),
        *_steps(last, x),
    ]
    for limit in limits:
        at = y(limit.value)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(
            f'<text class="note" x="{WIDTH - RIGHT}" y="{at - 5:.1f}" text-anchor="end">{escape(limit.name)}</text>'
        )
    for line in lines:
        points = [(x(step), y(value)) for step, value in zip(line.steps, line.values)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(
            f'<polyline class="curve {line.style}" points="{path}"><title>{escape(line.name)}</title></polyline>'
        )
        if line.style == "float64":
            parts += [f'<circle class="dot" cx="{px:.1f}" cy="{py:.1f}" r="3"/>' for px, py in _thinned(points)]
    return "\n".join([*parts, "</svg>"])


def _decades(low: int, high: int, y: Callable[[float], float]) -> list[str]:
    """Grid lines at powers of ten, at most eight of them; the lowest is where equal values lie."""
    every = math.ceil((high - low) / 8)
    parts = []
    for exponent in range(high, low - 1, -1):
        if exponent != low and ((high - exponent) % every or exponent - low < every / 2):
            continue
        at = y(10.0**exponent)
        label = "equal" if exponent == low else f'10<tspan class="power" dy="-6">{exponent}</tspan>'
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{at + 5:.1f}" text-anchor="end">{label}</text>')
    return parts


def _steps(last: float, x: Callable[[float], float]) -> list[str]:
    """Round numbers of steps along the bottom."""
    unit = 10 ** math.floor(math.log10(max(last, 1)))
    every = next(unit * part for part in (0.2, 0.5, 1, 2, 5) if last / (unit * part) <= 6)
    parts = []
    for i in range(int(last / every) + 1):
        at = x(i * every)
        parts.append(f'<text class="tick" x="{at:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{i * every:,.0f}</text>')
    parts.append(f'<text class="note" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">training steps</text>')
    return parts


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points at least 24 units apart, for markers."""
    kept: list[tuple[float, float]] = []
    for point in points:
        if not kept or point[0] - kept[-1][0] >= 24:
            kept.append(point)
    return kept
