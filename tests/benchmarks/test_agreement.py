"""An engine that learns something else is found out before it is timed; one that rounds otherwise is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks import training
from benchmarks.agreement import Epoch, Standard, check
from benchmarks.engines import ENGINES, Entry
from benchmarks.engines.engine import Engine
from benchmarks.engines.keras_api import Keras, Tinynn
from benchmarks.errors import NotExpressible, OutOfTime, WorkerFailed
from benchmarks.schema import ABSENT, DISAGREES, FAILED, TIMED, Row
from benchmarks.worker import Budget
from benchmarks.workloads import SPARSE, Array, Workload

SGD = Workload("two layers", (3, 8, 2), "relu", SPARSE, "sgd", 0.1, 8, 60)
ADAM = replace(SGD, activation="tanh", optimizer="adam", learning_rate=1e-2)


class Plain(Engine):
    """SGD on two layers, written out: rows of a batch backwards, so that its sums round otherwise than tinynn's."""

    def import_library(self) -> dict[str, Any]:
        return {}

    def prepare(self, weights: list[Array], dtype: str) -> None:
        self.own = [w.copy() for w in weights]

    def fit(self, epochs: int) -> float:
        total = 0.0
        for _ in range(epochs):
            total = 0.0
            for start in range(0, self.workload.rows, self.workload.batch):
                rows = self.order[start : start + self.workload.batch][::-1]
                hidden, p = self.forward(self.x[rows])
                p_of_label = p[np.arange(len(rows)), self.y[rows]]
                total -= float(np.log(p_of_label).sum())
                d_logits = (p - np.eye(2, dtype=p.dtype)[self.y[rows]]) / p.dtype.type(len(rows))
                d_hidden = (d_logits @ self.own[2].T) * (hidden > 0)
                steps = [self.x[rows].T @ d_hidden, d_hidden.sum(0), hidden.T @ d_logits, d_logits.sum(0)]
                self.own = [w - w.dtype.type(self.rate()) * g for w, g in zip(self.own, steps, strict=True)]
        return total / self.workload.rows

    def forward(self, x: Array) -> tuple[Array, Array]:
        hidden = np.maximum(x @ self.own[0] + self.own[1], 0)
        e = np.exp(hidden @ self.own[2] + self.own[3])
        return hidden, e / e.sum(axis=1, keepdims=True)

    def rate(self) -> float:
        return self.workload.learning_rate

    def weights(self) -> list[Array]:
        return self.own

    def predict(self, x: Array) -> Array:
        return self.forward(x)[1]

    call = predict

    def evaluate(self) -> float:
        return -float(np.log(self.forward(self.x)[1][np.arange(len(self.x)), self.y]).mean())


class Faster(Plain):
    def rate(self) -> float:
        return super().rate() * 1.001


class Forgetful(Plain):
    def fit(self, epochs: int) -> float:
        before, loss = self.own[3], super().fit(epochs)
        self.own[3] = before
        return loss


class OtherOrder(Plain):
    def build(self, workload: Workload, order: Array, dtype: str = "float32") -> dict[str, Any]:
        return super().build(workload, order[::-1], dtype)


class SumForMean(Plain):
    def fit(self, epochs: int) -> float:
        return super().fit(epochs) * self.workload.rows


class Lost(Plain):
    def fit(self, epochs: int) -> float:
        super().fit(epochs)
        return float("nan")


class WrongPrediction(Plain):
    def predict(self, x: Array) -> Array:
        return super().predict(x) + np.float32(1e-4)


class WrongEvaluation(Plain):
    def evaluate(self) -> float:
        return super().evaluate() * 1.001


class LongBeta(Tinynn):
    """Adam with another beta_2: a slip that an epoch of losses hardly shows."""

    def prepare(self, weights: list[Array], dtype: str) -> None:
        super().prepare(weights, dtype)
        if dtype == "float32":
            self.model.optimizer.beta_2 = 0.99


class Breaks(Plain):
    def fit(self, epochs: int) -> float:
        raise WorkerFailed("breaks: fit: RuntimeError: no")


class Cannot(Plain):
    def prepare(self, weights: list[Array], dtype: str) -> None:
        raise NotExpressible("it has no softmax")


class Slow(Plain):
    """Its time is spent in the second round of training."""

    turns = 0

    def time_training(self, at_least: float) -> dict[str, float]:
        self.turns += 1
        if self.turns == 2:
            raise OutOfTime("left out: its 1 s are spent")
        return super().time_training(at_least)


class Here:
    """A worker without a process of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def ask(self, method: str, *arguments: Any) -> Any:
        return getattr(self.engine, method)(*arguments)


class HerePool:
    def __init__(self, engines: dict[str, Engine]) -> None:
        self.engines = {"tinynn-reference": Tinynn(jit=False), **engines}

    def get(self, engine: str) -> tuple[Here, dict[str, Any]]:
        there = Here(self.engines[engine])
        return there, there.ask("load")

    def budget(self, engine: str) -> Budget:
        return Budget()

    def drop(self, engine: str) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def rows_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Row]]:
    """(engine, workload) -> {kind: row} of measuring it."""

    def measured(engine: Engine, workload: Workload = SGD, rounds: int = 2) -> dict[str, Row]:
        found: list[Row] = []
        effort = training.Effort(rounds, at_least=1e-4, pause=0.0)
        session = training.Session("here", "1", effort, lambda _: None, found.append)
        monkeypatch.setattr(session, "pool", HerePool({"under test": engine}))
        monkeypatch.setitem(ENGINES, "under test", Entry("under test", "", ()))
        training.measure(session, workload, ["under test"], [*training.PREDICT, training.TRAIN])
        assert len({row.kind for row in found}) == len(found)
        return {row.kind: row for row in found}

    return measured


def test_an_engine_that_rounds_otherwise_is_timed(rows_of: Callable[..., dict[str, Row]]) -> None:
    rows = rows_of(Plain())
    assert {kind: row.status for kind, row in rows.items()} == dict.fromkeys(
        ("predict", "call", "evaluate", "train"), TIMED
    )
    assert all(len(row.samples) == 2 for row in rows.values())
    assert rows["train"].size["bytes"] == SGD.bytes


@pytest.mark.parametrize(
    ("wrong", "workload"),
    [
        (Faster(), SGD),
        (Forgetful(), SGD),
        (OtherOrder(), SGD),
        (SumForMean(), SGD),
        (Lost(), SGD),
        (LongBeta(False), ADAM),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_engine_that_learns_something_else_is_not_timed(
    rows_of: Callable[..., dict[str, Row]], wrong: Engine, workload: Workload
) -> None:
    rows = rows_of(wrong, workload)
    assert list(rows) == ["train"]
    assert rows["train"].status == DISAGREES
    assert not rows["train"].samples
    assert "allowed" in rows["train"].why


@pytest.mark.parametrize("wrong", [WrongPrediction(), WrongEvaluation()], ids=lambda value: type(value).__name__)
def test_an_engine_that_only_predicts_something_else_is_timed_in_training_alone(
    rows_of: Callable[..., dict[str, Row]], wrong: Engine
) -> None:
    status = {kind: row.status for kind, row in rows_of(wrong).items()}
    assert status == {"predict": DISAGREES, "call": DISAGREES, "evaluate": DISAGREES, "train": TIMED}


def test_who_breaks_and_who_cannot_have_a_row_that_says_why(rows_of: Callable[..., dict[str, Row]]) -> None:
    failed, absent = rows_of(Breaks())["train"], rows_of(Cannot())["train"]
    assert (failed.status, failed.why) == (FAILED, "breaks: fit: RuntimeError: no")
    assert (absent.status, absent.why) == (ABSENT, "it has no softmax")


def test_who_runs_out_of_time_keeps_the_rounds_it_had(rows_of: Callable[..., dict[str, Row]]) -> None:
    row = rows_of(Slow(), rounds=4)["train"]
    assert row.status == TIMED
    assert len(row.samples) == 1


def test_distance_is_relative_to_the_way_travelled() -> None:
    """Weights 0 -> 1, float32 half a percent off, so ten times that is allowed: 4% is, 6% is not."""
    start, end = [np.zeros(4)], [np.ones(4)]
    standard = Standard(start, Epoch(0.5, end), Epoch(0.5, [1.005 * end[0]]), steps=1)
    assert standard.travelled == 2.0
    assert check(standard, Epoch(0.5, [1.04 * end[0]])).learns
    assert not check(standard, Epoch(0.5, [1.06 * end[0]])).learns
    assert not check(standard, Epoch(0.5, start)).learns
    with pytest.raises(ValueError, match="the engine's weights have the shapes"):
        check(standard, Epoch(0.5, [np.ones(3)]))


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_keras_agrees(keras: Any, rows_of: Callable[..., dict[str, Row]]) -> None:
    rows = rows_of(Keras(), ADAM, rounds=1)
    assert {row.status for row in rows.values()} == {TIMED}, rows
    assert set(rows) == {"predict", "call", "evaluate", "train"}
