"""JAX, as one writes it for speed: data on the device, donated buffers, one compiled program per step or per epoch."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np

from benchmarks.engines.engine import Engine
from benchmarks.workloads import CATEGORICAL, Array, Workload


class JaxStep(Engine):
    """Python loops over the batches and calls one compiled program for each."""

    ways = ("call",)

    state: Any

    def import_library(self) -> dict[str, Any]:
        import jax

        self.jax = jax
        jax.devices()
        return {}

    def prepare(self, weights: list[Array], dtype: str) -> None:
        jnp, workload = self.jax.numpy, self.workload
        self.parameters = [jnp.array(w) for w in weights]
        self.state = _initial_state(self.jax, self.parameters, workload)
        self.x_there, self.y_there = jnp.array(self.x), jnp.array(self.y)
        stops = range(workload.batch, workload.rows, workload.batch)
        self.batches = [jnp.array(part) for part in np.split(self.order.astype(np.int32), stops)]
        step = _step(self.jax, workload)

        @functools.partial(self.jax.jit, donate_argnums=0)
        def one(state: Any, x: Any, y: Any, rows: Any) -> Any:
            return step(state, x[rows], y[rows])

        self.one = one
        self.forward = self.jax.jit(
            lambda parameters, x: self.jax.nn.softmax(_logits(self.jax, parameters, x, workload))
        )

    def fit(self, epochs: int) -> float:
        for _ in range(epochs):
            sums = []
            for rows in self.batches:
                self.state, found = self.one(self.state, self.x_there, self.y_there, rows)
                sums.append(found)
        self.jax.block_until_ready(self.state)
        return sum(float(loss) for loss, _ in sums) / self.workload.rows

    def weights(self) -> list[Array]:
        return [np.asarray(w) for w in self.state[0]]

    def call(self, x: Array) -> Array:
        return np.asarray(self.forward(self.state[0], x))


class JaxScan(JaxStep):
    """One compiled program runs a whole epoch with lax.scan.

    Two forms are made, one that gathers each batch as it comes and one that gathers all before; the faster is used.
    """

    def prepare(self, weights: list[Array], dtype: str) -> None:
        super().prepare(weights, dtype)
        self.order_there = self.jax.numpy.array(self.order.astype(np.int32))
        times = {}
        for gathers in ("each batch", "all batches"):
            epoch = _epoch(self.jax, self.workload, gathers == "all batches")
            state = _initial_state(self.jax, self.parameters, self.workload)
            for _ in range(3):  # the first one compiles
                start = time.perf_counter()
                state, _ = self.jax.block_until_ready(epoch(state, self.x_there, self.y_there, self.order_there))
                times[gathers] = (time.perf_counter() - start, epoch)
        self.gathers, (_, self.epoch) = min(times.items(), key=lambda item: item[1][0])

    def fit(self, epochs: int) -> float:
        for _ in range(epochs):
            self.state, sums = self.epoch(self.state, self.x_there, self.y_there, self.order_there)
        self.jax.block_until_ready(self.state)
        return float(sums[0]) / self.workload.rows

    def note(self) -> str:
        return f"gathers {self.gathers}"


def _logits(jax: Any, parameters: Any, x: Any, workload: Workload) -> Any:
    activation = {"relu": jax.nn.relu, "tanh": jax.numpy.tanh}[workload.activation]
    for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2]):
        x = activation(x @ kernel + bias)
    return x @ parameters[-2] + parameters[-1]


def _initial_state(jax: Any, parameters: Any, workload: Workload) -> Any:
    """(parameters, m, v, t) in buffers of their own: they will be donated."""
    zeros = [jax.numpy.zeros_like(p) for p in parameters] if workload.optimizer == "adam" else []
    return [p.copy() for p in parameters], zeros, [z.copy() for z in zeros], jax.numpy.int32(0)


def _step(jax: Any, workload: Workload) -> Any:
    """(state, x, y) -> (state, (sum of the losses, how many are right)), in Keras's formulas."""
    jnp, real = jax.numpy, np.float32
    rate, gain_1, gain_2, epsilon = real(workload.learning_rate), real(1 - 0.9), real(1 - 0.999), real(1e-7)

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        logits = _logits(jax, parameters, x, workload)
        log_p = jax.nn.log_softmax(logits)
        if workload.loss == CATEGORICAL:
            losses, labels = -(y * log_p).sum(axis=1), y.argmax(axis=1)
        else:
            losses, labels = -jnp.take_along_axis(log_p, y[:, None], axis=1)[:, 0], y
        return losses.mean(), (losses.sum(), (logits.argmax(axis=1) == labels).sum())

    def step(state: Any, x: Any, y: Any) -> Any:
        parameters, m, v, t = state
        gradients, found = jax.grad(loss, has_aux=True)(parameters, x, y)
        t = t + 1
        if workload.optimizer == "sgd":
            parameters = [p - rate * g for p, g in zip(parameters, gradients)]
        else:
            steps = t.astype(real)
            a = rate * jnp.sqrt(1 - real(0.999) ** steps) / (1 - real(0.9) ** steps)
            m = [mi + (g - mi) * gain_1 for mi, g in zip(m, gradients)]
            v = [vi + (g * g - vi) * gain_2 for vi, g in zip(v, gradients)]
            parameters = [p - a * mi / (jnp.sqrt(vi) + epsilon) for p, mi, vi in zip(parameters, m, v)]
        return (parameters, m, v, t), found

    return step


def _epoch(jax: Any, workload: Workload, gather_before: bool) -> Any:
    step, batch = _step(jax, workload), workload.batch
    whole = workload.rows // batch

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, x: Any, y: Any, order: Any) -> Any:
        rows = order[: whole * batch].reshape(whole, batch)
        if gather_before:
            state, found = jax.lax.scan(lambda s, xy: step(s, *xy), state, (x[rows], y[rows]))
        else:
            state, found = jax.lax.scan(lambda s, i: step(s, x[i], y[i]), state, rows)
        losses, hits = (each.sum() for each in found)
        if whole * batch < workload.rows:  # the last, short batch
            rest = order[whole * batch :]
            state, (loss, hit) = step(state, x[rest], y[rest])
            losses, hits = losses + loss, hits + hit
        return state, (losses, hits)

    return epoch
