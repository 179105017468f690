"""The results' file: what was measured, where. JSON that files from other machines can join.

    {"schema": 1, "machines": {NAME: FACTS}, "rows": [ROW, ...]}

FACTS are machine.py's; a ROW has the fields of `Row`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import SetupError
from benchmarks.statistics import Summary, summary

SCHEMA = 1

TIMED, DISAGREES, FAILED, ABSENT = "timed", "disagrees", "failed", "absent"

KINDS = {
    "train": "an optimizer step, within fit over whole epochs",
    "predict": "predict on one row",
    "call": "model(x) on one row",
    "evaluate": "evaluate on all rows, per batch",
    "op": "one call of an operation",
    "start": "a process from its start to its end",
    "files": "a model, or its weights, into a file or out of one",
    "sweep": "an optimizer step (a sample, for rows), as one thing grows",
    "memory": "training on a file larger than the memory it may take",
}

UNITS = ("us", "s", "MB")


@dataclass(frozen=True)
class Row:
    """One engine on one subject. Without samples unless its status is "timed"."""

    kind: str = field(metadata={"about": "what was measured: " + "; ".join(f"{k}: {v}" for k, v in KINDS.items())})
    subject: str = field(metadata={"about": "the workload, the operation, or the sweep"})
    engine: str = field(metadata={"about": "a name of `--list`"})
    machine: str = field(metadata={"about": "the machine's name, a key of `machines`"})
    run: str = field(metadata={"about": "when the program was started: rows of one run took turns, sample by sample"})
    status: str = field(
        default=TIMED,
        metadata={
            "about": "timed, disagrees (with the standard; not timed), failed, or absent (not installed, no GPU)"
        },
    )
    why: str = field(default="", metadata={"about": "for every status but timed, the reason"})
    unit: str = field(default="us", metadata={"about": "of the samples: us, s or MB (10^6 bytes)"})
    samples: list[float] = field(default_factory=list, metadata={"about": "one per round, in their order"})
    size: dict[str, Any] = field(
        default_factory=dict, metadata={"about": "what was worked on: parameters, flops, batch, rows, width ..."}
    )
    details: dict[str, Any] = field(
        default_factory=dict,
        metadata={"about": "agreement, import_s, first_epoch_s, peak_mb, the floor's parts, notes ..."},
    )

    @property
    def summary(self) -> Summary:
        """Median and quartiles of the samples."""
        return summary(self.samples)


@dataclass
class Results:
    """Machines by name, and rows that name them."""

    machines: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def of(self, kind: str, subject: str | None = None, machine: str | None = None) -> list[Row]:
        """Some of the rows."""
        return [
            row
            for row in self.rows
            if row.kind == kind and subject in (None, row.subject) and machine in (None, row.machine)
        ]


def save(results: Results, path: Path) -> None:
    """Write a file that `load` reads."""
    rows = [dataclasses.asdict(row) for row in results.rows]
    for row in rows:
        row["samples"] = [float(f"{sample:.5g}") for sample in row["samples"]]
    content = {"schema": SCHEMA, "machines": results.machines, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".half")  # whoever reads sees the old file or the new one
    half.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(half, path)


def load(path: Path) -> Results:
    """Read a file and check it.

    Raises:
        SetupError: it cannot be read, or is no results of this schema; says where.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise SetupError(f"{path} is no results' file, or only half of one; as JSON: {error}.") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else type(content).__name__
        raise SetupError(f"{path}: expected benchmark results of schema {SCHEMA}; got {found!r}.")
    machines: Any = content.get("machines")
    rows: Any = content.get("rows")
    objects = isinstance(machines, dict) and all(isinstance(facts, dict) for facts in machines.values())
    if not objects or not isinstance(rows, list):
        raise SetupError(f'{path}: expected "machines" (an object of objects) and "rows" (a list).')
    return Results(machines, [_row(each, machines, f"{path}, row {i}") for i, each in enumerate(rows)])


def merge(many: Sequence[Results]) -> Results:
    """All machines and all rows; of rows about the same thing on the same machine the one from the latest run.

    A machine's facts are those of the latest; where its packages have changed in between, all their versions are named.

    Raises:
        SetupError: two files mean different machines by one name.
    """
    machines: dict[str, dict[str, Any]] = {}
    latest: dict[tuple[Any, ...], Row] = {}
    for results in many:
        for name, facts in results.machines.items():
            known = machines.setdefault(name, facts)
            if known.get("processor") != facts.get("processor") or known.get("cpus") != facts.get("cpus"):
                raise SetupError(f'two machines are called "{name}"; measure one of them again with --machine NAME.')
            older, newer = sorted((known, facts), key=lambda each: str(each.get("date", "")))
            machines[name] = {**newer, "versions": _both(older.get("versions", {}), newer.get("versions", {}))}
        for row in results.rows:
            key = (row.kind, row.subject, row.engine, row.machine, *sorted(map(str, row.size.items())))
            if key not in latest or row.run >= latest[key].run:
                latest[key] = row
    return Results(machines, list(latest.values()))


def _both(older: dict[str, str], newer: dict[str, str]) -> dict[str, str]:
    """{package: version}, or 'older and newer' where they differ."""
    found = dict(newer)
    for package, version in older.items():
        there = found.get(package, version).split(" and ")
        found[package] = " and ".join(dict.fromkeys([*version.split(" and "), *there]))
    return {package: found[package] for package in {**newer, **older}}


def _row(content: Any, machines: Iterable[str], where: str) -> Row:
    known = {f.name: f for f in dataclasses.fields(Row)}
    if not isinstance(content, dict):
        raise SetupError(f"{where}: expected an object; got {content!r}.")
    unknown, needed = set(content) - set(known), {"kind", "subject", "engine", "machine", "run"} - set(content)
    if unknown or needed:
        raise SetupError(f"{where}: unknown fields {sorted(unknown)}, missing fields {sorted(needed)}.")
    row = Row(**content)
    for f in dataclasses.fields(Row):
        kind = {"size": dict, "details": dict, "samples": list}.get(f.name, str)
        if not isinstance(content.get(f.name, kind()), kind):
            raise SetupError(f"{where}: {f.name} must be of type {kind.__name__}; got {content[f.name]!r}.")
    for value, allowed, name in (
        (row.kind, tuple(KINDS), "kind"),
        (row.unit, UNITS, "unit"),
        (row.status, (TIMED, DISAGREES, FAILED, ABSENT), "status"),
        (row.machine, tuple(machines), "machine"),
    ):
        if value not in allowed:
            raise SetupError(f"{where}: {name} must be one of {', '.join(allowed)}; got {value!r}.")
    least = 0.0 if row.unit == "MB" else math.ulp(0.0)  # what was timed takes time
    numbers = all(type(s) in (int, float) and math.isfinite(s) and s >= least for s in row.samples)
    if not numbers or bool(row.samples) != (row.status == TIMED):
        raise SetupError(
            f"{where}: a timed row has samples, finite and positive, another has none; got {row.samples!r}."
        )
    return row
