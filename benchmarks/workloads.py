"""What is trained: five networks from one that an engine's overhead decides to one that its matrix products decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SEED = 1
"""For `set_random_seed`: settles the order of the samples in fit, see order.py."""

SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", "categorical_crossentropy"


@dataclass(frozen=True)
class Workload:
    """A dense network that ends in a softmax, and how it is trained.

    Args:
        name: as given to --workload.
        sizes: inputs, units of each layer.
        activation: of the hidden layers.
        loss: SPARSE or CATEGORICAL cross-entropy: class numbers or one-hot labels.
        optimizer: "sgd" (plain) or "adam" (Keras's defaults but for the rate).
        learning_rate, batch, rows: as usual.
        epochs: of one timed call of fit.
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    loss: str
    optimizer: str
    learning_rate: float
    batch: int
    rows: int
    epochs: int = 1

    @property
    def steps(self) -> int:
        """Optimizer steps of an epoch; the last batch may be short."""
        return -(-self.rows // self.batch)

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(fan_in * units + units for fan_in, units in pairwise(self.sizes))

    @property
    def products(self) -> list[tuple[int, int, int]]:
        """(m, k, n) of every matrix product of a step: forward, dL/dkernel, and dL/dx but for the first layer."""
        found = []
        for i, (fan_in, units) in enumerate(pairwise(self.sizes)):
            found += [(self.batch, fan_in, units), (fan_in, self.batch, units)]
            found += [(self.batch, units, fan_in)] if i else []
        return found

    @property
    def flops(self) -> int:
        """Of the matrix products of one step."""
        return sum(2 * m * k * n for m, k, n in self.products)

    @property
    def bytes(self) -> int:
        """That an optimizer must read and write in a step, in float32: parameters and gradients, with Adam both means; all
        but the gradients are written back."""
        vectors = {"sgd": 2 + 1, "adam": 4 + 3}[self.optimizer]
        return vectors * self.parameters * np.dtype(np.float32).itemsize

    def shortened(self) -> Workload:
        """For --quick: at most 100 steps of an epoch, 10 where they are long, and fewer epochs at once."""
        steps = 10 if self.flops > 1e9 else 100
        return replace(self, rows=min(self.rows, steps * self.batch), epochs=min(self.epochs, 5))

    def describe(self) -> str:
        """In one line."""
        layers = "-".join(map(str, self.sizes))
        return f"{layers} {self.activation}, {self.optimizer} {self.learning_rate:g}, batch {self.batch}, {self.rows:,} rows"


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("medical", (1, 16, 32, 2), "relu", SPARSE, "adam", 1e-4, 10, 1_890, epochs=10),
        Workload("xor", (3, 4, 3, 2), "tanh", SPARSE, "adam", 1e-3, 32, 10_000, epochs=5),
        Workload("lab", (32, 32, 64, 64, 4), "relu", CATEGORICAL, "sgd", 1e-2, 32, 10_000, epochs=3),
        Workload("fashion", (784, 300, 100, 10), "relu", SPARSE, "sgd", 1e-2, 32, 16_000),
        Workload("wide", (784, 1024, 1024, 10), "relu", SPARSE, "adam", 1e-3, 256, 5_120),
    )
}


def data(workload: Workload) -> tuple[Array, Array]:
    """x (rows, inputs) float32 and y, int32 class numbers (rows,) or one-hot float32: what the network can learn."""
    rng = np.random.default_rng(7)
    rows, inputs, classes = workload.rows, workload.sizes[0], workload.sizes[-1]
    if workload.name == "medical":  # who is 65 or older has side effects, with one exception in twenty
        ages = rng.integers(13, 101, (rows, 1))
        labels: Array = (ages[:, 0] >= 65) ^ (rng.random(rows) < 0.05)
        x = (ages - 13) / 87
    elif workload.name == "xor":  # is the count of negative numbers odd?
        x = rng.uniform(-1, 1, (rows, inputs))
        labels = np.prod(x, axis=1) < 0
    else:  # points around one centre per class
        labels = rng.integers(0, classes, rows)
        x = np.clip(rng.random((classes, inputs))[labels] + rng.normal(0, 0.3, (rows, inputs)), 0, 1)
    y = (
        np.eye(classes, dtype=np.float32)[labels.astype(int)]
        if workload.loss == CATEGORICAL
        else labels.astype(np.int32)
    )
    return x.astype(np.float32), y


def initial_weights(workload: Workload) -> list[Array]:
    """[kernel, bias, kernel, bias, ...] float32: Glorot's uniform kernels, small biases (at zero some errors do not show)."""
    rng = np.random.default_rng(8)
    weights: list[Array] = []
    for fan_in, units in pairwise(workload.sizes):
        limit = np.sqrt(6 / (fan_in + units))
        weights.append(rng.uniform(-limit, limit, (fan_in, units)).astype(np.float32))
        weights.append(rng.uniform(-0.05, 0.05, units).astype(np.float32))
    return weights
