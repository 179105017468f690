"""The suite is itself tested: deliberate faults have to be seen.

Here: that every fault still fits the source, that every trap has one, that the runner tells a fault from none and leaves no
trace, and a dozen faults. All of them: `make parity-mutations`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tinynn
from parity import mutate
from parity.faults import EXAMPLES, FAULTS, NOT_OBSERVABLE, TRAPS, Fault
from parity.properties import PROPERTIES

pytestmark = pytest.mark.slow

PACKAGE = Path(tinynn.__file__).parent


@pytest.mark.parametrize("file", sorted({fault.file for fault in FAULTS}))
def test_every_fault_fits_its_file_in_one_place_and_still_compiles(file: str) -> None:
    source = (PACKAGE / file).read_text("utf-8")
    for fault in FAULTS:
        if fault.file == file:
            compile(fault.applied(source), file, "exec")


def test_a_fault_that_fits_nowhere_or_twice_is_refused() -> None:
    fault = replace(FAULTS[0], old="x = 1\n")
    for source, count in (("y = 2\n", 0), ("x = 1\nx = 1\n", 2)):
        with pytest.raises(ValueError, match=f"found {count} times .* expected once"):
            fault.applied(source)


def test_every_trap_has_a_fault_or_a_reason() -> None:
    with_fault = {fault.trap for fault in FAULTS}
    assert with_fault | NOT_OBSERVABLE.keys() == TRAPS.keys()
    assert not with_fault & NOT_OBSERVABLE.keys()


def test_every_fault_is_named_once_and_says_who_should_see_it() -> None:
    names = [(fault.engine, fault.name) for fault in FAULTS]
    assert len(set(names)) == len(names)
    for fault in FAULTS:
        assert fault.seen_by, fault.name
        assert set(fault.seen_by) <= PROPERTIES.keys(), fault.name
        assert set(fault.on) <= EXAMPLES.keys(), fault.name


def test_every_example_is_used() -> None:
    assert {on for fault in FAULTS for on in fault.on} == EXAMPLES.keys()


TWIN = next(fault for fault in FAULTS if fault.engine == "compiled")
"""Seen by the engines alone: needs no Keras."""


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> mutate.Copies:
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    return mutate.Copies(PACKAGE.parent)


def test_a_fault_is_seen_and_leaves_no_trace(copies: mutate.Copies) -> None:
    modules = {name: module for name, module in sys.modules.items() if name.startswith(("tinynn", "parity"))}
    source = (PACKAGE / TWIN.file).read_text("utf-8")
    result = mutate.judge(TWIN, copies)
    assert not result.survives
    assert result.seen == {"engines_agree": 1}
    assert {name: sys.modules[name] for name in modules} == modules
    assert (PACKAGE / TWIN.file).read_text("utf-8") == source


def test_a_change_that_is_no_fault_survives(copies: mutate.Copies) -> None:
    result = mutate.judge(replace(TWIN, new=TWIN.old + " "), copies)
    assert result.survives
    assert not result.broken
    assert result.blind == ["engines_agree"]
    assert "SURVIVES engines_agree" in mutate.line(result)
    assert mutate.summary([result])[-1].endswith("1 survive")


def test_a_fault_that_does_not_run_is_not_called_seen(copies: mutate.Copies) -> None:
    for new in ("no_such_name", "raise ImportError"):
        broken = Fault(
            "broken", TWIN.trap, "kernels/relu.py", "import numpy as np\n", f"{new}\n", TWIN.on, TWIN.seen_by
        )
        result = mutate.judge(broken, copies)
        assert result.survives
        assert result.broken


@pytest.mark.keras
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
def test_a_dozen_faults_are_seen() -> None:
    """In a process of its own; all faults behind `make parity-mutations`."""
    done = subprocess.run(
        [sys.executable, "-m", "parity", "mutate", "--quick"],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        env=os.environ | {"TINYNN_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 survive" in done.stdout
