"""The plots of the page, by matplotlib. An engine has the same mark everywhere, and marks differ without their colours too."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import table
from benchmarks.crossover import crossover, gpus
from benchmarks.errors import SetupError
from benchmarks.schema import TIMED, Results, Row
from benchmarks.sweeps import ROWS, SWEEPS
from benchmarks.workloads import WORKLOADS

TRAIN, FLOOR = "train", "floor"

STYLES = {
    "tinynn": ("#000000", "o", "-", True),
    "tinynn-reference": ("#000000", "o", ":", False),
    "keras": ("#c1272d", "s", "-", True),
    "keras-xla": ("#c1272d", "s", "--", False),
    "keras-accelerated": ("#e0851b", "*", ":", True),
    "keras-gpu": ("#3f8f3f", "D", "-", True),
    "keras-gpu-xla": ("#3f8f3f", "D", "--", False),
    "torch": ("#d98200", "^", "-", True),
    "jax-step": ("#2a4bb0", "v", "--", False),
    "jax-scan": ("#2a4bb0", "v", "-", True),
    "sklearn": ("#7a4fa0", "P", "-.", True),
    FLOOR: ("#808080", "_", "-", True),
}
"""Colour, marker, line, whether the marker is filled."""

OTHER = ("#606060", "X", "-.", True)


@dataclass(frozen=True)
class Plot:
    """A plot of the page: TRAIN or a sweep's name, on one machine."""

    machine: str
    subject: str
    about: str

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{_slug(self.machine)}-{self.subject}.png"


def wanted(results: Results) -> list[Plot]:
    """Those for which there are rows."""
    found = []
    for machine in sorted(results.machines):
        if _timed(results.of(TRAIN, None, machine)):
            found.append(Plot(machine, TRAIN, f"Time of an optimizer step by workload and engine, {machine}"))
        for name in SWEEPS:
            if _timed(results.of("sweep", name, machine)):
                what = "time per sample" if name == ROWS else "time of a step, and GFLOP/s against work"
                found.append(Plot(machine, name, f"Sweep of {name}: {what}, {machine}"))
    return found


def write(results: Results, folder: Path) -> list[Path]:
    """Draw them all; their paths.

    Raises:
        SetupError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError:
        raise SetupError("plots need matplotlib: pip install 'tinynn-engine[plot]'.") from None
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for plot in wanted(results):
        rows = _timed(results.of(TRAIN if plot.subject == TRAIN else "sweep", None, plot.machine))
        figure = training(rows) if plot.subject == TRAIN else sweep(plot.subject, rows)
        figure.suptitle(plot.machine, fontsize=9, color="#404040")
        canvas: Any = FigureCanvasAgg(figure)
        canvas.print_png(folder / plot.name, metadata={"Software": None})
        made.append(folder / plot.name)
    return made


def training(rows: Sequence[Row]) -> Any:
    """Workloads beside each other, a mark per engine, quartiles as bars; time on a log axis."""
    figure = _figure(9, 4.6)
    axes = figure.subplots()
    names = [name for name in WORKLOADS if any(row.subject == name for row in rows)]
    names += sorted({row.subject for row in rows} - set(names))
    engines = [engine for engine in table.engines(rows) if engine != FLOOR]
    for place, engine in enumerate(engines):
        own = {row.subject: row.summary for row in rows if row.engine == engine}
        shift = (place - (len(engines) - 1) / 2) * 0.7 / max(1, len(engines))
        xs = [i + shift for i, name in enumerate(names) if name in own]
        found = [own[name] for name in names if name in own]
        medians = [each.median for each in found]
        bars = [[each.median - each.q1 for each in found], [each.q3 - each.median for each in found]]
        axes.errorbar(xs, medians, yerr=bars, **{**_style(engine), "linestyle": "none", "markersize": 8})
    for row in rows:
        if row.engine == FLOOR:
            i = names.index(row.subject)
            axes.hlines(row.summary.median, i - 0.42, i + 0.42, color=STYLES[FLOOR][0], label=table.title(FLOOR))
    for i in range(1, len(names)):
        axes.axvline(i - 0.5, color="#cccccc", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylabel("time of an optimizer step")
    _finish(axes)
    _ticks(axes.yaxis, _duration)
    axes.grid(visible=False, axis="x")
    _legend(figure, axes)
    return figure


def sweep(name: str, rows: Sequence[Row]) -> Any:
    """Time against what grows, and GFLOP/s against the work of a step; for the rows of the data time alone.

    Hatched: between which measured points a GPU overtakes tinynn.
    """
    rows = [row for row in rows if row.subject == name]
    figure = _figure(5.8 if name == ROWS else 10, 4.2)
    panels = figure.subplots(1, 1 if name == ROWS else 2, squeeze=False)[0]
    for engine in table.engines(rows):
        own = sorted((row for row in rows if row.engine == engine), key=lambda row: float(row.size["value"]))
        values = [row.size["value"] for row in own]
        found = [row.summary for row in own]
        bars = [[each.median - each.q1 for each in found], [each.q3 - each.median for each in found]]
        panels[0].errorbar(values, [each.median for each in found], yerr=bars, **_style(engine))
        if name != ROWS:
            panels[1].plot([row.size["flops"] for row in own], [gflops(row) for row in own], **_style(engine))
    for engine in gpus(table.engines(rows)):
        found_between = crossover(*([row for row in rows if row.engine == each] for each in ("tinynn", engine)))
        if found_between and found_between[0] is not None:
            label = f"{table.title(engine)} overtakes"
            panels[0].axvspan(
                *found_between, facecolor="#eeeeee", edgecolor="#999999", hatch="//", label=label, zorder=0
            )
    values = sorted({row.size["value"] for row in rows})
    panels[0].set_xlabel(
        {"batch": "rows of a batch", "depth": "hidden layers", ROWS: "rows of the data"}.get(name, name)
    )
    panels[0].set_ylabel("time per sample" if name == ROWS else "time of an optimizer step")
    for panel in panels:
        panel.set_xscale("log")
        panel.set_yscale("log")
        _finish(panel)
    if name != ROWS:
        panels[0].set_xticks(values, [f"{value:,}" for value in values])
        panels[0].minorticks_off()
        panels[1].set_xlabel("floating-point operations of a step's products")
        panels[1].set_ylabel("GFLOP/s")
    else:
        panels[0].set_ylim(bottom=10 ** (_power(rows, min) - 0.5), top=10 ** (_power(rows, max) + 0.5))
    for panel in panels[1:]:
        _ticks(panel.yaxis, _plain)
    _ticks(panels[0].yaxis, _duration)
    _legend(figure, panels[0])
    return figure


def gflops(row: Row) -> float:
    """Of a sweep's step: the products' operations by the whole step's time."""
    return float(row.size["flops"]) / row.summary.median / 1e3


def _power(rows: Sequence[Row], choose: Callable[[Iterable[float]], float]) -> float:
    return math.log10(choose(row.summary.median for row in rows))


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=130, layout="constrained")


def _style(engine: str) -> dict[str, Any]:
    colour, marker, line, filled = STYLES.get(engine, OTHER)
    return {
        "label": table.title(engine),
        "color": colour,
        "marker": marker,
        "linestyle": line,
        "markerfacecolor": colour if filled else "white",
        "markeredgewidth": 1.3,
        "markersize": 6.5,
        "linewidth": 2.2 if engine == "tinynn" else 1.3,
    }


def _duration(microseconds: float, _: int) -> str:
    """A tick: 10 us, 1 ms, ..."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:g} {unit}"
    return f"{microseconds:g} us"


def _plain(value: float, _: int) -> str:
    return f"{value:g}"


def _ticks(axis: Any, told: Callable[[float, int], str]) -> None:
    """Powers of ten on a log axis, and 2 and 5 between them where there are few."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if math.log10(high / low) < 2 else (1.0,)))
    axis.set_major_formatter(told)
    axis.set_minor_formatter(NullFormatter())


def _finish(axes: Any) -> None:
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _legend(figure: Any, axes: Any) -> None:
    by_label = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(list(by_label.values()), list(by_label), loc="outside right center", frameon=False, fontsize=9)


def _timed(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.status == TIMED]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
