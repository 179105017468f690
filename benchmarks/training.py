"""A workload on all engines: load, build, one epoch, agreement; then rounds of predicting a row, and of training."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks.agreement import SHORT, Standard, check
from benchmarks.engines import ENGINES
from benchmarks.errors import NotExpressible, OutOfTime, SetupError, WorkerFailed
from benchmarks.order import order
from benchmarks.schema import ABSENT, DISAGREES, FAILED, Row
from benchmarks.worker import Pool, Worker
from benchmarks.workloads import Workload, initial_weights

FLOOR = "floor"
PREDICT, TRAIN = ("predict", "call", "evaluate"), "train"


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: how often every engine gets its turn.
        at_least: seconds of a turn; a single fit may take longer.
        pause: seconds between turns, in which the threads of the last engine go to sleep.
        fresh: whether every workload has processes of its own, so that peak memory is its own.
    """

    rounds: int = 15
    at_least: float = 0.3
    pause: float = 0.1
    fresh: bool = True


@dataclass
class Contestant:
    """An engine in a run: its process, what of it can be timed besides training, what is known about it, its samples, and the
    status and reason why it takes no further part, if so."""

    engine: str
    worker: Worker
    ways: tuple[str, ...]
    details: dict[str, Any]
    samples: list[float] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)
    ended: tuple[str, str] | None = None


class Session:
    """One start of the program.

    Args:
        machine, run: its name and when it was started, for the rows.
        effort: how long to measure.
        budgets: seconds by engine, see `Pool`.
        say: told what is being done.
        emit: told every row as soon as it is known.
    """

    def __init__(
        self,
        machine: str,
        run: str,
        effort: Effort,
        say: Callable[[str], None],
        emit: Callable[[Row], None],
        budgets: dict[str, float] | None = None,
    ) -> None:
        self.machine, self.run, self.effort, self.say, self.emit = machine, run, effort, say, emit
        self.pool = Pool(budgets)
        self.share = 1.0  # of its budget that an engine may spend until now on more than one round

    def row(self, kind: str, subject: str, engine: str, **rest: Any) -> Row:
        """A row of this run, told."""
        row = Row(kind, subject, engine, self.machine, self.run, **rest)
        self.emit(row)
        return row


def measure(session: Session, workload: Workload, engines: Sequence[str], kinds: Sequence[str]) -> None:
    """All rows of these kinds (TRAIN, PREDICT) for a workload. An engine that disagrees is reported and not timed."""
    size = {name: getattr(workload, name) for name in ("parameters", "flops", "bytes", "batch", "rows")}
    there = admit(session, workload, engines, TRAIN if TRAIN in kinds else kinds[0], workload.name, size)
    for way in PREDICT:
        able = [contestant for contestant in there if way in contestant.ways] if way in kinds else []
        take_turns(session, able, "time_prediction", (way,), f"{workload.name}: {way}")
        for contestant in able:
            _tell(session, contestant, way, workload.name, size)
            contestant.samples, contestant.parts = [], []
    if TRAIN in kinds:
        time_training(session, there, TRAIN, workload.name, size)
    if session.effort.fresh:
        session.pool.close()


def admit(
    session: Session, workload: Workload, engines: Sequence[str], kind: str, subject: str, size: dict[str, Any]
) -> list[Contestant]:
    """Those that are installed and agree, ready to be timed; for the others a row that says why not."""
    try:
        standard = _standard(session, workload)
    except OutOfTime as error:
        for engine in engines:
            session.row(kind, subject, engine, status=ABSENT, why=f"the reference is {error}", size=size)
        return []
    there = []
    for engine in engines:
        session.say(f"{subject}: {ENGINES[engine].title} starts and learns for an epoch")
        found = _admit(session, workload, standard, engine)
        if isinstance(found, Contestant):
            there.append(found)
        else:
            status, why = found
            session.row(kind, subject, engine, status=status, why=why, size=size)
    return there


def time_training(session: Session, there: Sequence[Contestant], kind: str, subject: str, size: dict[str, Any]) -> None:
    """Rounds of training, and their rows."""
    take_turns(session, there, "time_training", (), f"{subject}: training")
    for contestant in there:
        contestant.details.update(_medians(contestant.parts))
        if not contestant.ended:
            contestant.details.update(_account(session, contestant))
        _tell(session, contestant, kind, subject, size, contestant.details)


def take_turns(
    session: Session, contestants: Sequence[Contestant], method: str, arguments: tuple[Any, ...], title: str
) -> None:
    """A B C, B C A, C A B, ...: nobody is always the first, though everybody always has the same one before."""
    effort = session.effort
    for number in range(effort.rounds):
        start = number % max(1, len(contestants))
        for contestant in [*contestants[start:], *contestants[:start]]:
            budget = session.pool.budget(contestant.engine)
            if contestant.ended or (contestant.samples and budget.spent > session.share * budget.seconds):
                continue
            session.say(f"{title}, round {number + 1} of {effort.rounds}: {ENGINES[contestant.engine].title}")
            time.sleep(effort.pause)
            try:
                found = contestant.worker.ask(method, *arguments, effort.at_least)
            except (OutOfTime, WorkerFailed) as error:
                contestant.ended = ABSENT if isinstance(error, OutOfTime) else FAILED, str(error)
                session.pool.drop(contestant.engine)
                continue
            contestant.samples.append(found.pop("us"))
            contestant.parts.append(found)


def _tell(
    session: Session,
    contestant: Contestant,
    kind: str,
    subject: str,
    size: dict[str, Any],
    details: dict[str, Any] | None = None,
) -> None:
    """The contestant's row: its samples, fewer when its time ran out; without any, or when it failed, why."""
    status, why = contestant.ended or (ABSENT, "")
    if contestant.samples and status != FAILED:
        session.row(kind, subject, contestant.engine, samples=contestant.samples, size=size, details=details or {})
    else:
        session.row(kind, subject, contestant.engine, status=status, why=why, size=size)


def _standard(session: Session, workload: Workload) -> Standard:
    session.say(f"{workload.name}: the standard, an epoch in float64")
    worker, _ = session.pool.get("tinynn-reference")
    longer = replace(workload, learning_rate=workload.learning_rate * (1 + SHORT))
    runs = [(workload, "float64"), (workload, "float32"), (longer, "float64")]
    epochs = []
    for recipe, dtype in runs if workload.optimizer == "adam" else runs[:2]:
        worker.ask("build", recipe, order(workload.rows), dtype)
        epochs.append(worker.ask("first_epoch")[0])
    if session.effort.fresh:
        session.pool.drop("tinynn-reference")
    return Standard(initial_weights(workload), epochs[0], epochs[1], workload.steps, *epochs[2:])


def _admit(session: Session, workload: Workload, standard: Standard, engine: str) -> Contestant | tuple[str, str]:
    """The engine, ready to be timed, or (status, why not)."""
    missing = ENGINES[engine].missing()
    if missing:
        return ABSENT, missing
    try:
        worker, loaded = session.pool.get(engine)
        details: dict[str, Any] = {name: loaded[name] for name in ("import_s", "import_mb")}
        if ENGINES[engine].device == "gpu":
            details["device"] = ", ".join(loaded["gpus"])
        built = worker.ask("build", workload, order(workload.rows))
        details["build_s"] = built["build_s"]
        if engine == FLOOR:
            return Contestant(engine, worker, (), details)
        epoch, details["first_epoch_s"] = worker.ask("first_epoch")
    except (NotExpressible, SetupError) as error:
        return ABSENT, str(error)
    except (OutOfTime, WorkerFailed) as error:
        session.pool.drop(engine)
        return ABSENT if isinstance(error, OutOfTime) else FAILED, str(error)
    verdict = check(standard, epoch)
    if not verdict.learns:
        return DISAGREES, verdict.told()
    details["agreement"] = vars(verdict)
    if not verdict.predicts:
        for way in epoch.ways:
            session.row(way, workload.name, engine, status=DISAGREES, why=verdict.told())
    return Contestant(engine, worker, epoch.ways if verdict.predicts else (), details)


def _account(session: Session, contestant: Contestant) -> dict[str, Any]:
    try:
        state: dict[str, Any] = contestant.worker.ask("account")
    except (OutOfTime, WorkerFailed) as error:
        session.pool.drop(contestant.engine)
        if isinstance(error, WorkerFailed):  # it ran otherwise than asked, see its note()
            contestant.ended = FAILED, str(error)
        return {}
    if not session.effort.fresh:
        del state["peak_mb"]
    return state


def _medians(parts: list[dict[str, float]]) -> dict[str, float]:
    """What came with the samples: the medians over the rounds, of the least time the least."""
    found = {name: [part[name] for part in parts] for name in (parts[0] if parts else ())}
    return {name: float(min(all_) if name == "least_us" else np.median(all_)) for name, all_ in found.items()}
