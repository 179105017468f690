"""The page of the results, docs/benchmarks.md, and the rows of README's table. Nothing in them is written by hand.

What was measured on different machines stands side by side but is never divided by each other: a ratio's two sides stem from
one machine, and from the same rounds where they can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import plots
from benchmarks.crossover import by_value, crossover, gpus
from benchmarks.engines import ENGINES
from benchmarks.errors import SetupError
from benchmarks.schema import KINDS, TIMED, Results, Row
from benchmarks.statistics import Summary, ratio
from benchmarks.sweeps import ROWS, SWEEPS
from benchmarks.table import against, engines, number, title
from benchmarks.training import FLOOR, PREDICT, TRAIN
from benchmarks.workloads import WORKLOADS

OWN = "tinynn"

REGENERATE = "python -m benchmarks report benchmarks/results/*.json"

NOTE = f"""<!-- Written by the program: change nothing here.
     Measure:    make bench ARGS="--json benchmarks/results/NAME.json"
     Regenerate: {REGENERATE} -->"""

BEGIN, END = f"<!-- written by: {REGENERATE} --readme README.md -->", "<!-- end of what is written -->"

EXPLANATION = """Times are medians over the rounds, in brackets the quartiles: between them lies the middle half. In a
round the engines take turns; a ratio is the median over the rounds of the other's time by tinynn's: 3x means that tinynn
takes a third of the time. Before anything is timed, each engine trains for an epoch from the same weights on the same
batches and must come to the same weights; one that does not is listed and not timed. Import and compile time are no part
of the time of a step: JAX compiles while it builds, the others in the first epoch.

*The floor* is what a step cannot do without: its bare matrix products by NumPy's BLAS, and one pass over the bytes that
the optimizer reads and writes, measured in the same rounds. Time / floor says how much of a step is overhead."""


def write(results: Results, out: Path) -> list[Path]:
    """Write the page, and the plots into a folder of its name beside it; their paths.

    Raises:
        SetupError: nothing was measured, a subject was measured in two sizes, or matplotlib is not installed.
    """
    text = page(results, out.stem)
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = plots.write(results, out.with_suffix(""))
    out.write_text(text, encoding="utf-8")
    return [out, *paths]


def page(results: Results, images: str = "benchmarks") -> str:
    """The page in Markdown; `images` is the folder of the plots, as seen from it."""
    _check(results)
    results = Results(results.machines, sorted(results.rows, key=_place))
    parts = ["# Benchmarks", NOTE, EXPLANATION]
    for machine in _machines(results):
        parts += [f"## {machine}", _facts(results, machine)]
        parts += _training(results, machine, images)
        parts += _predictions(results, machine)
        parts += _seconds(results, machine, "start", "Start", ", caches warm unless it says otherwise", "program")
        parts += _seconds(results, machine, "files", "Files", "", "model and format")
        parts += _operations(results, machine)
        parts += _sweeps(results, machine, images)
        parts += _memory(results, machine)
        parts += _not_timed(results, machine)
    return "\n\n".join(parts) + "\n"


def readme_rows(results: Results) -> str:
    """README's table: per machine and workload tinynn's time, its floor, and the ratios."""
    _check(results)
    parts = []
    for machine in _machines(results):
        table = _overview(results, machine, spread=False)
        if table:
            parts += [
                f"{machine}, {results.machines[machine].get('dtype', 'float32')}, an optimizer step within `fit`:",
                table,
            ]
    parts.append("Quartiles, memory, prediction, start and sweeps: [docs/benchmarks.md](docs/benchmarks.md).")
    return "\n\n".join(parts)


def update_readme(results: Results, path: Path) -> None:
    """Put `readme_rows` between BEGIN and END.

    Raises:
        SetupError: the file has not these two lines.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SetupError(f"{path}: expected the lines {BEGIN!r} and {END!r}, between which the table goes.")
    path.write_text(f"{before}{BEGIN}\n\n{readme_rows(results)}\n\n{END}{after}", encoding="utf-8")


# The parts of the page ------------------------------------------------------------------------------------------------


def _facts(results: Results, machine: str) -> str:
    facts = results.machines[machine]
    threads, versions = facts.get("threads", ""), facts.get("versions", {})
    runs = sorted({row.run for row in results.rows if row.machine == machine})
    lines = {
        "processor": f"{facts.get('processor') or 'unknown'}, {facts.get('cpus')} CPUs",
        "memory": f"{facts.get('memory_gib')} GiB",
        "GPUs": ", ".join(facts.get("gpus") or []) or "none",
        "system": f"{facts.get('system')}, Python {facts.get('python')}",
        "versions": ", ".join(f"{package} {version}" for package, version in versions.items()),
        "matrix library of NumPy": facts.get("blas"),
        "threads": ", ".join(f"{k}={v}" for k, v in threads.items()) if isinstance(threads, dict) else threads,
        "dtype": facts.get("dtype"),
        "load before": facts.get("load"),
        "measured": ", ".join(runs),
    }
    return "\n".join(f"- {name}: {_cell(value)}" for name, value in lines.items())


def _training(results: Results, machine: str, images: str) -> list[str]:
    table = _overview(results, machine, spread=True)
    if not table:
        return []
    parts = ["### Training", f"Microseconds of {KINDS[TRAIN]}.", table, *_images(results, machine, images, TRAIN)]
    for name in _subjects(results, TRAIN, machine):
        rows = _timed(results, TRAIN, name, machine)
        if rows:
            parts += [f"#### {name}", _about(name, rows[0].size), _details(rows)]
    return [part for part in parts if part]


def _about(name: str, size: dict[str, Any]) -> str:
    """What was trained, on as many rows as were."""
    known = WORKLOADS.get(name)
    if known is None or known.parameters != size.get("parameters"):
        return ", ".join(f"{key} {value:,}" for key, value in size.items())
    return replace(known, rows=size["rows"]).describe() if "rows" in size else known.describe()


def _overview(results: Results, machine: str, spread: bool) -> str:
    subjects = {name: _timed(results, TRAIN, name, machine) for name in _subjects(results, TRAIN, machine)}
    subjects = {name: rows for name, rows in subjects.items() if any(row.engine == OWN for row in rows)}
    others = engines(row for rows in subjects.values() for row in rows if row.engine not in (OWN, FLOOR))
    lines = []
    for name, rows in subjects.items():
        own = next(row for row in rows if row.engine == OWN)
        ratios = against(rows)
        cells = [name, f"{_times(own.summary, spread)} us", _over_floor(own, rows)]
        lines.append([*cells, *(_times(ratios[engine], spread, "x") if engine in ratios else "" for engine in others)])
    heads = ["workload", "tinynn", "time / floor", *(f"vs {title(engine)}" for engine in others)]
    return _table(heads, lines) if lines else ""


def _details(rows: Sequence[Row]) -> str:
    ratios = against(list(rows))
    floor = [row for row in rows if row.engine == FLOOR]
    lines = []
    for row in rows:
        known = row.details
        lines.append(
            [
                title(row.engine),
                _times(row.summary, True),
                _times(ratios[row.engine], True, "x") if row.engine in ratios else "",
                _over_floor(row, floor) if row.engine != FLOOR else "",
                *(number(known[name]) if name in known else "" for name in ("import_s", "build_s", "first_epoch_s")),
                f"{known['peak_mb']:,.0f}" if "peak_mb" in known else "",
                _floor_parts(row) or str(known.get("note", "")),
            ]
        )
    heads = [
        "engine",
        "us per step",
        "vs tinynn",
        "time / floor",
        "import s",
        "build s",
        "first epoch s, with compiling",
    ]
    return _table([*heads, "peak MB", "note"], lines)


def _floor_parts(row: Row) -> str:
    """The products at so many GFLOP/s and the pass at so many GB/s."""
    if "products_us" not in row.details:
        return ""
    products, one_pass = row.details["products_us"], row.details["pass_us"]
    parts = f"products {number(products)} us"
    parts += f" ({number(row.size['flops'] / products / 1e3)} GFLOP/s)" if "flops" in row.size else ""
    parts += f", pass {number(one_pass)} us"
    parts += f" ({number(row.size['bytes'] / one_pass / 1e3)} GB/s)" if "bytes" in row.size else ""
    return f"{parts}; {row.details['note']}" if row.details.get("note") else parts


def _predictions(results: Results, machine: str) -> list[str]:
    found = [row for kind in PREDICT for row in results.of(kind, None, machine) if row.status == TIMED]
    there = engines(found)
    lines = []
    for name in _ordered({row.subject for row in found}):
        for kind in PREDICT:
            rows = {row.engine: row for row in found if (row.kind, row.subject) == (kind, name)}
            if rows:
                cells = (_times(rows[engine].summary, True) if engine in rows else "" for engine in there)
                lines.append([name, KINDS[kind], *cells])
    heads = ["workload", "", *map(title, there)]
    return ["### Prediction", "Microseconds.", _table(heads, lines)] if lines else []


def _seconds(results: Results, machine: str, kind: str, head: str, about: str, first: str) -> list[str]:
    """A table of what is measured in seconds, subject by subject."""
    found = [row for row in results.of(kind, None, machine) if row.status == TIMED]
    there = engines(found)
    lines = []
    for subject in dict.fromkeys(row.subject for row in found):
        rows = {row.engine: row for row in found if row.subject == subject}
        lines.append([subject, *(_times(rows[engine].summary, True) if engine in rows else "" for engine in there)])
    return (
        [f"### {head}", f"Seconds of {KINDS[kind]}{about}.", _table([first, *map(title, there)], lines)]
        if lines
        else []
    )


def _operations(results: Results, machine: str) -> list[str]:
    found = [row for row in results.of("op", None, machine) if row.status == TIMED]
    there = engines(found)
    lines = []
    for name in sorted({row.subject for row in found}):
        rows = {row.engine: row for row in found if row.subject == name}
        compiled = rows[OWN].details.get("compile_s") if OWN in rows else None
        cells = (_times(rows[engine].summary, True) if engine in rows else "" for engine in there)
        lines.append([f"`{name}`", *cells, number(compiled) if compiled is not None else ""])
    if not lines:
        return []
    size = ", ".join(f"{name} {value:,}" for name, value in found[0].size.items())
    about = f"Microseconds of {KINDS['op']}, all called from Python: {size}. Compiling alone comes apart, in seconds."
    return ["### Operations", about, _table(["operation", *map(title, there), "compile s"], lines)]


def _sweeps(results: Results, machine: str, images: str) -> list[str]:
    parts: list[str] = []
    for name in _subjects(results, "sweep", machine):
        rows = _timed(results, "sweep", name, machine)
        if not rows:
            continue
        there = engines(rows)
        by_engine = {engine: by_value([row for row in rows if row.engine == engine]) for engine in there}
        lines = []
        for value in sorted({row.size["value"] for row in rows}):
            cells = (_point(by_engine[engine].get(value), name) for engine in there)
            lines.append([f"{value:,}", *cells])
        unit = "Microseconds per sample." if name == ROWS else "Microseconds of a step, and GFLOP/s of its products."
        about = f"{SWEEPS[name].about}. {unit}" if name in SWEEPS else unit
        parts += [f"#### {name}", about[0].upper() + about[1:], _table([name, *map(title, there)], lines)]
        parts += _flatness(by_engine) if name == ROWS else _crossovers(by_engine, name)
        parts += _images(results, machine, images, name)
    return ["### Sweeps", *parts] if parts else []


def _point(row: Row | None, sweep: str) -> str:
    if row is None:
        return ""
    found = _times(row.summary, True)
    return found if sweep == ROWS else f"{found}, {number(plots.gflops(row))} GFLOP/s"


def _flatness(by_engine: dict[str, dict[int, Row]]) -> list[str]:
    sentences = []
    for engine, rows in by_engine.items():
        medians = [row.summary.median for row in rows.values()]
        if len(medians) > 1:
            sentences.append(
                f"{title(engine)}: from {min(rows):,} to {max(rows):,} rows the longest time per sample is "
                f"{max(medians) / min(medians):.2f} times the shortest."
            )
    return sentences


def _crossovers(by_engine: dict[str, dict[int, Row]], sweep: str) -> list[str]:
    there = gpus(by_engine)
    if not there:
        return ["No GPU took part: nothing is said about where one would overtake."]
    sentences = []
    for engine in there if OWN in by_engine else []:
        found = crossover(list(by_engine[OWN].values()), list(by_engine[engine].values()))
        name = title(engine)
        if found is None:
            sentences.append(f"{name} does not overtake tinynn at the greatest {sweep} that was measured.")
        elif found[0] is None:
            sentences.append(f"{name} is ahead of tinynn at every {sweep} that was measured.")
        else:
            sentences.append(f"{name} overtakes tinynn between {sweep} {found[0]:,} and {found[1]:,}.")
    return sentences


def _memory(results: Results, machine: str) -> list[str]:
    rows = [row for row in results.of("memory", None, machine) if row.status == TIMED]
    lines = [
        [
            f"{row.size.get('file_gb', 0):g} GB, {row.details.get('rows', 0):,} rows",
            number(row.summary.median),
            number(row.details["us_per_sample"]) if "us_per_sample" in row.details else "",
        ]
        for row in rows
    ]
    about = "Training on a file mapped into memory: by how much the process's own memory grows."
    return ["### Memory", about, _table(["file", "growth MB", "us per sample"], lines)] if lines else []


def _not_timed(results: Results, machine: str) -> list[str]:
    """What is missing, by reason: an engine that is not installed is missing everywhere for the same one."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for row in results.rows:
        if row.machine == machine and row.status != TIMED:
            subject = f"{row.subject} {row.size['value']:,}" if "value" in row.size else row.subject
            reasons.setdefault((title(row.engine), row.status, row.why), []).append(f"{row.kind} {subject}")
    lines = [
        f"- {name}, {status}: {_cell(why)} ({', '.join(dict.fromkeys(subjects))})"
        for (name, status, why), subjects in reasons.items()
    ]
    return ["### Not timed", "\n".join(lines)] if lines else []


# What they are made of ------------------------------------------------------------------------------------------------


def _check(results: Results) -> None:
    if not results.rows:
        raise SetupError("there are no rows to report.")
    sizes: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in results.rows:
        if row.status != TIMED or row.kind in ("sweep", "memory"):
            continue
        known = sizes.setdefault((row.kind, row.subject, row.machine), row.size)
        if known != row.size:
            raise SetupError(
                f"{row.kind} {row.subject} was measured in two sizes on {row.machine}: {known} and {row.size}. "
                "Report files made with --quick and without it apart."
            )


def _machines(results: Results) -> list[str]:
    there = {row.machine for row in results.rows}
    return sorted(name for name in results.machines if name in there)


def _subjects(results: Results, kind: str, machine: str) -> list[str]:
    return _ordered({row.subject for row in results.of(kind, None, machine)})


def _place(row: Row) -> tuple[Any, ...]:
    """For an order that does not depend on the files'."""
    names = list(ENGINES)
    engine = names.index(row.engine) if row.engine in names else len(names)
    subject = [*WORKLOADS, *SWEEPS, row.subject].index(row.subject)
    return list(KINDS).index(row.kind), subject, row.subject, row.size.get("value", 0), engine, row.engine


def _ordered(names: set[str]) -> list[str]:
    """As `--list` has them."""
    order = [*WORKLOADS, *SWEEPS]
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def _timed(results: Results, kind: str, subject: str, machine: str) -> list[Row]:
    rows = [row for row in results.of(kind, subject, machine) if row.status == TIMED]
    order = engines(rows)
    return sorted(rows, key=lambda row: order.index(row.engine))


def _over_floor(row: Row, rows: Sequence[Row]) -> str:
    floor = next((other for other in rows if other.engine == FLOOR), None)
    if floor is None:
        return ""
    return number(ratio(row.samples, floor.samples, paired=row.run == floor.run).median)


def _times(found: Summary, spread: bool, unit: str = "") -> str:
    text = f"{number(found.median)}{unit}"
    return f"{text} [{number(found.q1)} .. {number(found.q3)}]" if spread else text


def _images(results: Results, machine: str, folder: str, subject: str) -> list[str]:
    return [
        f"![{plot.about}]({folder}/{plot.name})"
        for plot in plots.wanted(results)
        if plot.machine == machine and plot.subject == subject
    ]


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Words to the left, numbers to the right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in [heads, rule, *lines])


def _cell(value: Any) -> str:
    return re.sub(r"\s+", " ", str(value)).strip().replace("|", "\\|")
