"""Training on a file that is larger than the memory it may take: how much does the process grow?"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import memory
from benchmarks.errors import SetupError

FEATURES, CLASSES, BATCH = 784, 10, 256

SPARE = 10**9
"""Bytes that stay free beside the file."""


class Mapped:
    """Runs in a process of its own, see worker.py."""

    def load(self) -> dict[str, Any]:
        """Import tinynn."""
        import tinynn

        self.keras = tinynn
        return {}

    def train(self, gigabytes: float) -> dict[str, Any]:
        """One epoch over a file of float32 rows, shuffled.

        The file has holes instead of zeros, where the file system knows them: it takes no space and is still read in whole.
        It lies in a temporary folder (TMPDIR settles where), which is removed afterwards.
        Counted is the process's own memory, not the file's pages: the system keeps those as long as nobody needs the space.

        Raises:
            SetupError: this system does not tell the two apart, or has no space for the file, were it one without holes.
        """
        try:
            memory.own_mb()
        except OSError as error:
            raise SetupError(str(error)) from None
        keras, layers = self.keras, self.keras.layers
        rows = max(10 * BATCH, int(gigabytes * 1e9 / (4 * FEATURES)))
        model = keras.Sequential(
            [layers.Input((FEATURES,)), layers.Dense(32, "relu"), layers.Dense(CLASSES, "softmax")]
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        with tempfile.TemporaryDirectory(prefix="tinynn-mapped-") as folder:
            needed, free = rows * FEATURES * 4, shutil.disk_usage(folder).free
            if free < needed + SPARE:
                raise SetupError(
                    f"a file of {needed / 1e9:.1f} GB needs {(needed + SPARE) / 1e9:.1f} GB free in {Path(folder).parent}; "
                    f"{free / 1e9:.1f} GB are. Set TMPDIR to another folder, or take fewer --gigabytes."
                )
            path = Path(folder) / "x.float32"
            np.memmap(path, np.float32, "w+", shape=(rows, FEATURES)).flush()
            x = np.memmap(path, np.float32, "r", shape=(rows, FEATURES))
            y = np.arange(rows, dtype=np.int32) % CLASSES
            model.fit(x[: 10 * BATCH], y[: 10 * BATCH], batch_size=BATCH, verbose=0)  # loads the machine code
            before = memory.own_mb()
            start = time.perf_counter()
            with _watch() as most:
                model.fit(x, y, batch_size=BATCH, verbose=0)
            seconds = time.perf_counter() - start
            del x
        return {
            "growth_mb": max(0.0, most[0] - before),
            "before_mb": before,
            "rows": rows,
            "us_per_sample": seconds / rows * 1e6,
            "note": model.engine,
        }


@contextmanager
def _watch() -> Iterator[list[float]]:
    """The most own memory while the block runs, in a list of one."""
    most, done = [memory.own_mb()], threading.Event()

    def look() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], memory.own_mb())

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        done.set()
        watcher.join()
        most[0] = max(most[0], memory.own_mb())
