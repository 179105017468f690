"""Normalizations, penalties and alpha dropout: every backward pass against the complex step, with random upstream gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import assert_gradient, complex_step_gradient
from tests.strategies import arrays
from tinynn._typing import Array
from tinynn.kernels import (
    alpha_dropout,
    batch_normalization,
    l1_l2,
    layer_normalization,
    orthogonality,
    rms_normalization,
    unit_normalization,
)

EPSILON = 0.25  # keeps deviations, and with them rounding, within bounds that can be stated
sizes = st.integers(2, 5)


def spread_out(data: Any, rows: int, columns: int) -> Array:
    return data.draw(arrays((rows, columns)))  # type: ignore[no-any-return]


def by_batch(x: Any, gamma: Any, beta: Any) -> Any:
    kind = np.result_type(x, gamma, beta)
    mean, variance, inverse = (np.empty(x.shape[1], kind) for _ in range(3))
    out = np.empty(x.shape, kind)
    batch_normalization.forward(x.astype(kind), gamma, beta, EPSILON, mean, variance, inverse, out)
    return out, mean, inverse


def by_layer(x: Any, gamma: Any, beta: Any) -> Any:
    kind = np.result_type(x, gamma, beta)
    mean, inverse, out = np.empty(len(x), kind), np.empty(len(x), kind), np.empty(x.shape, kind)
    layer_normalization.forward(x.astype(kind), gamma, beta, EPSILON, mean, inverse, out)
    return out, mean, inverse


@pytest.mark.parametrize(("kernel", "forward"), [(batch_normalization, by_batch), (layer_normalization, by_layer)])
@given(data=st.data(), rows=sizes, columns=sizes)
def test_backward_matches_complex_step(kernel: Any, forward: Any, data: Any, rows: int, columns: int) -> None:
    x, d_out = spread_out(data, rows, columns), data.draw(arrays((rows, columns)))
    gamma, beta = data.draw(arrays(columns)), data.draw(arrays(columns))
    _, mean, inverse = forward(x, gamma, beta)
    found = [np.full_like(a, np.nan) for a in (x, gamma, beta)]
    kernel.backward(d_out, x, gamma, mean, inverse, *found)
    places = [x, gamma, beta]
    for i, d in enumerate(found):

        def moved(value: Any, i: int = i) -> Any:
            return forward(*[value if j == i else other for j, other in enumerate(places)])[0]

        expected = complex_step_gradient(moved, places[i], d_out)
        # y = (x - mean) inverse is at most sqrt(n); gamma and d_out at most 4, inverse at most 2.
        assert_gradient(d, expected, terms=rows * columns, scale=4 * 4 * 2 * 5)


@given(data=st.data(), rows=sizes, columns=sizes)
def test_with_running_statistics_the_map_is_affine(data: Any, rows: int, columns: int) -> None:
    x, d_out = data.draw(arrays((rows, columns))), data.draw(arrays((rows, columns)))
    gamma, beta, mean, variance = (data.draw(arrays(columns)) for _ in range(4))
    inverse, out = np.empty(columns), np.empty_like(x)
    batch_normalization.inference_forward(x, gamma, beta, EPSILON, mean, np.abs(variance), inverse, out)
    d_x, d_gamma, d_beta = np.empty_like(x), np.empty(columns), np.empty(columns)
    batch_normalization.inference_backward(d_out, x, gamma, mean, inverse, d_x, d_gamma, d_beta)

    def forward(x: Any) -> Any:
        return gamma * (x - mean) / np.sqrt(np.abs(variance) + EPSILON) + beta

    assert np.allclose(out, forward(x), rtol=0, atol=4 * 8 * 2 * 8 * np.finfo(float).eps)
    assert_gradient(d_x, complex_step_gradient(forward, x, d_out), terms=1, scale=4 * 4 * 2)
    assert_gradient(d_gamma, (d_out * (out - beta)).sum(axis=0) / np.where(gamma == 0, 1, gamma), rows, 4 * 16 * 8) if (
        np.abs(gamma) > 1e-3
    ).all() else None
    assert_gradient(d_beta, d_out.sum(axis=0), rows, 4 * rows)


@given(data=st.data(), rows=sizes, columns=sizes)
def test_root_mean_square_backward_matches_complex_step(data: Any, rows: int, columns: int) -> None:
    x, d_out, scale = spread_out(data, rows, columns), data.draw(arrays((rows, columns))), data.draw(arrays(columns))

    def forward(x: Any, scale: Any) -> Any:
        kind = np.result_type(x, scale)
        out = np.empty(x.shape, kind)
        rms_normalization.forward(x.astype(kind), scale, EPSILON, np.empty(len(x), kind), out)
        return out

    inverse = 1 / np.sqrt((x * x).mean(axis=1) + EPSILON)
    d_x, d_scale = np.full_like(x, np.nan), np.full_like(scale, np.nan)
    rms_normalization.backward(d_out, x, scale, inverse, d_x, d_scale)
    terms, bound = rows * columns, 4 * 4 * 2 * 5.0
    assert_gradient(d_x, complex_step_gradient(lambda z: forward(z, scale), x, d_out), terms, bound)
    assert_gradient(d_scale, complex_step_gradient(lambda z: forward(x, z), scale, d_out), terms, bound)


@given(data=st.data(), rows=sizes, columns=sizes)
def test_unit_backward_matches_complex_step(data: Any, rows: int, columns: int) -> None:
    x = spread_out(data, rows, columns)
    x[:, 0] = np.where(np.abs(x[:, 0]) < 0.25, 0.25, x[:, 0])  # away from the zero vector
    d_out, inverse, out, d_x = data.draw(arrays((rows, columns))), np.empty(rows), np.empty_like(x), np.empty_like(x)
    unit_normalization.forward(x, 1e-12, inverse, out)
    assert np.allclose((out**2).sum(axis=1), 1, rtol=columns * 8 * np.finfo(float).eps)
    unit_normalization.backward(d_out, out, 1e-12, inverse, d_x)
    expected = complex_step_gradient(lambda z: z / np.sqrt((z * z).sum(axis=1, keepdims=True)), x, d_out)
    assert_gradient(d_x, expected, columns, 4 * 4 * 5)


def test_a_row_of_zeros_stays_zero_and_passes_a_finite_gradient() -> None:
    x, inverse, out, d_x = np.zeros((1, 3)), np.empty(1), np.empty((1, 3)), np.empty((1, 3))
    unit_normalization.forward(x, 1e-12, inverse, out)
    unit_normalization.backward(np.ones((1, 3)), out, 1e-12, inverse, d_x)
    assert np.array_equal(out, x)
    assert np.array_equal(d_x, np.full((1, 3), 1e12))


# What a normalization is ------------------------------------------------------------------------------------------------


@given(data=st.data(), rows=sizes, columns=sizes)
def test_features_of_a_batch_get_mean_beta_and_deviation_gamma(data: Any, rows: int, columns: int) -> None:
    x, gamma, beta = spread_out(data, rows, columns), data.draw(arrays(columns)), data.draw(arrays(columns))
    out, _, inverse = by_batch(x, gamma, beta)
    assert np.allclose(out.mean(axis=0), beta, rtol=0, atol=1e-13)
    assert np.allclose(out.std(axis=0), np.abs(gamma) * x.std(axis=0) * inverse, rtol=0, atol=1e-13)


@given(data=st.data(), rows=sizes, columns=sizes)
def test_what_is_added_to_a_whole_feature_of_d_out_goes_nowhere(data: Any, rows: int, columns: int) -> None:
    x, gamma, beta = spread_out(data, rows, columns), data.draw(arrays(columns)), np.zeros(columns)
    _, mean, inverse = by_batch(x, gamma, beta)
    d_out = np.broadcast_to(data.draw(arrays(columns)), x.shape).copy()
    d_x = np.empty_like(x)
    batch_normalization.backward(d_out, x, gamma, mean, inverse, d_x, np.empty(columns), np.empty(columns))
    # y sums to 0 but for rounding, in sums of at most 5 terms of at most 16 each, times gamma inverse y.
    assert np.allclose(d_x, 0, atol=5 * 16 * 8 * 4 * np.finfo(float).eps)


def test_batch_normalization_by_hand() -> None:
    x = np.array([[1.0], [3.0]])  # mean 2, variance 1, with epsilon 3: inverse 1/2
    one, mean, variance, inverse, out = np.ones(1), np.empty(1), np.empty(1), np.empty(1), np.empty_like(x)
    batch_normalization.forward(x, 4 * one, 7 * one, 3.0, mean, variance, inverse, out)
    assert (mean[0], variance[0], inverse[0]) == (2, 1, 0.5)
    assert np.array_equal(out, [[5], [9]])  # 4 (-1/2) + 7, 4 (1/2) + 7
    moving_mean, moving_variance = np.zeros(1), np.ones(1)
    batch_normalization.update(mean, variance, 0.75, moving_mean, moving_variance)
    assert (moving_mean[0], moving_variance[0]) == (0.5, 1.0)


# Penalties and alpha dropout --------------------------------------------------------------------------------------------


@given(data=st.data(), n=st.integers(1, 8), l1=st.floats(0, 2), l2=st.floats(0, 2))
def test_the_derivative_of_penalties_matches_complex_step(data: Any, n: int, l1: float, l2: float) -> None:
    x, d_penalty = data.draw(arrays(n, away_from_zero=1e-6)), data.draw(arrays(1))
    d_x = np.full_like(x, np.nan)
    l1_l2.backward(d_penalty, x, l1, l2, d_x)

    def penalty(z: Any) -> Any:
        return np.array([(l1 * z * np.sign(z.real) + l2 * z * z).sum()])

    found = np.empty(1)
    l1_l2.forward(x, l1, l2, found)
    assert np.allclose(found, penalty(x), rtol=n * 4 * np.finfo(float).eps, atol=0)
    assert_gradient(d_x, complex_step_gradient(penalty, x, d_penalty), 2, 4 * 2 * 8)


def test_the_absolute_value_has_derivative_zero_at_its_kink_and_infinity_is_no_nan() -> None:
    d_x = np.empty(3)
    l1_l2.backward(np.ones(1), np.array([0.0, -0.0, np.inf]), 0.5, 0.0, d_x)
    assert np.array_equal(d_x, [0, 0, 0.5])


@given(data=st.data(), rows=st.integers(2, 4), columns=st.integers(1, 4))
def test_the_derivative_of_orthogonality_matches_complex_step(data: Any, rows: int, columns: int) -> None:
    x = data.draw(arrays((rows, columns)))
    x[:, 0] = np.where(np.abs(x[:, 0]) < 0.25, 0.25, x[:, 0])
    d_penalty, unit, inverse, penalty = data.draw(arrays(1)), np.empty_like(x), np.empty(rows), np.empty(1)
    orthogonality.forward(x, 0.5, 1e-7, unit, inverse, penalty)
    cosines = unit @ unit.T
    if (np.abs(cosines) < 1e-6).any():  # at the kink of |.|
        return
    d_x = np.full_like(x, np.nan)
    orthogonality.backward(d_penalty, 0.5, 1e-7, unit, inverse, d_x)

    def forward(z: Any) -> Any:
        u = z / np.sqrt((z * z).sum(axis=1, keepdims=True))
        pairs = [(u[i] * u[j]).sum() * np.sign(cosines[i, j]) for i in range(rows) for j in range(i)]
        return np.array([0.5 * sum(pairs) / len(pairs)])

    assert np.allclose(penalty, forward(x).real, rtol=0, atol=rows * columns * 8 * np.finfo(float).eps)
    assert_gradient(d_x, complex_step_gradient(forward, x, d_penalty), rows * columns, 4 * 4 * 4)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    """In expectation: over the mask exactly, for x = 1 and x = -1 with equal shares."""
    for rate in (0.1, 0.5, 0.9):
        x, kept = np.array([1.0, -1.0, 1.0, -1.0]), np.array([1.0, 1.0, 0.0, 0.0])
        shares = np.array([1 - rate, 1 - rate, rate, rate]) / 2
        out, d_x = np.empty(4), np.empty(4)
        alpha_dropout.forward(x, kept, rate, out)
        assert abs((shares * out).sum()) < 1e-15 * 8
        assert abs((shares * out**2).sum() - 1) < 1e-15 * 16
        alpha_dropout.backward(np.ones(4), kept, rate, d_x)
        assert np.allclose(d_x[:2], (out[0] - out[1]) / 2, rtol=1e-15 * 8)
        assert np.array_equal(d_x[2:], [0, 0])
