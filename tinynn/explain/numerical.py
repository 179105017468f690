"""Derivatives of a function that is only known by its values: the complex step, differences, and kinks.

Complex step: for analytic f, f(x + ih) = f(x) + ih f'(x) - h^2 f''(x)/2 ..., so f'(x) = Im f(x + ih) / h. Nothing is
subtracted, so h = 1e-30 makes it exact to rounding (Squire & Trapp 1998).

Differences, for functions that cannot take complex numbers: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h is off by
h^4 f^(5) / 30 through the formula and by some eps |f| / h through rounding; at h = 1e-3 both are about 1e-13.

Where f has a kink within reach of h, differences measure a mixture of its two sides. They are told apart by one-sided
slopes: at a smooth place the right one minus the left one goes to zero with h, at a kink it stays.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

EPS = float(np.finfo(np.float64).eps)
STEP = 1e-30

Line = Callable[[complex], complex]
"""A function of one number: the loss on the way from a point in one direction."""


class Kink(NamedTuple):
    """A place where a function has no derivative, but a slope on either side."""

    left: float
    right: float


class Slope(NamedTuple):
    """A derivative found by differences, how far off it may be, and the kink if there is one at the place itself."""

    value: float
    uncertainty: float
    kink: Kink | None


def complex_slope(line: Line) -> float:
    """The derivative at 0 of an analytic function."""
    return float(line(1j * STEP).imag / STEP)


def difference(line: Line, size: float, h: float = 1e-3) -> float:
    """The derivative at 0 from four points; size: that of the numbers in whose units h is measured."""
    h = h * size
    near, far = line(h) - line(-h), line(2 * h) - line(-2 * h)
    return float((8 * near - far).real / (12 * h))


def takes_complex_numbers(line: Line, size: float) -> bool:
    """Whether the complex step gives what differences give, along this line: |x|, x.real or a cast make it wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            found = complex_slope(line)
    except (TypeError, ValueError, AttributeError, np.exceptions.ComplexWarning):
        return False
    by_differences = [difference(line, size, h) for h in (1e-3, 1e-5, 1e-7)]  # short ones, for kinks that are near
    return any(abs(found - d) <= 1e-6 * max(abs(d), abs(found)) + 1e-8 * abs(line(0)) for d in by_differences)


def bends(line: Line, size: float, scale: float) -> bool:
    """A quick look, at two points, for what may be a kink: the slopes ahead and behind differ by more than a curve's do."""
    h, here = 1e-6 * size, line(0).real
    jump = (line(h).real - 2 * here + line(-h).real) / h
    return abs(jump) > 1e-4 * scale + 40 * EPS * abs(here) / h


def careful_slope(line: Line, size: float, scale: float) -> Slope:
    """The derivative from many step sizes: that of the two neighbouring ones which agree best, and by how much they differ."""
    here = abs(line(0))
    steps = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6, 1e-7, 1e-8)
    found = [difference(line, size, h) for h in steps]
    noise = [4 * EPS * here / (h * size) for h in steps]
    errors = [abs(a - b) + n for a, b, n in zip(found, found[1:], noise[1:])]
    best = int(np.argmin(errors))
    return Slope(found[best + 1], errors[best], kink_at(line, size, scale))


def kink_at(line: Line, size: float, scale: float) -> Kink | None:
    """The slopes on either side, if they differ however near one looks: a kink less than 1e-7 away counts."""
    here = line(0).real
    jumps = []
    for h in (1e-5 * size, 1e-6 * size):
        right = (4 * line(h).real - line(2 * h).real - 3 * here) / (2 * h)
        left = (3 * here - 4 * line(-h).real + line(-2 * h).real) / (2 * h)
        jumps.append(right - left)
        if abs(jumps[-1]) <= 1e-4 * scale + 40 * EPS * abs(here) / h:
            return None
    return Kink(float(left), float(right)) if abs(jumps[0] - jumps[1]) <= 0.1 * abs(jumps[0]) else None
