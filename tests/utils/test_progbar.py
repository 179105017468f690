"""The progress bar writes what Keras's writes, character for character, on a clock that the tests wind up."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import sys
import time
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinynn.utils import progbar as module
from tinynn.utils.progbar import Progbar, print_msg


class Stdout(io.StringIO):
    """A stdout that is or is not a terminal."""

    def __init__(self, terminal: bool = False) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def transcript(kind: Any, calls: list[dict[str, Any]], terminal: bool = False, **arguments: Any) -> str:
    """What a progress bar writes, and what it raises. Each call lets `after` seconds pass and goes to `update`."""
    now = 1000.0
    stdout = Stdout(terminal)
    with (
        mock.patch.object(time, "time", side_effect=lambda: now),
        contextlib.redirect_stdout(stdout),
        np.errstate(all="ignore"),
    ):
        bar = kind(**arguments)
        try:
            for call in copy.deepcopy(calls):
                now += call.pop("after")
                bar.update(**call)
        except (TypeError, ValueError, OverflowError) as error:
            return f"{stdout.getvalue()}\n{type(error).__name__}"
    return stdout.getvalue()


def steps(*after: float, values: Any = None) -> list[dict[str, Any]]:
    return [{"after": seconds, "current": i + 1, "values": values} for i, seconds in enumerate(after)]


# ---- transcripts recorded from Keras 3.15.1 --------------------------------------------------------------------------


def test_bar_with_time_left_then_time_spent_and_nothing_drawn_within_the_interval() -> None:
    calls = steps(2.0, 0.01, 0.5, values=[("loss", 0.5), ("accuracy", 0.0001)])
    assert transcript(Progbar, calls, target=3) == (
        "\r\x1b[1m1/3\x1b[0m \x1b[32m━━━━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━\x1b[0m \x1b[1m4s\x1b[0m 2s/step"
        " - loss: 0.5000 - accuracy: 1.0000e-04" + 73 * "\b" + "\r"
        "\x1b[1m3/3\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m3s\x1b[0m 255ms/step"
        " - loss: 0.5000 - accuracy: 1.0000e-04\n"
    )


def test_one_line_an_epoch() -> None:
    calls = steps(2.0, 0.01, 0.5, values=[("loss", 0.5), ("r2", -0.25)])
    assert transcript(Progbar, calls, target=3, verbose=2) == "3/3 - 3s - 255ms/step - loss: 0.5000 - r2: -2.5000e-01\n"


def test_unknown_target() -> None:
    calls = steps(2.0, 1.0, values=[("loss", np.float32(12345.678)), ("nan", float("nan"))])
    assert transcript(Progbar, calls, target=None) == (
        "\r      1/Unknown \x1b[1m2s\x1b[0m 2s/step - loss: 12345.6777 - nan: nan" + 56 * "\b" + "\r"
        "      2/Unknown \x1b[1m3s\x1b[0m 1s/step - loss: 12345.6777 - nan: nan"
    )


def test_a_shorter_line_covers_the_longer_one_with_blanks() -> None:
    calls = steps(1.0, 1.0, values=[("loss", 1e9)]) + steps(1.0, values=[("loss", -1.0)])
    drawn = transcript(Progbar, calls, target=9, stateless_metrics=[]).split("\r")[-1]
    assert drawn.endswith(" \x1b[1m24s\x1b[0m 3s/step - loss: -1.0000" + 7 * " ")  # was: 7s, 1000000000.0000


@pytest.mark.parametrize(
    ("seconds", "time_left"),
    [(0.9, "0s"), (60.0, "60s"), (61.0, "1:01"), (3600.0, "60:00"), (3601.0, "1:00:01"), (5025.0, "1:23:45")],
)
def test_time_left(seconds: float, time_left: str) -> None:
    assert f" \x1b[1m{time_left}\x1b[0m " in transcript(Progbar, steps(seconds), target=2)


# ---- the same, live ----------------------------------------------------------------------------------------------------

numbers = (
    st.floats(allow_nan=True, allow_infinity=True)
    | st.floats(-2e-3, 2e-3)
    | st.sampled_from([1e-3, -1e-3, np.float32(1e-3), 0.0, -0.0, 1, True, np.float32("nan"), 1e300])
    | st.integers(-(10**12), 10**12)
    | st.floats(width=32).map(np.float32)
    | st.floats(-9, 9).map(np.float64)
    | st.lists(st.floats(-9, 9), min_size=2, max_size=2).map(np.array)
)
calls_to_update = st.lists(
    st.fixed_dictionaries(
        {
            "after": st.sampled_from([0.0, 1e-5, 0.01, 0.049, 0.05, 0.7, 59.0, 61.0, 3700.0]) | st.floats(0, 5),
            "current": st.integers(0, 14),
            "values": st.none() | st.lists(st.tuples(st.sampled_from(["loss", "mae", "Ünï"]), numbers), max_size=3),
        },
        optional={"finalize": st.sampled_from([None, False, True])},
    ),
    max_size=8,
)
settings_of_a_bar = st.fixed_dictionaries(
    {"target": st.none() | st.integers(0, 12) | st.sampled_from([99, 100, 999, 1000, 10**6, 10**15])},
    optional={
        "width": st.integers(0, 40),
        "verbose": st.sampled_from([0, 1, 2]),
        "interval": st.sampled_from([0.0, 0.05, 10.0]),
        "stateful_metrics": st.sampled_from([None, [], ["loss"], ("mae", "loss")]),
        "unit_name": st.sampled_from(["step", "sample"]),
    },
)


@pytest.mark.keras
@settings(max_examples=400)
@given(settings_of_a_bar, calls_to_update, st.booleans())
@example({"target": 1}, steps(1.0, values=[("loss", -0.5)]), False)
@example({"target": 10**7}, steps(1e-7, 7200.0, values=[("loss", 3)]), True)
def test_update_writes_what_keras_writes(
    keras: Any, arguments: dict[str, Any], calls: list[dict[str, Any]], terminal: bool
) -> None:
    expected = transcript(keras.utils.Progbar, calls, terminal, **arguments)
    assert transcript(Progbar, calls, terminal, **arguments) == expected


@pytest.mark.keras
@given(settings_of_a_bar, calls_to_update, st.sampled_from([(), ("loss",), ("mae", "loss")]))
def test_naming_the_averaged_metrics_instead_writes_what_keras_writes(
    keras: Any, arguments: dict[str, Any], calls: list[dict[str, Any]], averaged: tuple[str, ...]
) -> None:
    arguments = {**arguments, "stateful_metrics": None, "stateless_metrics": averaged}
    assert transcript(Progbar, calls, **arguments) == transcript(keras.utils.Progbar, calls, **arguments)


@pytest.mark.keras
@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("notebook", [False, True])
@pytest.mark.parametrize("pycharm", [False, True])
@pytest.mark.parametrize("posix", [False, True])
def test_redrawing_follows_the_same_rules_as_keras(
    keras: Any, monkeypatch: pytest.MonkeyPatch, terminal: bool, notebook: bool, pycharm: bool, posix: bool
) -> None:
    modules = {name: value for name, value in sys.modules.items() if name not in ("posix", "ipykernel")}
    modules |= {"ipykernel": sys} if notebook else {}
    modules |= {"posix": sys} if posix else {}
    monkeypatch.setattr(sys, "modules", modules)
    if pycharm:
        monkeypatch.setenv("PYCHARM_HOSTED", "1")
    calls = steps(1.0, 1.0)
    written = transcript(Progbar, calls, terminal, target=2)
    assert written == transcript(keras.utils.Progbar, calls, terminal, target=2)
    assert ("\r" in written) == (terminal or notebook or pycharm or posix)


@pytest.mark.keras
def test_add_writes_what_keras_writes(keras: Any) -> None:
    def run(kind: Any) -> str:
        stdout = Stdout()
        with mock.patch.object(time, "time", return_value=1000.0), contextlib.redirect_stdout(stdout):
            bar = kind(6, interval=0)
            for n in (1, 2, 3):
                bar.add(n, [("loss", n)])
        return stdout.getvalue()

    assert run(Progbar) == run(keras.utils.Progbar)
    assert "loss: 3.0000\n" in run(Progbar)


# ---- what is ours ------------------------------------------------------------------------------------------------------


def test_values_of_updates_that_are_not_drawn_count_in_the_mean() -> None:
    calls = [
        {"after": 1.0, "current": 1, "values": [("loss", 1.0)]},
        {"after": 0.0, "current": 3, "values": {"loss": 4.0}},
        {"after": 1.0, "current": 4, "values": [("loss", 7.0)]},
    ]
    assert transcript(Progbar, calls, target=9).endswith(" - loss: 4.0000")  # (1 + 4 + 4 + 7) / 4


def test_an_update_within_the_interval_does_no_formatting(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.redirect_stdout(Stdout()):
        bar = Progbar(10**6, interval=1e9)
        bar.update(1, [("loss", 1.0)])
    monkeypatch.setattr(module, "print_msg", None)
    monkeypatch.setattr(Progbar, "_redraw", None)
    for step in range(2, 100):
        bar.update(step, [("loss", 1.0)])


def test_both_kinds_of_metrics_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match=r"stateful_metrics .* or stateless_metrics .*got both"):
        Progbar(3, stateful_metrics=["a"], stateless_metrics=["b"])


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_bar_in_an_encoding_that_lacks_it(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    print_msg("━━ 層 ok")
    assert raw.getvalue() == b"==  ok" + os.linesep.encode()


def test_printing_goes_to_what_stdout_is_now_and_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8"))  # type: ignore[arg-type]
    print_msg("━", line_break=False)
    assert raw.getvalue() == "━".encode()


def test_a_reader_that_went_away_does_not_end_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    stdout = os.fdopen(write, "w")
    monkeypatch.setattr(sys, "stdout", stdout)
    bar = Progbar(3, interval=0)
    for step in (1, 2, 3):
        bar.update(step, [("loss", 1.0)])
    with pytest.raises(BrokenPipeError):  # it is really broken
        stdout.flush()
    with pytest.raises(BrokenPipeError):
        stdout.close()


def test_no_stdout_or_a_closed_one_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Stdout()
    closed.close()
    for stdout in (None, closed):
        monkeypatch.setattr(sys, "stdout", stdout)
        print_msg("nobody reads this")
