"""Every kernel with a twin is timed without a line of its own: its arguments follow from its parameters."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tinynn.kernels
from benchmarks import operations, ops, training
from benchmarks.errors import NotExpressible, WorkerFailed
from benchmarks.schema import ABSENT, DISAGREES, FAILED, TIMED, Row

REFERENCES = operations.references()


def test_the_list_is_full() -> None:
    """Counted from the files' text, not from the modules."""
    expected = set()
    for path in Path(tinynn.kernels.__path__[0]).glob("*.py"):
        functions = set(re.findall(r"^def (\w+)\(", path.read_text(encoding="utf-8"), flags=re.M))
        expected |= {f"{path.stem}.{name}" for name in functions if f"{name}_compiled" in functions}
    assert set(REFERENCES) == expected
    assert set(operations.QUICK) <= expected


@pytest.mark.parametrize("name", list(operations._KERAS))
def test_what_is_compared_with_keras_exists(name: str) -> None:
    assert name in REFERENCES


@pytest.mark.parametrize("name", list(REFERENCES))
def test_reference_takes_the_arguments_or_it_is_said(name: str) -> None:
    values = [operations._wide(value) for value in operations.arguments(name.split(".")[0], REFERENCES[name])]
    before = [np.array(value) for value in values]
    try:
        operations._try(REFERENCES[name], values)
    except NotExpressible as error:
        assert "benchmarks/operations.py" in str(error)  # noqa: PT017
        assert name not in operations._KERAS
    else:
        assert any(not np.array_equal(a, b) for a, b in zip(before, values, strict=True))


def test_arguments_are_the_same_each_time() -> None:
    for name, reference in REFERENCES.items():
        one, two = (operations.arguments(name.split(".")[0], reference) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_arguments_that_do_not_fit_are_told() -> None:
    def reference(x: Any, out: Any) -> None:
        out[:] = x @ x

    with pytest.raises(NotExpressible, match="makes up no arguments for it"):
        operations._try(reference, [np.ones((3, 2)), np.ones((3, 2))])
    with pytest.raises(NotExpressible, match="not finite"):
        operations._try(lambda out: out.fill(np.nan), [np.ones(2)])


def test_a_twin_that_computes_something_else_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tinynn.kernels import relu

    there = operations.Operations()
    there.references = REFERENCES
    there.keras = None

    def wrong(x: Any, out: Any) -> None:
        out[:] = np.where(x > 0, x * np.float32(1.00001), 0)

    monkeypatch.setattr(relu, "forward_compiled", REFERENCES["relu.forward"])
    assert there.prepare("relu.forward", False)["found"]["tinynn"] == ""
    monkeypatch.setattr(relu, "forward_compiled", wrong)
    assert "from the reference in float64" in there.prepare("relu.forward", False)["found"]["tinynn"]


def test_elementwise_kernels_are_known_by_their_form() -> None:
    assert [operations._elementwise(name) for name in ("relu", "tanh", "sigmoid")] == [True] * 3
    assert [operations._elementwise(name) for name in ("softmax", "dense", "adam", "dropout")] == [False] * 4


def test_rows_of_operations_say_what_became_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Worker:
        def ask(self, method: str, *arguments: Any) -> Any:
            if method == "names":
                return ["good.forward", "wrong.forward", "odd.forward", "broken.forward"]
            if method == "time_operation":
                return {"us": 2.0}
            kind = arguments[0].split(".")[0]
            if kind == "odd":
                raise NotExpressible("no arguments")
            if kind == "broken":
                raise WorkerFailed("it ended")
            return {"found": {"tinynn": "off" if kind == "wrong" else "", "tinynn-reference": ""}, "compile_s": 1.0}

    rows: list[Row] = []
    session = training.Session("here", "1", training.Effort(3, 0.0, 0.0), lambda _: None, rows.append)
    monkeypatch.setattr(session, "pool", SimpleNamespace(get=lambda _: (Worker(), {}), drop=lambda _: None))
    ops.measure(session, ["tinynn", "tinynn-reference"], quick=False)
    assert [(row.subject.split(".")[0], row.engine, row.status) for row in rows] == [
        ("good", "tinynn", TIMED),
        ("good", "tinynn-reference", TIMED),
        ("wrong", "tinynn", DISAGREES),
        ("wrong", "tinynn-reference", TIMED),
        ("odd", "tinynn", ABSENT),
        ("broken", "tinynn", FAILED),
    ]
    assert rows[0].samples == [2.0] * 3
    assert rows[0].details == {"compile_s": 1.0}


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
def test_keras_computes_the_same_operations(keras: Any) -> None:
    there = operations.Operations()
    there.references, there.keras = REFERENCES, keras
    for name in operations._KERAS:
        module, function = name.split(".")
        kernels: ModuleType = importlib.import_module(f"tinynn.kernels.{module}")
        with pytest.MonkeyPatch.context() as patch:  # the twin as plain Python would take too long
            patch.setattr(kernels, f"{function}_compiled", REFERENCES[name])
            assert there.prepare(name, True)["found"]["keras"] == "", name
