"""The command line: `python -m benchmarks`, and `python -m benchmarks report`."""

from __future__ import annotations

import argparse
import datetime
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import files, machine, ops, report, start, sweeps, table, training
from benchmarks.engines import ENGINES
from benchmarks.errors import SetupError, WorkerFailed
from benchmarks.progress import Progress
from benchmarks.schema import DISAGREES, FAILED, Results, Row, load, merge, save
from benchmarks.workloads import WORKLOADS

DONE, DISAGREEMENT, CANNOT_START, INTERRUPTED = 0, 1, 2, 130

PARTS = ("train", "predict", "ops", "start", "files")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, keep; or report what was kept.

    Returns:
        The exit code: 0 done, 1 an engine disagreed or failed, 2 it could not start as asked.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["report"]:
            return _report(_report_parser().parse_args(arguments[1:]))
        asked = _parser().parse_args(arguments)
        if asked.list:
            _print_list()
            return DONE
        return _measure(asked)
    except (SetupError, WorkerFailed) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return CANNOT_START
    except KeyboardInterrupt:
        print("\nbenchmarks: interrupted.", file=sys.stderr)
        return INTERRUPTED


def _measure(asked: argparse.Namespace) -> int:
    facts = machine.facts()
    name = asked.machine or machine.default_name(facts)
    results, progress = Results({name: facts}), Progress()
    run = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def emit(row: Row) -> None:
        results.rows.append(row)
        progress.clear()
        print(table.line(row), flush=True)

    session = training.Session(
        name,
        run,
        _effort(asked),
        progress.say,
        emit,
        budgets(asked.engine) if asked.quick and not asked.sweep else None,
    )
    print(f"{name}; {facts['system']}, load {facts['load']}; medians [quartiles]", flush=True)
    parts = asked.part or PARTS
    try:
        with session.pool:
            _run(session, asked, parts)
    finally:
        progress.clear()
        if asked.json and results.rows:
            save(results, asked.json)
            print(f"written: {asked.json}")
    _print_ratios(results)
    return DISAGREEMENT if any(row.status in (DISAGREES, FAILED) for row in results.rows) else DONE


def _run(session: training.Session, asked: argparse.Namespace, parts: Sequence[str]) -> None:
    if asked.sweep:
        _sweep(session, asked)
        return
    engines = asked.engine or [name for name, entry in ENGINES.items() if entry.quick or not asked.quick]
    kinds = [*(training.PREDICT if "predict" in parts else ()), *((training.TRAIN,) if "train" in parts else ())]
    if kinds:
        names = asked.workload or list(WORKLOADS)
        for number, name in enumerate(names):
            session.share = (number + 1) / (len(names) + 1)  # the rest is for cold starts
            left_out = training.PREDICT if asked.quick and name != "medical" else ()
            workload = WORKLOADS[name].shortened() if asked.quick else WORKLOADS[name]
            training.measure(session, workload, engines, [kind for kind in kinds if kind not in left_out])
    if "ops" in parts:
        ops.measure(session, engines, asked.quick)
    if "start" in parts:
        start.measure(session, engines, asked.rounds or 5, asked.quick)
    if "files" in parts:
        files.measure(session, engines, asked.rounds or (3 if asked.quick else 15))


def budgets(engines: Sequence[str] | None = None) -> dict[str, float]:
    """Seconds by process for --quick: whatever the machine, all together are less than two minutes.

    An engine that is asked for and takes no part otherwise has what an engine can do with that is neither slow nor large.
    """
    asked = {engine: ENGINES[engine].quick or 10.0 for engine in engines or ()}
    usual = {engine: entry.quick for engine, entry in ENGINES.items() if entry.quick}
    return {**usual, **asked, "operations": 6.0}


def _sweep(session: training.Session, asked: argparse.Namespace) -> None:
    for name in asked.sweep:
        if name == sweeps.MEMORY:
            sweeps.measure_memory(session, asked.gigabytes)
            continue
        values = sweeps.SWEEPS[name].values
        engines = asked.engine or (sweeps.USUAL[:1] if name == sweeps.ROWS else sweeps.USUAL)
        sweeps.measure(session, name, engines, values[:3] if asked.quick else values)


def _effort(asked: argparse.Namespace) -> training.Effort:
    if asked.quick:
        return training.Effort(rounds=asked.rounds or 3, at_least=0.1, pause=0.05, fresh=False)
    if asked.sweep:
        return training.Effort(rounds=asked.rounds or 7, fresh=False)
    return training.Effort(rounds=asked.rounds or 15)


def _print_ratios(results: Results) -> None:
    """How many times as long as tinynn the others take: medians over the rounds, and the quotient of the least times."""
    for name in dict.fromkeys(row.subject for row in results.of("train")):
        rows = results.of("train", name)
        least = {row.engine: float(row.details.get("least_us", math.nan)) for row in rows}
        for engine, found in table.against(rows).items():
            by_least = least[engine] / least["tinynn"]
            if engine == training.FLOOR:
                print(f"{name:8} time / floor {1 / found.median:.2f} (least {1 / by_least:.2f})")
            else:
                print(f"{name:8} vs {ENGINES[engine].title:18} {table.times(found)} (least {by_least:.2f}x)")


def _print_list() -> None:
    print("workloads")
    for name, workload in WORKLOADS.items():
        print(f"  {name:18} {workload.describe()}; {workload.parameters:,} parameters, {workload.flops:,} flops a step")
    print("engines")
    for name, entry in ENGINES.items():
        print(f"  {name:18} {entry.title}{'; not here: ' + entry.missing() if entry.missing() else ''}")
    print("sweeps")
    for name, sweep in sweeps.SWEEPS.items():
        print(f"  {name:18} {sweep.about} {', '.join(map(str, sweep.values))}")
    print(f"  {sweeps.MEMORY:18} training on a file mapped into memory, --gigabytes large")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time tinynn beside its peers: the same weights, the same batches, agreement first. Exit code 0: "
        "done; 1: an engine disagreed or failed; 2: it could not start.",
        epilog="python -m benchmarks report FILES...  makes a page and plots of what --json kept: see its --help.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds and engines, in under two minutes")
    add("--workload", action="append", choices=list(WORKLOADS), help="only this one; may be repeated")
    add("--engine", action="append", choices=list(ENGINES), help="only this one; may be repeated")
    add("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    add(
        "--sweep",
        action="append",
        choices=[*sweeps.SWEEPS, sweeps.MEMORY],
        help="let this grow instead of measuring the workloads; may be repeated",
    )
    add("--gigabytes", type=float, default=0.5, metavar="GB", help="of the file of --sweep memory (0.5)")
    add("--rounds", type=_positive, metavar="N", help="how often every engine gets its turn (15; quick: 3; sweeps: 7)")
    add("--json", type=Path, metavar="FILE", help="keep the results")
    add("--machine", metavar="NAME", help="what this machine is called in the results (its processor's name)")
    add("--list", action="store_true", help="the workloads and engines, and stop")
    return parser


def _report_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks report",
        description="Merge results, of several machines too, into a Markdown page with plots. Of rows about the same thing "
        "on the same machine the latest counts.",
    )
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="kept by --json")
    add(
        "--out",
        type=Path,
        default=Path("docs/benchmarks.md"),
        metavar="PAGE",
        help="(docs/benchmarks.md); plots beside it",
    )
    add("--readme", type=Path, metavar="FILE", help="renew the table of this README as well")
    add("--json", type=Path, metavar="FILE", help="keep the merged results")
    return parser


def _report(asked: argparse.Namespace) -> int:
    results = merge([load(path) for path in asked.files])
    written = report.write(results, asked.out)
    if asked.readme:
        report.update_readme(results, asked.readme)
        written.append(asked.readme)
    if asked.json:
        save(results, asked.json)
        written.append(asked.json)
    for path in written:
        print(f"written: {path}")
    return DONE


def _positive(text: str) -> int:
    value: Any = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more; got {text}")
    return int(value)
