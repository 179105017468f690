"""The console table and the progress line."""

from __future__ import annotations

import io
import math

import pytest

from parity import table
from parity.modes import FAIL, PASS, Row
from parity.progress import Progress, clock

FULL = Row(
    "xor",
    "XOR of 3 signs",
    "float32",
    PASS,
    parameters={"tinynn": 266_610, "Keras": 266_610},
    differences={"weights": 3.84e-16, "loss": 0.0, "metric": math.inf, "outputs": 1.5e-7},
    drift=169.82,
    seconds={"Keras": 123.4, "tinynn": 0.0987},
)
MISSING = Row("fashion", "Fashion-MNIST", "seed", reasons=["no fashion-mnist on this machine. " * 6])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_fit_into_a_hundred_columns_and_line_up() -> None:
    lines = [*table.heading().splitlines(), table.line(FULL, True), table.line(MISSING, False)]
    lines += table.explanation() + table.remarks([FULL, MISSING])
    assert max(map(len, lines)) <= 100
    assert all(line.isascii() for line in lines)
    heading, _, full, missing = lines[:4]
    assert heading.index("verdict") == full.index("PASS") == missing.index("NOT RUN")
    assert full.split("  ")[-1] == "PASS"
    assert full.split()[4:] == ["float32", "266,610", "3.8e-16", "0", "inf", "1.5e-07", "2e+02", "1250x", "PASS"]


def test_what_was_not_measured_is_a_dash_and_counts_that_differ_are_said() -> None:
    assert table.numbers(MISSING) == ["-"] * 7
    assert table.numbers(Row("m", "m", "seed", FAIL, parameters={"tinynn": 3, "Keras": 4}))[0] == "differ"


def test_a_reason_that_rows_share_is_said_once() -> None:
    rows = [Row("digits", "digits", mode, reasons=["needs scikit-learn"]) for mode in ("float64", "seed")]
    assert table.remarks(rows) == ["NOT RUN  digits, float64, seed: needs scikit-learn"]


def test_totals_count_verdicts() -> None:
    assert table.totals([FULL]) == "1 comparison: 1 agrees"
    assert table.totals([FULL, FULL, MISSING]) == "3 comparisons: 2 agree, 1 not run"
    assert table.totals([FULL, Row("m", "m", "seed", FAIL)]) == "2 comparisons: 1 agrees, 1 disagrees"


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert table.wants_color(Terminal())
    assert not table.wants_color(io.StringIO())
    assert table.line(FULL, True, color=True).endswith("\x1b[32mPASS   \x1b[0m")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not table.wants_color(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not table.wants_color(Terminal())


def test_progress_is_redrawn_on_a_terminal_and_rare_elsewhere() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        progress = Progress(stream)
        progress.start("[1/2] digits, seed")
        for epoch in range(1, 4):
            progress.say(f"Keras: epoch {epoch} of 3")
        progress.clear()
    assert terminal.getvalue().count("\r") == 6
    assert "\n" not in terminal.getvalue()
    assert terminal.getvalue().endswith(" \r")
    assert pipe.getvalue() == ""


def test_durations_are_told_in_minutes_and_seconds() -> None:
    assert [clock(s) for s in (0.2, 59, 60, 125.4)] == ["0 s", "59 s", "1 min 00 s", "2 min 05 s"]
