"""What a process that runs an engine can be asked for; the engines fill in how."""

from __future__ import annotations

import gc
import time
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from benchmarks import memory
from benchmarks.agreement import Epoch
from benchmarks.workloads import Array, Workload, data, initial_weights


class Engine(ABC):
    """One library, or one way to use it. Methods are called in this order: load, build, train, time_training, ..."""

    ways: tuple[str, ...] = ("predict", "call", "evaluate")
    """Which of these it has."""

    workload: Workload
    x: Array
    y: Array
    order: Array

    # What an engine is ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def import_library(self) -> dict[str, Any]:
        """Import it; facts that are known only then (devices, for example)."""

    @abstractmethod
    def prepare(self, weights: list[Array], dtype: str) -> None:
        """Make the model and compile it as far as that is done beforehand."""

    @abstractmethod
    def fit(self, epochs: int) -> float:
        """Train so many epochs, and return when all is done: the last one's mean loss."""

    @abstractmethod
    def weights(self) -> list[Array]:
        """[kernel, bias, ...], as `initial_weights` gives them."""

    def predict(self, x: Array) -> Array:
        """The outputs for a few rows, by the library's function for users; from array to array."""
        raise NotImplementedError

    def call(self, x: Array) -> Array:
        """The outputs for a few rows, by the shortest way that the library offers."""
        raise NotImplementedError

    def evaluate(self) -> float:
        """The mean loss over all rows, in batches of the workload's size, by the library's function for users."""
        raise NotImplementedError

    def note(self) -> str:
        """What a reader should know about how it ran."""
        return ""

    # What it is asked for -------------------------------------------------------------------------------------------------

    def load(self) -> dict[str, Any]:
        """How long the import takes once NumPy is there, and what memory the process has then."""
        start = time.perf_counter()
        facts = self.import_library()
        return {"import_s": time.perf_counter() - start, "import_mb": memory.peak_mb(), **facts}

    def build(self, workload: Workload, order: Array, dtype: str = "float32") -> dict[str, Any]:
        """Make data and model. `order` (rows,) is the order of the samples in every epoch."""
        self.workload, self.order = workload, order
        self.x, self.y = data(workload)
        start = time.perf_counter()
        self.prepare([w.astype(dtype) for w in initial_weights(workload)], dtype)
        return {"build_s": time.perf_counter() - start}

    def first_epoch(self) -> tuple[Epoch, float]:
        """One epoch from the initial weights, and how long it took: compiling included."""
        start = time.perf_counter()
        loss = self.fit(1)
        seconds = time.perf_counter() - start
        outputs = {way: np.array(getattr(self, way)(self.x[:8])) for way in self.ways if way != "evaluate"}
        evaluated = self.evaluate() if "evaluate" in self.ways else None
        return Epoch(float(loss), [np.array(w) for w in self.weights()], outputs, evaluated), seconds

    def time_training(self, at_least: float) -> dict[str, float]:
        """Microseconds per optimizer step, the median and the least of as many calls of fit as take so many seconds."""
        epochs = self.workload.epochs
        gc.collect()
        times: list[float] = []
        while not times or sum(times) < at_least:
            start = time.perf_counter()
            self.fit(epochs)
            times.append(time.perf_counter() - start)
        scale = 1e6 / (epochs * self.workload.steps)
        return {"us": float(np.median(times)) * scale, "least_us": min(times) * scale}

    def time_prediction(self, way: str, at_least: float) -> dict[str, float]:
        """Microseconds of `predict` or `call` on one row, of `evaluate` per batch: the median of as many as take so many
        seconds."""
        function: Any = getattr(self, way)
        arguments = () if way == "evaluate" else (self.x[:1],)
        times: list[float] = []
        while not times or sum(times) < at_least:
            start = time.perf_counter()
            function(*arguments)
            times.append(time.perf_counter() - start)
        return {"us": float(np.median(times)) * 1e6 / (self.workload.steps if way == "evaluate" else 1)}

    def account(self) -> dict[str, Any]:
        """The process's memory so far, and notes."""
        return {"peak_mb": memory.peak_mb(), "note": self.note()}
