"""The rounds of single operations; operations.py computes them, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.engines import ENGINES
from benchmarks.errors import NotExpressible, OutOfTime, WorkerFailed
from benchmarks.operations import BATCH, CLASSES, FAN_IN, PARAMETERS, QUICK, UNITS
from benchmarks.schema import ABSENT, DISAGREES, FAILED
from benchmarks.training import Session

SIZE = {"batch": BATCH, "fan_in": FAN_IN, "units": UNITS, "classes": CLASSES, "parameters": PARAMETERS}


def measure(session: Session, engines: Sequence[str], quick: bool) -> None:
    """Rows for every twin: itself, its reference, and Keras's operation where it has one."""
    if ENGINES["tinynn"].missing():
        return
    with_keras = "keras" in engines and not ENGINES["keras"].missing() and not quick
    names = QUICK if quick else session.pool.get("operations")[0].ask("names")
    for name in names:
        session.say(f"operations: {name}")
        try:
            _measure(session, name, engines, with_keras)
        except (NotExpressible, OutOfTime) as error:
            session.row("op", name, "tinynn", status=ABSENT, why=str(error), size=SIZE)
        except WorkerFailed as error:
            session.row("op", name, "tinynn", status=FAILED, why=str(error), size=SIZE)
            session.pool.drop("operations")
    session.pool.drop("operations")


def _measure(session: Session, name: str, engines: Sequence[str], with_keras: bool) -> None:
    worker, _ = session.pool.get("operations")
    prepared = worker.ask("prepare", name, with_keras)
    wanted = {way: wrong for way, wrong in prepared["found"].items() if way in engines}
    for way, wrong in wanted.items():
        if wrong:
            session.row("op", name, way, status=DISAGREES, why=wrong, size=SIZE)
    samples: dict[str, list[float]] = {way: [] for way, wrong in wanted.items() if not wrong}
    for _ in range(session.effort.rounds):
        for way, found in samples.items():
            time.sleep(session.effort.pause / 10)
            found.append(worker.ask("time_operation", way, session.effort.at_least / 10)["us"])
    details: dict[str, Any] = {"compile_s": prepared["compile_s"]}
    for way, found in samples.items():
        session.row("op", name, way, samples=found, size=SIZE, details=details if way == "tinynn" else {})
