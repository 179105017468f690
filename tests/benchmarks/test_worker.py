"""Processes of their own: they answer, they tell what went wrong, and they end when their seconds are spent."""

from __future__ import annotations

import io
import pickle
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import mapped, start
from benchmarks.errors import NotExpressible, OutOfTime, SetupError, WorkerFailed
from benchmarks.worker import Budget, Pool, Worker, serve
from benchmarks.workloads import SPARSE, Workload


class Answers:
    def double(self, value: int) -> int:
        return 2 * value

    def refuse(self) -> None:
        raise NotExpressible("not in this world")

    def slip(self) -> None:
        raise IndexError("7")


def answered(*questions: tuple[str, tuple[Any, ...]]) -> list[Any]:
    asked, answers = io.BytesIO(b"".join(map(pickle.dumps, questions))), io.BytesIO()
    serve(Answers(), asked, answers)
    answers.seek(0)
    return [pickle.load(answers) for _ in questions]


@pytest.mark.filterwarnings("ignore")
def test_answers_refusals_and_slips_come_back_apart(capsys: pytest.CaptureFixture[str]) -> None:
    value, told, error = answered(("double", (21,)), ("refuse", ()), ("slip", ()))
    assert value == ("value", 42)
    assert told[0] == "told"
    assert str(told[1]) == "not in this world"
    assert error == ("error", "slip: IndexError: 7")
    assert "IndexError" in capsys.readouterr().err


def test_a_process_that_ends_is_told_with_its_last_words() -> None:
    worker = Worker("no-such-engine")
    try:
        with pytest.raises(WorkerFailed, match=r"no-such-engine: the process ended. It said: .*KeyError"):
            worker.ask("load")
    finally:
        worker.close()


def test_an_engine_trains_and_predicts_in_its_process_and_ends_with_its_budget() -> None:
    workload = Workload("tiny", (3, 4, 2), "relu", SPARSE, "sgd", 0.1, 8, 32)
    pool = Pool({"tinynn-reference": 60.0})
    with pool:
        worker, loaded = pool.get("tinynn-reference")
        assert set(loaded) == {"import_s", "import_mb"}
        worker.ask("build", workload, range(32))
        epoch, _ = worker.ask("first_epoch")
        assert epoch.ways == ("predict", "call", "evaluate")
        assert worker.ask("time_training", 0.0)["us"] > 0
        assert {way: worker.ask("time_prediction", way, 0.0)["us"] > 0 for way in epoch.ways} == dict.fromkeys(
            epoch.ways, True
        )
        assert 0 < pool.budget("tinynn-reference").spent < 60
        pool.budget("tinynn-reference").seconds = pool.budget("tinynn-reference").spent + 0.05
        with pytest.raises(OutOfTime, match=r"left out: its .* s are spent"):
            worker.ask("time_training", 600.0)  # it is killed at work
        with pytest.raises(OutOfTime):
            worker.ask("account")
        pool.drop("tinynn-reference")
        with pytest.raises(OutOfTime):  # a new process has no new budget
            pool.get("tinynn-reference")


def test_a_budget_counts_and_stops() -> None:
    budget, stopped = Budget(0.05), threading.Event()
    with pytest.raises(OutOfTime), budget.running(stopped.set):  # noqa: PT012
        assert stopped.wait(10)
        raise WorkerFailed("the process ended")
    assert budget.left == 0
    with pytest.raises(OutOfTime, match="left out: its 0 s are spent"), budget.running(stopped.set):
        pytest.fail("there is no time left to run it")


def test_a_failure_within_the_budget_stays_a_failure() -> None:
    budget = Budget(60)
    with pytest.raises(WorkerFailed, match="broken"), budget.running(lambda: None):
        raise WorkerFailed("broken")
    assert threading.active_count() < 20  # its timer does not stay


def test_a_cold_start_is_timed_or_told() -> None:
    begin = time.perf_counter()
    assert 0 < start._seconds("pass", {}) <= time.perf_counter() - begin
    with pytest.raises(WorkerFailed, match="ZeroDivisionError"):
        start._seconds("1 / 0", {})
    with pytest.raises(OutOfTime):
        start._seconds("import time; time.sleep(600)", {}, Budget(0.05))


# A file larger than memory ----------------------------------------------------------------------------------------------


def test_a_mapped_file_that_finds_no_space_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(mapped.shutil, "disk_usage", lambda _: SimpleNamespace(free=4_500_000_000))
    monkeypatch.setattr(mapped.memory, "own_mb", lambda: 1.0)
    there = mapped.Mapped()
    there.load()
    with pytest.raises(SetupError, match=r"a file of 4.0 GB needs 5.0 GB free in .*; 4.5 GB are. Set TMPDIR"):
        there.train(4.0)
    assert not list(tmp_path.iterdir())


def test_a_mapped_file_is_trained_on_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the smallest file there is, ten batches; what the process grows by is for `--sweep memory` to say."""
    monkeypatch.setattr(mapped.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(mapped.memory, "own_mb", lambda: 1.0)
    there = mapped.Mapped()
    there.load()
    found = there.train(0.0)
    assert found["rows"] == 10 * mapped.BATCH
    assert found["growth_mb"] == 0.0
    assert not list(tmp_path.iterdir())
