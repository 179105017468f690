"""What all plots share: matplotlib when it is needed, Axes to draw on, and marks that differ without their colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = (
    ("#000000", "-", "o"),
    ("#b5490f", "--", "s"),
    ("#0072b2", "-.", "^"),
    ("#808080", ":", "D"),
    ("#009e73", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#cc79a7", (0, (1, 1)), "P"),
)
"""Colour, line and marker of the first, second, ... thing in a plot. The colours are told apart by the colour-blind."""

SIGNED = "cividis"
"""Colour map of numbers of either sign, with limits -a and a: it grows lighter throughout, so grey keeps the sign."""

WIDTH = 4.2
HEIGHT = 3.2


def pyplot() -> Any:
    """matplotlib.pyplot.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot
    except ModuleNotFoundError:
        raise ModuleNotFoundError("plots need matplotlib: pip install 'tinynn-engine[plot]'") from None
    return matplotlib.pyplot


def one(ax: Axes | None, width: float = WIDTH, height: float = HEIGHT) -> Axes:
    """The Axes to draw on: the given ones, or those of a new figure."""
    if ax is not None:
        return ax
    axes: Axes = pyplot().subplots(figsize=(width, height), layout="constrained")[1]
    return axes


def several(where: str, n: int, ax: Any, columns: int, width: float = WIDTH, height: float = HEIGHT) -> Any:
    """An array of n Axes: the given ones, or those of a new figure, in rows of `columns`, each as large as told.

    Raises:
        ValueError: other than n were given.
    """
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(given) != n:
            raise ValueError(f"{where} draws {n} panels: ax has to be as many Axes; got {len(given)}.")
        return given
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    axes = pyplot().subplots(
        rows, columns, squeeze=False, figsize=(width * columns, height * rows), layout="constrained"
    )[1]
    for left_over in axes.ravel()[n:]:
        left_over.remove()
    return axes.ravel()[:n]


def style(i: int, n_points: int, filled: bool = True) -> dict[str, Any]:
    """Of the i-th line: colour, dashes, and a marker at some dozen of its points."""
    colour, line, marker = LINES[i % len(LINES)]
    return {
        "color": colour,
        "linestyle": line,
        "marker": marker,
        "markevery": max(1, n_points // 12),
        "markersize": 5,
        "markerfacecolor": colour if filled else "white",
    }
