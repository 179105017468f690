"""The floor under a step: its matrix products and nothing else, and one pass over what the optimizer must read and write.

The products are those of NumPy's own BLAS, called from a compiled loop (calls from Python would cost more than the small ones);
with one thread and with all, whichever is faster. Nothing says that a step cannot be faster still, with another BLAS for
instance; but who is near the floor has no overhead left to remove.
"""

from __future__ import annotations

import ctypes
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.engines.engine import Engine
from benchmarks.workloads import Array

_COLUMNS = 13
"""Of a product's description: addresses of the arguments of Fortran's gemm."""


class Floor(Engine):
    """Not an engine: it learns nothing, and is only timed."""

    ways = ()

    def import_library(self) -> dict[str, Any]:
        import numba

        from tinynn.engine import blas

        found = blas.find()
        signature = ctypes.CFUNCTYPE(None, *[ctypes.c_size_t] * _COLUMNS)
        gemm = signature(found.sgemm)
        self.set_threads = found.set_threads
        self.run_products, self.adam_pass, self.sgd_pass = _compile(numba, gemm)
        self.cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.pool = ThreadPoolExecutor(self.cpus)
        return {}

    def prepare(self, weights: list[Array], dtype: str) -> None:
        self.products = _Products(self.workload.batch, self.workload.sizes)
        size = self.workload.parameters
        self.vectors = [np.full(size, 1e-3, np.float32) for _ in range(4 if self.workload.optimizer == "adam" else 2)]
        self.one_pass = self.adam_pass if self.workload.optimizer == "adam" else self.sgd_pass
        self.chosen: dict[str, int] = {}
        self.run_products(self.products.table, 1)
        self.one_pass(*self.vectors, 1)

    def fit(self, epochs: int) -> float:
        self.run_products(self.products.table, epochs * self.workload.steps)
        return 0.0

    def weights(self) -> list[Array]:
        return []

    def time_training(self, at_least: float) -> dict[str, float]:
        """Microseconds per step, the parts and their sum, each with the better number of threads."""
        products: dict[int, float] = {}
        for threads in sorted({1, self.cpus}) if self.set_threads else [self.cpus]:
            if self.set_threads:
                self.set_threads(threads)
            products[threads] = _seconds(lambda times: self.run_products(self.products.table, times), at_least / 3)
        passes = {1: _seconds(lambda times: self.one_pass(*self.vectors, times), at_least / 6)}
        if self.cpus > 1:
            passes[self.cpus] = _seconds(self._passes_by_all, at_least / 6)
        self.chosen = {"products": min(products, key=products.__getitem__), "pass": min(passes, key=passes.__getitem__)}
        own, step = min(products.values()), min(passes.values())
        return {
            "us": (own + step) * 1e6,
            "least_us": (own + step) * 1e6,
            "products_us": own * 1e6,
            "pass_us": step * 1e6,
        }

    def _passes_by_all(self, times: int) -> None:
        for _ in range(times):
            parts = zip(*(np.array_split(vector, self.cpus) for vector in self.vectors))
            list(self.pool.map(lambda part: self.one_pass(*part, 1), parts))

    def note(self) -> str:
        return ", ".join(f"{part} on {threads} thread{'s' * (threads > 1)}" for part, threads in self.chosen.items())


def _seconds(run: Any, at_least: float) -> float:
    """Per time, the median of several runs of as many times as are long enough to be timed."""
    times, taken = 1, 0.0
    while taken < 2e-3:
        times *= 2
        start = time.perf_counter()
        run(times)
        taken = time.perf_counter() - start
    found = [taken / times]
    while sum(found) * times < at_least:
        start = time.perf_counter()
        run(times)
        found.append((time.perf_counter() - start) / times)
    return float(np.median(found))


class _Products:
    """The products of a step on arrays of their own, each described by the 13 addresses that Fortran's gemm takes.

    Fortran sees the transposes of our arrays and of the whole equation: c = a b is c' = b' a'.
    """

    def __init__(self, batch: int, sizes: tuple[int, ...]) -> None:
        rng = np.random.default_rng(9)
        self._kept: list[Any] = []
        rows = []
        for i, (fan_in, units) in enumerate(pairwise(sizes)):
            shapes = ((batch, fan_in), (fan_in, units), (batch, units))
            x, kernel, out = (rng.random(shape, dtype=np.float32) - np.float32(0.5) for shape in shapes)
            d_x, d_kernel = np.empty_like(x), np.empty_like(kernel)
            rows.append(self._gemm(x, False, kernel, False, out))
            rows.append(self._gemm(x, True, out, False, d_kernel))
            if i:
                rows.append(self._gemm(out, False, kernel, True, d_x))
        self.table = np.array(rows, np.uint64)

    def _gemm(self, a: Array, transpose_a: bool, b: Array, transpose_b: bool, c: Array) -> list[int]:
        m, n = c.shape
        k = a.shape[0] if transpose_a else a.shape[1]
        letters = [np.frombuffer(b"T" if t else b"N", np.uint8) for t in (transpose_b, transpose_a)]
        sizes = [np.array([size], np.int64) for size in (n, m, k, b.shape[1], a.shape[1], n)]
        one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
        arguments: list[Array] = [*letters, *sizes[:3], one, b, sizes[3], a, sizes[4], zero, c, sizes[5]]
        self._kept += arguments
        return [argument.ctypes.data for argument in arguments]


def _compile(numba: Any, gemm: Any) -> tuple[Any, Any, Any]:
    @numba.njit
    def run(t: Any, times: int) -> None:
        for _ in range(times):
            for i in range(t.shape[0]):
                gemm(
                    t[i, 0], t[i, 1], t[i, 2], t[i, 3], t[i, 4], t[i, 5], t[i, 6],
                    t[i, 7], t[i, 8], t[i, 9], t[i, 10], t[i, 11], t[i, 12],
                )  # fmt: skip

    @numba.njit(nogil=True)
    def adam(p: Any, g: Any, m: Any, v: Any, times: int) -> None:
        for _ in range(times):
            for i in range(p.size):
                m[i] += (g[i] - m[i]) * np.float32(0.1)
                v[i] += (g[i] - v[i]) * np.float32(0.1)
                p[i] += m[i] - v[i]

    @numba.njit(nogil=True)
    def sgd(p: Any, g: Any, times: int) -> None:
        for _ in range(times):
            for i in range(p.size):
                p[i] += g[i] * np.float32(1e-20)

    return run, adam, sgd
