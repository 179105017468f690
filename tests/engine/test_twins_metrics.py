"""Compiled twins of metrics against their references.

Counts of unweighted samples are whole numbers, so the same bit for bit; weighted sums of n terms in another order are off
by at most n eps sum|terms|. What follows is propagated in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import test_twins
from tests.engine.test_twins import DTYPES, Arguments, Case, Draw, assert_twin, eps, kernels_of, wide
from tests.engine.test_twins import twins_are_machine_code as twins_are_machine_code  # of this file, too
from tinynn._typing import Array
from tinynn.kernels import confusion

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def counting(d: Draw, even: bool) -> Arguments:
    """Labels, predictions on, between and beyond the thresholds, weights, and states that hold something."""
    length = int(d.random.integers(3 if even else 1, 9))
    thresholds = np.linspace(0, 1, length) if even else np.sort(d.random.random(length))
    if even and d.random.random() < 0.5:
        thresholds[[0, -1]] = -1e-7, 1 + 1e-7
    y_pred = d.random.choice([*thresholds, *d.random.uniform(-0.2, 1.2, 9), np.nan], (d.rows, d.columns))
    labels = d.columns if d.random.random() < 0.5 else 1
    wanted = d.random.random(4) < 0.8 if not even else np.ones(4, bool)
    wanted[d.random.integers(4)] = True
    shapes = [(length, labels) if w else (0, 0) for w in wanted]
    a: Arguments = {
        "y_true": (d.random.random((d.rows, d.columns)) < 0.4).astype(d.dtype),
        "y_pred": y_pred.astype(d.dtype),
        "sample_weight": np.ones(d.rows, d.dtype) if d.random.random() < 0.5 else np.abs(d.row()),
        "thresholds": thresholds.astype(d.dtype),
        **{name: np.floor(10 * d.random.random(shape)).astype(d.dtype) for name, shape in zip(COUNTS, shapes)},
    }
    return {**a, "true_buckets": d.space(length, labels), "false_buckets": d.space(length, labels)} if even else a


def of_sums(*names: str) -> Callable[[Arguments, Arguments], dict[str, Array]]:
    """Sums over at most all entries, of terms no larger than weights, on top of a state."""

    def bounds(a: Arguments, expected: Arguments) -> dict[str, Array]:
        terms = a["y_pred"].size
        whole = wide(np.abs(a["sample_weight"])).sum() * a["y_pred"].shape[1]
        return {name: 2 * (terms + 2) * eps(expected) * (whole + wide(expected[name])) for name in names}

    return bounds


def scoring(d: Draw) -> Arguments:
    shape = (d.columns,) if d.random.random() < 0.5 else (1,)
    return {
        "y_true": d.one_hot(),
        "y_pred": d.shares().round(2),
        "sample_weight": np.abs(d.row()),
        "threshold": float(d.random.choice([np.nan, 0.3])),
        **{
            name: np.floor(10 * d.random.random(shape)).astype(d.dtype)
            for name in ("true_positives", "false_positives", "false_negatives", "intermediate_weights")
        },
    }


def explaining(d: Draw) -> Arguments:
    state = {name: np.abs(d.like(d.columns)) for name in ("squared_sum", "sum", "residual", "count")}
    seen = {"y_true": d.table(), "y_pred": d.table(), "sample_weight": np.abs(d.row())}
    return {**seen, "num_samples": np.array([7.0], d.dtype), **state}


def of_explaining(a: Arguments, expected: Arguments) -> dict[str, Array]:
    y, w = wide(a["y_true"]), wide(a["sample_weight"])[:, None]
    terms = {
        "squared_sum": w * y * y,
        "sum": w * np.abs(y),
        "residual": w * (np.abs(y) + np.abs(wide(a["y_pred"]))) ** 2,
        "count": w * np.ones_like(y),
    }
    n = len(y) + 4
    return {name: 2 * n * eps(expected) * (t.sum(axis=0) + wide(np.abs(a[name]))) for name, t in terms.items()}


def correlating(d: Draw, **more: float) -> Arguments:
    """Rows whose numbers are of one size, and never all the same."""
    y_true, y_pred = (d.random.normal(size=(d.rows, d.columns + 2)).astype(d.dtype) for _ in range(2))
    return {"y_true": y_true, "y_pred": y_pred, **more, "values": d.space(d.rows)}


def of_correlating(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """Deviations are off by n eps of the row's largest entry; a small spread beside it makes the quotient as much worse."""
    n = a["y_true"].shape[1]
    worse = 1.0
    for y in (wide(a["y_true"]), wide(a["y_pred"])):
        worse = worse * (1 + np.abs(y).max(axis=1) / y.std(axis=1))
    return {"values": 8 * (n + 4) * eps(expected) * worse}


CASES: dict[str, Case] = {
    "confusion.update": Case(lambda d: counting(d, even=False), of_sums(*COUNTS)),
    "confusion.update_even": Case(lambda d: counting(d, even=True), of_sums(*COUNTS, "true_buckets", "false_buckets")),
    "top_k.sparse": Case(
        lambda d: {
            "labels": d.random.integers(-1, d.columns + 1, d.rows),
            "y_pred": d.table().round(1),
            "k": int(d.random.integers(1, 7)),
            "matches": d.space(d.rows),
        },
        test_twins.bitwise,
    ),
    "top_k.categorical": Case(
        lambda d: {
            "y_true": d.one_hot(),
            "y_pred": np.where(d.random.random((d.rows, d.columns)) < 0.02, np.inf, d.table().round(1)).astype(d.dtype),
            "k": int(d.random.integers(1, 7)),
            "matches": d.space(d.rows),
        },
        test_twins.bitwise,
    ),
    "f_score.update": Case(
        scoring, of_sums("true_positives", "false_positives", "false_negatives", "intermediate_weights")
    ),
    "r2_score.update": Case(explaining, of_explaining),
    "correlation.pearson": Case(correlating, of_correlating),
    "correlation.concordance": Case(lambda d: correlating(d, epsilon=1e-7), of_correlating),
}


def assert_this_twin(name: str, arguments: Arguments) -> None:
    assert_twin(name, arguments, CASES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 9), columns=st.integers(1, 7))
def test_twin_equals_reference(name: str, dtype: str, seed: int, rows: int, columns: int) -> None:
    assert_this_twin(name, CASES[name].arguments(Draw(seed, rows, columns, 1.0, dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["confusion.update", "confusion.update_even"])
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_counts_of_unweighted_samples_are_the_same_bit_for_bit(name: str, dtype: str, seed: int) -> None:
    arguments = CASES[name].arguments(Draw(seed, 7, 3, 1.0, dtype))
    arguments["sample_weight"][:] = 1
    found = [test_twins.call(function, arguments) for function in kernels_of(name)]
    for count in COUNTS:
        assert np.array_equal(found[0][count], found[1][count]), count


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), beyond=st.booleans(), apart=st.booleans())
def test_buckets_count_what_comparisons_count(dtype: str, seed: int, beyond: bool, apart: bool) -> None:
    """Away from the thresholds, where rounding decides, the fast way and the plain one are the same."""
    numbers = np.random.default_rng(seed)
    length = int(numbers.integers(3, 12))
    thresholds = np.linspace(0, 1, length)
    y_pred = numbers.uniform(0.01, 0.99, (6, 2)) / (length - 1) + numbers.choice(thresholds[:-1], (6, 2))
    if beyond:
        thresholds[[0, -1]] = -1e-7, 1 + 1e-7
        y_pred[0] = 0, 1
    y_true, w = numbers.integers(0, 2, (6, 2)), numbers.integers(0, 4, 6)
    arrays = [a.astype(dtype) for a in (y_true, y_pred, w, thresholds)]
    labels = 2 if apart else 1
    plain, fast = np.zeros((2, 4, length, labels), dtype)
    confusion.update(*arrays, *plain)
    confusion.update_even(*arrays, *fast, *np.empty((2, length, labels), dtype))
    assert np.array_equal(plain, fast)


@pytest.mark.parametrize("name", ["confusion.update", "f_score.update", "correlation.pearson"])
def test_the_comparison_rejects_a_twin_that_is_off_by_a_thousandth(name: str, monkeypatch: Any) -> None:
    plain, twin = kernels_of(name)
    arguments = CASES[name].arguments(Draw(5, 6, 4, 1.0, "float64"))

    def scaled(*given_: Any) -> None:
        twin(*given_)
        [a for a in given_ if isinstance(a, np.ndarray) and a.size][-1][...] *= 1.001

    monkeypatch.setattr(test_twins, "kernels_of", lambda _: (plain, scaled))
    with pytest.raises(AssertionError):
        assert_this_twin(name, arguments)
