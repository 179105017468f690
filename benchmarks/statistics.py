"""Medians with their spread. Times on a shared machine have a long tail to the right: means would follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """The median of some samples, and between which values the middle half of them lies."""

    median: float
    q1: float
    q3: float
    count: int


def summary(samples: Sequence[float]) -> Summary:
    """Median and quartiles.

    Raises:
        ValueError: no samples, or one that is not finite.
    """
    if not len(samples) or not np.isfinite(samples).all():
        raise ValueError(f"summary expects one finite number or more; got {list(samples)}.")
    q1, median, q3 = np.percentile(samples, [25, 50, 75])
    return Summary(float(median), float(q1), float(q3), len(samples))


def ratio(others: Sequence[float], own: Sequence[float], paired: bool = True) -> Summary:
    """By how much `others` take longer than `own`.

    Paired samples stem from the same rounds: what slowed a whole round cancels out, so the quotients' median is taken.
    Unpaired, or not equally many: the quotient of the medians, and of the others' quartiles by the own median.
    """
    if paired and len(others) == len(own):
        return summary([a / b for a, b in zip(others, own)])
    a, b = summary(others), summary(own)
    return Summary(a.median / b.median, a.q1 / b.median, a.q3 / b.median, min(a.count, b.count))
