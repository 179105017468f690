"""Cold starts: a process that imports a library, builds the medical model and trains it for 30 epochs. All of it counts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.engines import ENGINES
from benchmarks.errors import OutOfTime, WorkerFailed
from benchmarks.schema import ABSENT, FAILED
from benchmarks.training import Session
from benchmarks.worker import ROOT, Budget

IMPORTS = {"tinynn": "import tinynn as keras", "keras": "import keras"}

PROGRAM = """
import numpy as np
{imports}
keras.utils.set_random_seed(1)
x = np.random.random((1890, 1)).astype("float32")
y = (x[:, 0] > 0.6).astype("int32")
model = keras.Sequential([
    keras.layers.Input((1,)),
    keras.layers.Dense(16, activation="relu"),
    keras.layers.Dense(32, activation="relu"),
    keras.layers.Dense(2, activation="softmax"),
])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-4), loss="sparse_categorical_crossentropy",
              metrics=["accuracy"])
model.fit(x, y, batch_size=10, epochs=30, verbose=0)
"""

TRAINS, IMPORT_ALONE, FIRST_EVER = "medical, 30 epochs", "import alone", "medical, 30 epochs, nothing compiled yet"


def measure(session: Session, engines: Sequence[str], rounds: int, quick: bool) -> None:
    """The rows: importing and training, with warm caches, NumPy's import beside them; and the one compile of tinynn's.

    `quick` takes one round for the caches to be warm, and leaves out the compile.
    """
    chosen = [engine for engine in IMPORTS if engine in engines]
    missing = {engine: ENGINES[engine].missing() for engine in chosen}
    for engine in [engine for engine in chosen if missing[engine]]:
        session.row("start", TRAINS, engine, status=ABSENT, why=missing[engine], unit="s")
        chosen.remove(engine)
    programs = {("numpy", IMPORT_ALONE): "import numpy"}
    for engine in chosen:
        programs[engine, IMPORT_ALONE] = f"import numpy\n{IMPORTS[engine]}"
        programs[engine, TRAINS] = PROGRAM.format(imports=IMPORTS[engine])
    samples: dict[tuple[str, str], list[float]] = {key: [] for key in programs}
    failed: dict[tuple[str, str], tuple[str, str]] = {}
    for number in [1] if quick else range(rounds + 1):  # round 0 warms the caches
        for key, program in programs.items():
            if key in failed:
                continue
            session.say(f"cold start, round {number}: {key[0]}, {key[1]}")
            try:
                environment = ENGINES[key[0]].environment if key[0] in ENGINES else {}
                seconds = _seconds(program, environment, session.pool.budget(key[0]))
            except (OutOfTime, WorkerFailed) as error:
                failed[key] = ABSENT if isinstance(error, OutOfTime) else FAILED, str(error)
                continue
            if number:
                samples[key].append(seconds)
    for (engine, subject), found in samples.items():
        if (engine, subject) in failed:
            status, why = failed[engine, subject]
            session.row("start", subject, engine, status=status, why=why, unit="s")
        else:
            session.row("start", subject, engine, samples=found, unit="s")
    if "tinynn" in chosen and not quick:
        with tempfile.TemporaryDirectory() as empty:
            session.say("cold start: tinynn compiles")
            seconds = _seconds(programs["tinynn", TRAINS], {"TINYNN_CACHE": empty})
        session.row("start", FIRST_EVER, "tinynn", samples=[seconds], unit="s")


def _seconds(program: str, environment: dict[str, str], budget: Budget | None = None) -> float:
    """From the start of a process to its end.

    Raises:
        WorkerFailed: it ended with an error; its last line.
        OutOfTime: it takes longer than the budget has left.
    """
    budget = budget or Budget()
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    inherited = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }  # caches are warm
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env={**inherited, "PYTHONPATH": path, **environment},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        with budget.running(process.kill):
            if process.wait():
                said.seek(0)
                raise WorkerFailed((said.read().strip().splitlines() or ["no message"])[-1])
        return time.perf_counter() - start
