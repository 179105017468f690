"""Medians, quartiles and ratios, against what one counts off by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.statistics import Summary, ratio, summary

times = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=20)


def test_median_and_quartiles_of_five() -> None:
    assert summary([5.0, 1.0, 4.0, 2.0, 3.0]) == Summary(3.0, 2.0, 4.0, 5)


def test_one_slow_round_does_not_move_the_median() -> None:
    assert summary([1.0, 2.0, 3.0, 4.0, 5.0]).median == summary([1.0, 2.0, 3.0, 4.0, 5e9]).median


@given(times)
def test_spread_is_ordered_and_within_the_samples(samples: list[float]) -> None:
    found = summary(samples)
    assert min(samples) <= found.q1 <= found.median <= found.q3 <= max(samples)
    assert found == summary(samples[::-1])


@pytest.mark.parametrize("samples", [[], [math.nan], [1.0, math.inf]])
def test_nothing_and_not_finite_are_refused(samples: list[float]) -> None:
    with pytest.raises(ValueError, match="one finite number or more"):
        summary(samples)


def test_in_paired_samples_a_slow_round_cancels_out() -> None:
    own, slow = [1.0, 10.0, 1.0], [3.0, 30.0, 3.0]  # the second round was disturbed
    assert ratio(slow, own) == Summary(3.0, 3.0, 3.0, 3)


def test_unpaired_is_the_quotient_of_medians() -> None:
    assert ratio([6.0, 8.0, 10.0], [2.0], paired=True) == Summary(4.0, 3.5, 4.5, 1)
    assert ratio([6.0, 8.0], [1.0, 4.0], paired=False).median == 7 / 2.5
