"""Saving and loading: models compiled with Adam, after an epoch, so that the optimizer's slots are in the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.engines import ENGINES
from benchmarks.errors import OutOfTime, WorkerFailed
from benchmarks.schema import ABSENT, FAILED
from benchmarks.start import IMPORTS
from benchmarks.training import Session
from benchmarks.worker import ROOT, Budget

MODELS = {"medical": (1, (16, 32), 2), "wide": (784, (1024, 1024), 10)}
"""{name: (inputs, units of the hidden layers, classes)}; a file of wide holds 22 MB of weights and slots."""

FORMATS = ("keras", "h5", "weights.h5")

PROGRAM = """
import json, os, sys, tempfile, time, warnings
import numpy as np
{imports}
warnings.simplefilter("ignore")
inputs, hidden, classes = {shape}
stack = [keras.layers.Input((inputs,)), *(keras.layers.Dense(n, activation="relu") for n in hidden)]
model = keras.Sequential([*stack, keras.layers.Dense(classes, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(np.ones((32, inputs), "float32"), np.zeros(32, "int32"), verbose=0)
found = {{}}
def timed(name, function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    found.setdefault(name, []).append(time.perf_counter() - start)
with tempfile.TemporaryDirectory() as folder:
    for number in range({rounds} + 1):
        for ending in {formats}:
            path = os.path.join(folder, "model." + ending)
            weights = ending == "weights.h5"
            timed("save ." + ending, model.save_weights if weights else model.save, path)
            timed("load ." + ending, model.load_weights if weights else keras.models.load_model, path)
print(json.dumps({{name: seconds[1:] for name, seconds in found.items()}}))
"""


def measure(session: Session, engines: Sequence[str], rounds: int) -> None:
    """The rows: save and load in each format, small and large; the first time, which imports, does not count."""
    for engine in [engine for engine in IMPORTS if engine in engines]:
        for name, shape in MODELS.items():
            subjects = [f"{name}: {way} .{ending}" for ending in FORMATS for way in ("save", "load")]
            reason = ENGINES[engine].missing()
            if reason:
                for subject in subjects:
                    session.row("files", subject, engine, status=ABSENT, why=reason, unit="s")
                continue
            session.say(f"files: {ENGINES[engine].title}, {name}")
            program = PROGRAM.format(imports=IMPORTS[engine], shape=shape, formats=FORMATS, rounds=rounds)
            try:
                found = _answer(program, ENGINES[engine].environment, session.pool.budget(engine))
            except (OutOfTime, WorkerFailed) as error:
                status = ABSENT if isinstance(error, OutOfTime) else FAILED
                for subject in subjects:
                    session.row("files", subject, engine, status=status, why=str(error), unit="s")
                continue
            for way, samples in found.items():
                session.row("files", f"{name}: {way}", engine, samples=samples, unit="s")


def _answer(program: str, environment: dict[str, str], budget: Budget) -> dict[str, list[float]]:
    """What a program prints at its end.

    Raises:
        WorkerFailed: it ended with an error; its last line.
        OutOfTime: it takes longer than the budget has left.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with tempfile.TemporaryFile("w+", errors="replace") as said, tempfile.TemporaryFile("w+") as answered:
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": path, **environment},
            stdout=answered,
            stderr=said,
        )
        with budget.running(process.kill):
            if process.wait():
                said.seek(0)
                raise WorkerFailed((said.read().strip().splitlines() or ["no message"])[-1])
        answered.seek(0)
        found: dict[str, list[float]] = json.loads(answered.read().splitlines()[-1])
        return found
