"""What counts as agreement, on runs made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity import compare
from parity.data import Data
from parity.train import Run, steps_to_note

NO_DATA = Data(np.zeros((10, 2)), np.zeros(10))


def run(
    weights: Any, dtype: str = "float32", loss: float = 0.5, accuracy: float = 0.5, outputs: Any = (0.25, 0.75)
) -> Run:
    """A run of one kernel (2,) and one bias (1,), with weights (snapshots, 3)."""
    array = np.atleast_2d(np.array(weights, dtype))
    return Run(
        engine="tinynn",
        ran_on="by hand",
        parameters=3,
        names=["dense/kernel", "dense/bias"],
        shapes=[(2,), (1,)],
        initial=[],
        steps=[1, 10][: len(array)],
        weights=array,
        losses=[],
        history={"accuracy": [accuracy], "loss": [loss]},
        outputs=np.array(outputs),
        transcript="",
        summary="",
        seconds=1.0,
        data=NO_DATA,
        n_train=100,
        n_validation=0,
    )


EXACT = run([[1.0, -2.0, 0.01], [1.5, -2.0, 0.02]], "float64")


def off_by(difference: float, entry: int = 0) -> Run:
    """The exact run in float32, with one weight off at the end."""
    weights = EXACT.weights.copy()
    weights[-1, entry] += difference
    return replace(EXACT, weights=weights)


def failed(checks: list[compare.Check]) -> list[str]:
    return [f"{check.kind} {check.name}" for check in checks if not check.ok]


def test_distances_are_relative_to_the_largest_entry_of_the_run() -> None:
    found = compare.distances(np.array([[1.0, 3.0], [2.0, 4.0]]), np.array([[1.0, 3.5], [2.0, 5.0]]))
    np.testing.assert_array_equal(found, [0.1, 0.2])
    assert compare.distance(np.zeros((1, 2)), np.zeros((1, 2))) == 0


def test_other_shapes_and_nan_are_as_far_apart_as_can_be() -> None:
    assert compare.distance(np.zeros((1, 2)), np.ones((1, 3))) == math.inf
    broken = replace(EXACT, outputs=np.array([np.nan, 0.75]))
    assert compare.worst(broken, EXACT)["outputs"] == math.inf
    assert failed(compare.exact_checks(broken, EXACT, 1e-9)) == ["outputs outputs"]
    assert failed(compare.drift_checks(broken, EXACT, EXACT)) == ["outputs outputs"]


def test_float64_allows_a_billionth_and_names_the_place() -> None:
    assert failed(compare.exact_checks(off_by(1e-9), EXACT, 1e-9)) == []
    checks = compare.exact_checks(off_by(3e-9, entry=2), EXACT, 1e-9)
    assert failed(checks) == ["weights all"]
    assert str(checks[0]) == "weights 1.5e-09 apart (dense/bias from step 10 on), 1.0e-09 allowed"


def test_float32_rule_holds_either_engine_to_what_rounding_does_to_the_other() -> None:
    near, eight_times, beyond = off_by(1e-4), off_by(8e-4), off_by(9e-4)
    assert failed(compare.drift_checks(eight_times, near, EXACT)) == []
    assert failed(compare.drift_checks(beyond, near, EXACT)) == ["weights dense/kernel"]
    assert failed(compare.drift_checks(near, beyond, EXACT)) == ["weights dense/kernel"]


def test_float32_rule_looks_at_each_array_by_itself() -> None:
    """An error in a small bias is not hidden by rounding in a large kernel."""
    assert failed(compare.drift_checks(off_by(1e-4, entry=2), off_by(1e-4, entry=0), EXACT)) == [
        "weights dense/kernel",
        "weights dense/bias",
    ]


def test_moved_starts_widen_what_rounding_may_do_but_not_further() -> None:
    lucky, unlucky, wrong = off_by(0.0), off_by(1e-3), off_by(1e-1)
    moved = [replace(off_by(5e-4), weights=off_by(5e-4).weights[-1:])]
    assert failed(compare.drift_checks(unlucky, lucky, EXACT)) == ["weights dense/kernel"]
    assert failed(compare.drift_checks(unlucky, lucky, EXACT, moved)) == []
    assert failed(compare.drift_checks(wrong, lucky, EXACT, moved)) == ["weights dense/kernel"]


def test_a_counting_metric_may_differ_by_one_decision() -> None:
    assert failed(compare.drift_checks(replace(EXACT, history={"accuracy": [0.51], "loss": [0.5]}), EXACT, EXACT)) == []
    two = replace(EXACT, history={"accuracy": [0.52], "loss": [0.5]})
    assert failed(compare.drift_checks(two, EXACT, EXACT)) == ["metric accuracy"]
    assert failed(compare.exact_checks(two, EXACT, 1e-9)) == ["metric accuracy"]


def test_bits_are_compared_as_bits() -> None:
    assert not compare.same_arrays([np.array([0.0])], [np.array([-0.0])])
    assert not compare.same_arrays([np.zeros(2, "float32")], [np.zeros(2, "float64")])
    assert compare.same_arrays([np.array([np.nan])], [np.array([np.nan])])


@pytest.mark.parametrize("duration", ["0s - 1ms/step", "12s - 345us/step", "3s - 2s/epoch"])
def test_durations_are_taken_out_of_printed_lines(duration: str) -> None:
    line = f"189/189 - {duration} - accuracy: 0.5000 - loss: 6.9315e-01\n"
    assert compare.without_durations(line) == "189/189 - accuracy: 0.5000 - loss: 6.9315e-01\n"


def test_the_first_different_line_is_shown_from_both() -> None:
    assert compare.first_different_line("a\nb\n", "a\nb\n") == ""
    assert compare.first_different_line("a\nb", "a\nc") == 'line 2: tinynn "b", Keras "c"'
    assert compare.first_different_line("8/8 - acc: 1 - loss: 2", "8/8 - acc: 1 - loss: 3").endswith(
        'tinynn "loss: 2", Keras "loss: 3"'
    )
    assert compare.first_different_line("a", "a\nc") == 'line 2: tinynn "<nothing>", Keras "c"'
    assert compare.without_numbers("loss: 0.2946 - acc: 1.5000e-04") == "loss: # - acc: #"


@given(st.integers(1, 100_000), st.integers(1, 300_000))
def test_noted_steps_begin_with_the_first_and_end_with_the_last(n_steps: int, n_params: int) -> None:
    steps = steps_to_note(n_steps, n_params)
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (1, n_steps)
    assert len(steps) <= 120
