"""What right derivatives are, by means that know nothing of our formulas.

Complex step: for analytic f, f(x + ih) = f(x) + ih f'(x) - h^2 f''(x)/2 ..., so f'(x) = Im f(x + ih) / h with nothing
subtracted: h = 1e-30 makes it exact to rounding. Central differences, for functions that are not analytic: the error is
h^2 |f'''| / 6 of the formula plus eps |f| / h of rounding, least at h = eps^(1/3), where both are about eps^(2/3) = 4e-11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn._typing import Array

EPS = float(np.finfo(np.float64).eps)


def complex_step_gradient(f: Callable[[Array], Any], x: Array, upstream: Array) -> Array:
    """dL/dx for L = sum(upstream f(x)), entry by entry; f maps an array to an array of upstream's shape."""
    h = 1e-30
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[place] += 1j * h
        gradient[place] = np.sum(upstream * f(moved)).imag / h
    return gradient


def central_difference_gradient(f: Callable[[Array], Any], x: Array, upstream: Array) -> Array:
    """The same by (f(x + h) - f(x - h)) / 2h, for functions that cannot take complex numbers."""
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        h = EPS ** (1 / 3) * max(1.0, abs(x[place]))
        up, down = x.copy(), x.copy()
        up[place] += h
        down[place] -= h
        gradient[place] = np.sum(upstream * (f(up) - f(down))) / (up[place] - down[place])
    return gradient


def assert_gradient(found: Array, expected: Array, terms: int, scale: float = 1.0, eps: float = EPS) -> None:
    """Agreement to rounding: a sum of n products is off by at most n eps sum|a||b|, and `scale` bounds that last sum.

    The factor 8 stands for the handful of roundings (exp, division) that each term brings along itself.
    """
    assert found.shape == expected.shape
    bound = 8 * max(terms, 1) * eps * max(scale, float(np.abs(expected).max(initial=0.0)), 1.0)
    worst = float(np.abs(found - expected).max(initial=0.0))
    assert worst <= bound, f"worst difference {worst:.3g} above the rounding bound {bound:.3g}"
