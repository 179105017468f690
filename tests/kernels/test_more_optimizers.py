"""Rules and what happens around them, against formulas unrolled over the whole history, by hand, or what must hold of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import arrays
from tinynn.kernels import (
    adadelta,
    adafactor,
    adagrad,
    adam,
    adamax,
    clip,
    ftrl,
    gradient_accumulation,
    lamb,
    lion,
    moving_average,
    muon,
    nadam,
    schedule_free_adamw,
    weight_decay,
)
from tinynn.kernels.bias_correction import bias_correction

EPS = float(np.finfo(np.float64).eps)
DOUBLE = np.dtype(np.float64)
histories = st.integers(1, 8).flatmap(lambda steps: arrays((steps,), bound=3.0))
rates = st.floats(1e-4, 1.0)
shares = st.sampled_from([0.0, 0.25, 0.5, 0.875])  # float32 knows them exactly: Keras rounds some betas to it
vectors = st.integers(1, 9).flatmap(lambda n: arrays((n,), bound=100.0))


def near(found: Any, expected: Any, size: float = 1.0) -> bool:
    """A few hundred roundings, of quantities of at most this size."""
    return bool(np.all(np.abs(np.asarray(found) - np.asarray(expected)) <= 300 * EPS * max(size, 1.0)))


def mean_of(past: Any, share: float) -> float:
    """(1 - share) sum_s share^(t - s) x_s, the running mean that starts at 0."""
    n = len(past)
    return (1 - share) * math.fsum(share ** (n - 1 - s) * past[s] for s in range(n))


# Rules -----------------------------------------------------------------------------------------------------------------


@given(history=histories, rate=rates)
def test_adagrad_divides_by_the_root_of_all_squares(history: Any, rate: float) -> None:
    p, a, expected = np.zeros(1), np.full(1, 0.5), 0.0
    for t, g in enumerate(history, start=1):
        adagrad.step(p, np.array([g]), a, rate, 0.25)
        expected -= rate * g / math.sqrt(0.5 + math.fsum(x * x for x in history[:t]) + 0.25)
    assert near(p, expected)


@given(history=histories, rho=shares, rate=rates)
def test_adadelta_measures_its_steps_by_its_past_steps(history: Any, rho: float, rate: float) -> None:
    p, a, x, moves, epsilon = np.zeros(1), np.zeros(1), np.zeros(1), [0.0], 1e-2
    for t, g in enumerate(history, start=1):
        adadelta.step(p, np.array([g]), a, x, rate, rho, epsilon)
        size = math.sqrt(mean_of(np.square(moves[1:]), rho) + epsilon) if t > 1 else math.sqrt(epsilon)
        moves.append(-size * g / math.sqrt(mean_of(history[:t] ** 2, rho) + epsilon))
    assert near(p, rate * math.fsum(moves), 10.0)


@given(history=histories, rate=rates, beta_1=shares, beta_2=st.floats(0.0, 1.0))
def test_adamax_divides_by_the_largest_gradient_of_late(
    history: Any, rate: float, beta_1: float, beta_2: float
) -> None:
    p, m, u, expected = np.zeros(1), np.zeros(1), np.zeros(1), 0.0
    for t, g in enumerate(history, start=1):
        a = float(adamax.effective_rate(np.array([t]), rate, beta_1, DOUBLE)[0])
        adamax.step(p, np.array([g]), m, u, a, beta_1, beta_2, 1e-2)
        largest = max(abs(x) * beta_2 ** (t - s) for s, x in enumerate(history[:t], start=1))
        expected -= rate * mean_of(history[:t], beta_1) / (1 - beta_1**t) / (largest + 1e-2)
    assert near(p, expected, 1e3)


@given(history=histories, rate=rates, beta_1=st.sampled_from([0.25, 0.5, 0.875]), beta_2=shares)
def test_nadam_looks_ahead_with_a_momentum_that_grows(history: Any, rate: float, beta_1: float, beta_2: float) -> None:
    decay = float(np.float32(0.96))
    p, m, v, u, expected = np.zeros(1), np.zeros(1), np.zeros(1), 1.0, 0.0
    for t, g in enumerate(history, start=1):
        u = float(nadam.u_products(u, np.array([t]), beta_1, DOUBLE)[0])
        row = nadam.effective_rates(np.array([t]), rate, beta_1, beta_2, np.array([u]), DOUBLE)[0]
        nadam.step(p, np.array([g]), m, v, row, beta_1, beta_2, 0.5)
        now, after = (beta_1 * (1 - decay**s / 2) for s in (t, t + 1))
        product = math.prod(beta_1 * (1 - 0.96**s / 2) for s in range(1, t + 1))
        ahead = after * mean_of(history[:t], beta_1) / (1 - product * after) + (1 - now) * g / (1 - product)
        expected -= rate * ahead / (math.sqrt(mean_of(history[:t] ** 2, beta_2) / (1 - beta_2**t)) + 0.5)
    assert abs(p[0] - expected) <= 1e-6  # a root of a small difference: sqrt(eps) at worst, over epsilon = 0.5


@given(first=st.integers(1, 50), n=st.integers(1, 20), beta_1=st.floats(0.0, 1.0), dtype=st.sampled_from(["f4", "f8"]))
def test_nadams_products_of_many_steps_are_those_of_one_by_one(first: int, n: int, beta_1: float, dtype: str) -> None:
    t, real, u, one_by_one = np.arange(first, first + n), np.dtype(dtype), 0.75, []
    for step in t:
        u = float(nadam.u_products(u, np.array([step]), beta_1, real)[0])
        one_by_one.append(u)
    assert np.array_equal(nadam.u_products(0.75, t, beta_1, real), np.array(one_by_one, real))


@given(g=vectors, m=vectors, rate=rates)
def test_every_weight_moves_by_lions_rate_or_stays(g: Any, m: Any, rate: float) -> None:
    n = min(len(g), len(m))
    g, m, p = g[:n], m[:n].copy(), np.zeros(n)
    towards = 0.5 * m + 0.5 * g
    before = m.copy()
    lion.step(p, g, m, rate, 0.5, 0.75)
    assert np.array_equal(p, np.where(towards > 0, -rate, np.where(towards < 0, rate, 0)))
    assert near(m, 0.75 * before + 0.25 * g, 100)


@given(history=histories, rate=rates, l1=st.floats(0, 2), l2=st.floats(0, 2), power=st.sampled_from([0.0, -0.5, -0.8]))
def test_ftrl_stands_at_the_minimum_of_what_it_minimises(
    history: Any, rate: float, l1: float, l2: float, power: float
) -> None:
    """z p + (a^q / rate + 2 l2) p^2 / 2 + l1 |p| has 0 among its slopes at p."""
    p, a, z = np.array([0.5]), np.array([0.1]), np.zeros(1)
    for g in history:
        ftrl.step(p, np.array([g]), a, z, rate, power, l1, l2, 0.0, 0.0)
        slope = float(z[0] + (a[0] ** -power / rate + 2 * l2) * p[0])
        size = abs(float(z[0])) + l1
        assert abs(slope + l1 * np.sign(p[0])) <= 64 * EPS * size if p[0] else abs(slope) <= l1 + 64 * EPS * size
    assert near(a, 0.1 + np.sum(history**2), 100)


def test_ftrl_without_power_and_penalties_is_gradient_descent() -> None:
    """q = 0: z gathers gradients, p = -rate z."""
    p, a, z = np.zeros(2), np.zeros(2), np.zeros(2)
    for g in ([1.0, -2.0], [0.5, 0.25]):
        ftrl.step(p, np.array(g), a, z, 0.125, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert p.tolist() == [-0.1875, 0.21875]


@given(p=vectors, seed=st.integers(0, 99), rate=rates)
def test_lambs_step_is_as_long_as_the_rate_times_the_weights(p: Any, seed: int, rate: float) -> None:
    """Of each variable by itself; where the weights are all 0, the step is Adam's of Algorithm 1."""
    numbers = np.random.default_rng(seed)
    first, params = len(p), np.concatenate([p, np.zeros(3)])
    g = numbers.normal(size=len(params)) + 2
    before, m, v = params.copy(), np.zeros(len(params)), np.zeros(len(params))
    row = lamb.effective_rates(np.array([1]), rate, 0.5, 0.75, DOUBLE)[0]
    lamb.step(params, g, m, v, np.array([0, first, len(params)]), row, 0.5, 0.75, 1e-3)
    direction = g / (np.abs(g) + 1e-3)
    length = float(np.linalg.norm(p)) or float(np.linalg.norm(direction[:first]))
    moved = before - params
    assert near(moved[:first], rate * length * direction[:first] / np.linalg.norm(direction[:first]), 1e3)
    assert near(moved[first:], rate * direction[first:])


@pytest.mark.parametrize("step", [adafactor.step, adafactor.step_compiled])
def test_adafactor_steps_where_a_row_and_a_column_have_hardly_any_gradient(step: Any) -> None:
    """The product of their mean squares, 1e-30 times 1e-14, is no normal float32, and zero in a loop that flushes those.

    Such a weight stays where it is; the others go by the learning rate: with v of rank one, u is a matrix of +-1.
    """
    g = np.array([1.0, 1e-7, 0.0, 0.0], np.float32)
    p, v = np.ones(4, np.float32), np.zeros(4, np.float32)
    r, c = np.zeros(2, np.float32), np.zeros(2, np.float32)
    rates = np.array([0.1, 0.0], np.float32)
    step(p, g, r, c, v, np.array([[0, 1, 2, 2]]), rates, 1e-30, 1e-3, 1.0)
    assert v.min() == np.finfo(np.float32).tiny
    np.testing.assert_allclose(p, [0.9, 0.9, 1.0, 1.0], rtol=8 * np.finfo(np.float32).eps)
    g[0] = np.nan
    step(p, g, r, c, v, np.array([[0, 1, 2, 2]]), rates, 1e-30, 1e-3, 1.0)
    assert np.isnan(v[0])
    assert np.isnan(p).all()


def test_adafactors_matrix_of_rank_one_by_hand() -> None:
    """g^2 = [[1, 4], [9, 36]] is of rank one: v is g^2 itself, u the sign of g, and rms(u) = 1 is not cut by 1."""
    g = np.array([1.0, -2.0, 3.0, 6.0])
    p, r, c, v = np.full(4, 2.0), np.zeros(2), np.zeros(2), np.zeros(4)
    row = adafactor.effective_rates(np.array([1]), 0.25, -0.8, DOUBLE)[0]
    adafactor.step(p, g, r, c, v, np.array([[0, 1, 2, 2]]), row, 0.0, 1e-3, 1.0)
    assert row.tolist() == [0.25, 0.0]
    assert r.tolist() == [2.5, 22.5]
    assert c.tolist() == [5.0, 20.0]
    assert near(v, g * g, 36)
    assert near(p, 2.0 - 0.25 * 2.0 * np.sign(g))  # the rate, in the size of the weights


@given(history=histories, rate=rates, beta_1=st.sampled_from([0.25, 0.5, 1.0]))
def test_schedule_free_stands_between_its_iterate_and_the_average(history: Any, rate: float, beta_1: float) -> None:
    p, v = np.ones(1), np.zeros(1)
    z, w = p.copy(), 1.0
    for t, g in enumerate(history, start=1):
        row = schedule_free_adamw.effective_rates(np.array([t]), rate, 0.5, 4, DOUBLE)[0]
        assert near(row, [rate * min(t / 4, 1), 1 - 0.5**t, 1 / t])
        before = float(p[0])
        schedule_free_adamw.step(p, np.array([g]), z, v, row, beta_1, 0.5, 0.5)
        w -= rate * min(t / 4, 1) * g / (math.sqrt(mean_of(history[:t] ** 2, 0.5) / (1 - 0.5**t)) + 0.5)
        average = (before - (1 - beta_1) * w) / beta_1
        average += (w - average) / t
        assert abs(z[0] - w) <= 1e-6
        assert abs(p[0] - (w + beta_1 * (average - w))) <= 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rates_of_many_steps_follow_a_schedule(dtype: str) -> None:
    """Each step with its own learning rate: a column of what the steps get one by one."""
    t, learning_rates, real = np.arange(3, 8), np.linspace(1, 0.1, 5).astype(dtype), np.dtype(dtype)

    def found(function: Any, *arguments: Any) -> Any:
        one_by_one = [function(t[i : i + 1], learning_rates[i], *arguments)[0] for i in range(5)]
        assert np.array_equal(function(t, learning_rates, *arguments), np.array(one_by_one, real))

    found(adam.effective_rate, 0.9, 0.999, real)
    found(adamax.effective_rate, 0.9, real)
    found(lamb.effective_rates, 0.9, 0.999, real)
    found(adafactor.effective_rates, -0.8, real)
    found(schedule_free_adamw.effective_rates, 0.999, 5, real)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 0.9999])
def test_powers_that_are_not_asked_for_would_not_have_counted(dtype: str, beta: float) -> None:
    """Each stretch of steps has the bits of 1 - beta^t, where beta^t is large, next to epsilon, not normal and zero."""
    real = np.dtype(dtype)
    for first in (
        1,
        10,
        23,
        24,
        25,
        26,
        52,
        53,
        54,
        55,
        150,
        160,
        170,
        350,
        360,
        830,
        990,
        7_000,
        17_000,
        36_000,
        10**6,
    ):
        t = np.arange(first, first + 40)
        plain = real.type(1) - np.power(real.type(np.float32(beta)), t.astype(real))
        assert np.array_equal(bias_correction(t, beta, real), plain)
    assert bias_correction(np.arange(0), beta, real).shape == (0,)


# Around a rule ---------------------------------------------------------------------------------------------------------


@given(g=vectors, bound=st.floats(0.01, 50.0), cut=st.integers(0, 9))
def test_clipped_gradients_keep_their_direction_and_are_no_longer(g: Any, bound: float, cut: int) -> None:
    cut = min(cut, len(g))
    starts = np.array([0, cut, len(g)])
    by_norm, together, by_value = g.copy(), g.copy(), g.copy()
    clip.by_norm(by_norm, starts, bound)
    clip.by_global_norm(together, starts, bound)
    clip.by_value(by_value, bound)
    whole = max(float(np.linalg.norm(g)), bound)
    assert near(together, g * bound / whole, 100)
    for part in (slice(0, cut), slice(cut, None)):
        assert near(by_norm[part], g[part] * bound / max(float(np.linalg.norm(g[part])), bound), 100)
    assert np.array_equal(by_value, np.where(g > bound, bound, np.where(g < -bound, -bound, g)))


def test_an_infinite_gradient_spoils_the_global_norm_and_is_seen() -> None:
    g = np.array([1.0, np.inf])
    with np.errstate(invalid="ignore"):
        clip.by_global_norm(g, np.array([0, 1, 2]), 1.0)
    assert np.isnan(g).all()


def test_no_gradient_is_not_divided_by_its_norm() -> None:
    for clipped in (clip.by_norm, clip.by_global_norm):
        g = np.zeros(3)
        clipped(g, np.array([0, 1, 3]), 0.5)
        assert g.tolist() == [0, 0, 0]


def test_weights_shrink_by_rate_times_decay_variable_by_variable() -> None:
    p = np.array([8.0, -4.0, 2.0, np.inf])
    weight_decay.shrink(p, np.array([0, 1, 3, 4]), np.array([0.5, 0.25, 0.0]), 0.5)
    assert p.tolist() == [6.0, -3.5, 1.75, np.inf]


@given(history=histories, momentum=st.sampled_from([0.0, 0.5, 0.875]))
def test_the_average_is_a_geometric_mean_of_weights_from_the_first_on(history: Any, momentum: float) -> None:
    average = np.zeros(1)
    for t, p in enumerate(history):
        moving_average.update(average, np.array([p]), momentum if t else 0.0)
    expected = momentum ** (len(history) - 1) * history[0] + (mean_of(history[1:], momentum) if len(history) > 1 else 0)
    assert near(average, expected, 3)


@given(history=histories)
def test_accumulated_gradients_end_as_their_mean_and_begin_anew(history: Any) -> None:
    sums = np.zeros(1)
    for g in history[:-1]:
        gradient_accumulation.add(sums, np.array([g]))
    last = np.array([history[-1]])
    gradient_accumulation.finish(sums, last, len(history))
    assert near(last, math.fsum(history) / len(history), 24)
    assert sums[0] == 0


# Muon ------------------------------------------------------------------------------------------------------------------

matrices = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(lambda shape: arrays(shape, bound=100.0))


@given(x=matrices, ns_steps=st.integers(0, 6))
def test_muons_direction_has_the_singular_vectors_and_other_values(x: Any, ns_steps: int) -> None:
    """By the decomposition that the derivation speaks of: each value through the polynomial, again and again."""
    a, b, c = 3.4445, -4.775, 2.0315
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    s = s / (np.sqrt(np.sum(s * s)) + 1e-7)
    for _ in range(ns_steps):
        s = a * s + b * s**3 + c * s**5
    found = muon.direction(x, ns_steps, a, b, c)
    # Every round may enlarge what was off by as much as the polynomial rises between 0 and 1: by a at 0, by 4.5 at 1.
    assert np.abs(found - (u * s) @ vt).max() <= 100 * EPS * 4.5**ns_steps


@given(
    data=st.data(),
    nesterov=st.booleans(),
    momentum=st.sampled_from([0.0, 0.5, 0.95]),
    scale=st.sampled_from([-1.0, 0.2]),
)
def test_muon_steps_along_the_direction_of_its_sum_of_gradients(
    data: Any, nesterov: bool, momentum: float, scale: float
) -> None:
    rows, columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    history = data.draw(arrays((3, rows * columns), bound=3.0))
    p, m, table = np.zeros(rows * columns), np.zeros(rows * columns), np.array([[0, rows, columns, 0]])
    expected = np.zeros((rows, columns))
    for t, g in enumerate(history, start=1):
        row = muon.effective_rates(np.array([t]), 0.1, 1.0, 0.9, 0.9, scale, DOUBLE)[0]
        muon.step(p, g, m, p[:0], table, p[:0], row, momentum, nesterov, 2, 1.5, -0.5, 0.0, 0.9, 0.9, 1e-7)
        total = sum(momentum ** (t - s) * x for s, x in enumerate(history[:t], start=1))
        towards = (g + momentum * total if nesterov else total).reshape(rows, columns)
        length = 0.1 * (math.sqrt(max(rows, columns)) * 0.2 if scale > 0 else 1.0)
        expected -= length * muon.direction(towards, 2, 1.5, -0.5, 0.0)
    # Where gradients cancel, a few roundings of numbers up to 3 are left, which the norm, 1e-7 or more, divides.
    assert np.abs(p.reshape(rows, columns) - expected).max() <= 1e-6


def test_muons_biases_take_adams_step() -> None:
    g, rates_of_step = np.array([0.5, -2.0]), muon.effective_rates(np.array([1]), 0.1, 0.5, 0.9, 0.999, 0.2, DOUBLE)[0]
    p, m, v, ours, theirs = np.ones(2), np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2)
    q = p.copy()
    muon.step(
        p, g, m, v, np.array([[0, 0, 2, 0]]), p[:0], rates_of_step, 0.95, True, 5, 3.0, -4.0, 2.0, 0.9, 0.999, 1e-7
    )
    adam.step(q, g, ours, theirs, np.empty(0), float(rates_of_step[1]), 0.9, 0.999, 1e-7)
    assert np.array_equal(p, q)
    assert np.array_equal(m, ours)
    assert np.array_equal(v, theirs)
    assert rates_of_step[1] == adam.effective_rate(np.array([1]), 0.05, 0.9, 0.999, DOUBLE)[0]
