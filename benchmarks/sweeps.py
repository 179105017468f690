"""Scaling: one thing grows, the rest stays. Where the processor's work takes over from overhead, and a GPU from a CPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.engines import ENGINES
from benchmarks.errors import SetupError
from benchmarks.schema import ABSENT
from benchmarks.training import Session, admit, time_training
from benchmarks.workloads import SPARSE, WORKLOADS, Workload

CHECKED_ROWS = 10_000
"""Of the sweep over rows: beyond that many the reference would take hours."""

ROWS, MEMORY = "rows", "memory"


@dataclass(frozen=True)
class Sweep:
    """Args:
    about: in one line.
    values: of what grows; `quick` has the first few.
    make: the workload for a value.
    """

    about: str
    values: tuple[int, ...]
    make: Callable[[int], Workload]


def _point(sizes: tuple[int, ...], batch: int) -> Workload:
    """A workload whose epoch is a few hundred steps, or fewer where steps are long."""
    workload = Workload("sweep", sizes, "relu", SPARSE, "sgd", 1e-2, batch, batch)
    steps = int(np.clip(4e9 / workload.flops, 4, 300))
    return replace(workload, rows=batch * steps)


def _wide(width: int) -> Workload:
    return _point((64, width, width, 10), 32)


def _large_batches(batch: int) -> Workload:
    return _point(WORKLOADS["fashion"].sizes, batch)


def _deep(depth: int) -> Workload:
    return _point((64, *[64] * depth, 10), 32)


def _long(rows: int) -> Workload:
    return replace(WORKLOADS["medical"], rows=rows, epochs=1)


SWEEPS = {
    "width": Sweep("64-w-w-10, batch 32, sgd: units w of the two hidden layers", (8, 32, 128, 512, 1024, 2048), _wide),
    "batch": Sweep("784-300-100-10, sgd: rows of a batch", (1, 8, 32, 128, 512, 2048), _large_batches),
    "depth": Sweep("64-64-...-10, batch 32, sgd: number of hidden layers", (1, 2, 4, 8, 16), _deep),
    ROWS: Sweep("medical: rows of the data; time per sample", (1_000, 10_000, 100_000, 1_000_000, 10_000_000), _long),
}

USUAL = ("tinynn", "keras", "keras-gpu", "jax-scan")
"""The engines of a sweep unless --engine says otherwise."""


def measure(session: Session, name: str, engines: Sequence[str], values: Sequence[int] | None = None) -> None:
    """The rows of a sweep; `values` in place of its own."""
    sweep = SWEEPS[name]
    for value in values or sweep.values:
        workload = sweep.make(value)
        size = {"value": value, "parameters": workload.parameters, "flops": workload.flops, "batch": workload.batch}
        if name == ROWS:
            _measure_rows(session, workload, engines, size)
            continue
        there = admit(session, workload, engines, "sweep", name, size)
        time_training(session, there, "sweep", name, size)


def _measure_rows(session: Session, workload: Workload, engines: Sequence[str], size: dict[str, Any]) -> None:
    if workload.rows <= CHECKED_ROWS:
        names = [contestant.engine for contestant in admit(session, workload, engines, "sweep", ROWS, size)]
    else:
        names = [engine for engine in engines if not ENGINES[engine].missing()]
    for engine in names:
        worker, _ = session.pool.get(engine)
        worker.ask("build", workload, np.arange(workload.rows))
        worker.ask("time_training", 0.0)  # what is done once is not the data's
        samples = []
        for number in range(session.effort.rounds):
            session.say(f"{workload.rows:,} rows, round {number + 1}: {ENGINES[engine].title}")
            time.sleep(session.effort.pause)
            found = worker.ask("time_training", session.effort.at_least)
            samples.append(found["us"] * workload.steps / workload.rows)
        session.row("sweep", ROWS, engine, samples=samples, size=size, details=worker.ask("account"))


def measure_memory(session: Session, gigabytes: float) -> None:
    """The row of training on a memory-mapped file."""
    session.say(f"training on a mapped file of {gigabytes:g} GB")
    worker, _ = session.pool.get("mapped")
    try:
        found = worker.ask("train", gigabytes)
    except SetupError as error:
        session.row("memory", "mapped file", "tinynn", status=ABSENT, why=str(error), unit="MB")
        return
    session.row(
        "memory",
        "mapped file",
        "tinynn",
        samples=[found.pop("growth_mb")],
        unit="MB",
        size={"file_gb": gigabytes},
        details=found,
    )
    session.pool.drop("mapped")
