"""PyTorch on the CPU: the usual loop, with the data gathered from tensors."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.engines.engine import Engine
from benchmarks.workloads import CATEGORICAL, Array


class Torch(Engine):
    """One optimizer step per batch, from Python."""

    ways = ("call",)

    def import_library(self) -> dict[str, Any]:
        import torch

        self.torch = torch
        return {}

    def prepare(self, weights: list[Array], dtype: str) -> None:
        torch, nn, workload = self.torch, self.torch.nn, self.workload
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[workload.activation]
        layers: list[Any] = []
        for fan_in, units in pairwise(workload.sizes):
            layers += [nn.Linear(fan_in, units), activation()]
        self.model = nn.Sequential(*layers[:-1])
        with torch.no_grad():
            for parameter, weight in zip(self.model.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(weight.T if weight.ndim == 2 else weight))
        optimizer = torch.optim.SGD if workload.optimizer == "sgd" else torch.optim.Adam
        self.optimizer = optimizer(self.model.parameters(), lr=workload.learning_rate)
        self.steps = 0
        self.x_there = torch.from_numpy(self.x)
        self.y_there = torch.from_numpy(self.y if workload.loss == CATEGORICAL else self.y.astype(np.int64))
        self.loss = nn.CrossEntropyLoss()
        self.batches = torch.from_numpy(self.order).split(workload.batch)

    def fit(self, epochs: int) -> float:
        torch, categorical = self.torch, self.workload.loss == CATEGORICAL
        for _ in range(epochs):
            total, hits = torch.zeros(()), torch.zeros((), dtype=torch.int64)
            for rows in self.batches:
                x, y = self.x_there[rows], self.y_there[rows]
                self.optimizer.zero_grad()
                logits = self.model(x)
                loss = self.loss(logits, y)
                loss.backward()
                self._as_keras()
                self.optimizer.step()
                total += loss.detach() * len(rows)
                hits += (logits.argmax(1) == (y.argmax(1) if categorical else y)).sum()
        return float(total) / self.workload.rows

    def _as_keras(self) -> None:
        """PyTorch's epsilon stands beside sqrt(v / (1 - beta_2^t)), Keras's beside sqrt(v): the same for another epsilon."""
        if self.workload.optimizer == "adam":
            self.steps += 1
            self.optimizer.param_groups[0]["eps"] = 1e-7 / math.sqrt(1 - 0.999**self.steps)

    def weights(self) -> list[Array]:
        return [p.detach().numpy().T if p.ndim == 2 else p.detach().numpy() for p in self.model.parameters()]

    def call(self, x: Array) -> Array:
        with self.torch.inference_mode():
            outputs: Array = self.torch.softmax(self.model(self.torch.from_numpy(x)), dim=1).numpy()
        return outputs
