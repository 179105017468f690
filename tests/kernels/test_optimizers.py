"""Optimizer kernels against the papers' formulas written out for one number in exact or high precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import arrays
from tinynn.kernels import adam, rmsprop, sgd

EPS = float(np.finfo(np.float64).eps)
histories = st.integers(1, 8).flatmap(lambda steps: arrays((steps,), bound=3.0))
rates = st.floats(1e-4, 1.0)
shares = st.floats(0.0, 0.99)


def close(found: Any, expected: float, steps: int) -> bool:
    """A handful of roundings a step, each relative to quantities of size at most about 100."""
    return bool(abs(float(found[0]) - expected) <= 100 * 16 * steps * EPS)


@given(history=histories, rate=rates, momentum=st.floats(0.0, 0.984375, width=32))
def test_momentum_is_a_geometric_sum_of_past_gradients(history: Any, rate: float, momentum: float) -> None:
    """Unrolled: v_t = -rate sum_s momentum^(t-s) g_s; the position is the sum of the v, for Nesterov one step further."""
    plain, nesterov, v_1, v_2 = np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1)
    for g in history:
        sgd.momentum_step(plain, np.array([g]), v_1, rate, momentum)
        sgd.nesterov_step(nesterov, np.array([g]), v_2, rate, momentum)
    n = len(history)
    v = [-rate * sum(momentum ** (t - s) * history[s] for s in range(t + 1)) for t in range(n)]
    assert close(plain, sum(v), n)
    assert close(nesterov, sum(momentum * v[t] - rate * history[t] for t in range(n)), n)


@given(history=histories, rate=rates)
def test_sgd_without_momentum_sums_gradients(history: Any, rate: float) -> None:
    p, q, v = np.zeros(1), np.zeros(1), np.zeros(1)
    for g in history:
        sgd.step(p, np.array([g]), rate)
        sgd.momentum_step(q, np.array([g]), v, rate, 0.0)
    assert np.array_equal(p, q)
    assert close(p, -rate * math.fsum(history), len(history))


@given(history=histories, rate=rates, beta_1=shares, beta_2=shares, amsgrad=st.booleans())
def test_adam_is_corrected_means_of_the_history(
    history: Any, rate: float, beta_1: float, beta_2: float, amsgrad: bool
) -> None:
    """Unrolled: m_t = (1 - b1) sum_s b1^(t-s) g_s, v_t likewise with g^2, by math.fsum over the whole history."""
    p, m, v = np.zeros(1), np.zeros(1), np.zeros(1)
    v_max = np.zeros(1 if amsgrad else 0)
    epsilon, expected, largest = 1e-3, 0.0, 0.0
    for t, g in enumerate(history, start=1):
        a = float(adam.effective_rate(np.array([t]), rate, beta_1, beta_2, np.dtype(np.float64))[0])
        adam.step(p, np.array([g]), m, v, v_max, a, beta_1, beta_2, epsilon)
        past = history[:t]
        m_t = (1 - beta_1) * math.fsum(beta_1 ** (t - s) * past[s - 1] for s in range(1, t + 1))
        v_t = (1 - beta_2) * math.fsum(beta_2 ** (t - s) * past[s - 1] ** 2 for s in range(1, t + 1))
        largest = max(largest, v_t)
        corrected = rate * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        expected -= corrected * m_t / (math.sqrt(largest if amsgrad else v_t) + epsilon)
    # The root turns an error of eps in v into sqrt(eps) near 0; over epsilon = 1e-3 that is below 2e-5 of a step of 1.
    assert abs(p[0] - expected) <= 1e-4 * rate * len(history) or close(p, expected, len(history))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adams_first_step_is_short_as_in_keras(dtype: type) -> None:
    """0.999f = 0.99900001287: the root of 1 - 0.999f is 6.44e-6 short; 1 - 0.9f = 0.1000000238 takes 2.4e-7 more off.

    In float64 too, as Keras rounds the betas to float32 first. Three roundings, of the root, the product and the
    quotient, may add 6e-8 each.
    """
    found = adam.effective_rate(np.array([1]), 1.0, 0.9, 0.999, np.dtype(dtype))[0]
    exact = math.sqrt(1 - 0.999) / (1 - 0.9)
    assert (found / exact - 1) == pytest.approx(-6.68e-6, abs=1.8e-7)


@given(
    history=histories,
    rate=st.floats(1e-4, 0.1),
    rho=shares,
    momentum=shares,
    centered=st.booleans(),
    moving=st.booleans(),
)
def test_rmsprop_divides_by_the_root_with_epsilon_inside(
    history: Any, rate: float, rho: float, momentum: float, centered: bool, moving: bool
) -> None:
    p, square = np.zeros(1), np.zeros(1)
    mean, velocity = np.zeros(1 if centered else 0), np.zeros(1 if moving else 0)
    epsilon, expected, v = 1e-2, 0.0, 0.0
    for t, g in enumerate(history, start=1):
        rmsprop.step(p, np.array([g]), square, mean, velocity, rate, rho, momentum, epsilon)
        past = history[:t]
        s_t = (1 - rho) * math.fsum(rho ** (t - s) * past[s - 1] ** 2 for s in range(1, t + 1))
        a_t = (1 - rho) * math.fsum(rho ** (t - s) * past[s - 1] for s in range(1, t + 1)) if centered else 0.0
        u = rate * g / math.sqrt(s_t - a_t**2 + epsilon)
        v = momentum * v + u if moving else u
        expected -= v
    assert close(p, expected, len(history))
