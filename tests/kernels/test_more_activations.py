"""The activations beyond the first five: derivatives against the complex step, kinks as stated, a few values by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.activation_cases import CASES, INFINITE, Case
from tests.oracles import assert_gradient, complex_step_gradient
from tests.strategies import arrays, sizes
from tinynn.kernels import gelu, glu, log_softmax, prelu, sparsemax

A = np.array


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=20)
@given(data=st.data(), size=st.integers(1, 30))
def test_backward_matches_complex_step(case: Case, data: Any, size: int) -> None:
    """Entry by entry: an output depends on its own input alone, so all inputs are moved at once."""
    x, d_out = data.draw(arrays((size,), bound=30.0)), data.draw(arrays((size,)))
    for kink in case.kinks:
        x[np.abs(x - kink) < 1e-6] += 1e-3
    expected = d_out * case.forward(x + 1e-30j).imag / 1e-30
    scale = 4 * float(np.max(case.slope(x, x), initial=1.0))
    assert_gradient(case.backward(d_out, x), expected, terms=1, scale=scale)


KINKS: list[tuple[str, tuple[float, ...], list[float], list[float]]] = [
    ("bounded_relu", (0.0, 6.0, 0.0), [0, 6], [0, 0]),  # relu6
    ("bounded_relu", (0.0, 5.0, 0.0), [0, 5], [0, 1]),
    ("bounded_relu", (0.5, 6.0, 1.0), [1, 6], [0, 1]),
    ("bounded_relu", (0.5, INFINITE, 1.0), [1], [0]),
    ("leaky_relu", (0.25,), [0], [0.25]),
    ("elu", (2.0,), [0], [2]),
    ("celu", (2.0,), [0], [2]),  # 1 + 1
    ("selu", (), [0], [1.0507009873554805]),
    ("hard_tanh", (), [-1, 1], [1, 1]),
    ("hard_sigmoid", (), [-3, 3], [0, 0]),
    ("hard_silu", (), [-3, 3], [0, 1]),
    ("sparse_sigmoid", (), [-1, 1], [0, 0]),
    ("sparse_plus", (), [-1, 1], [0, 1]),
    ("soft_shrink", (0.5,), [-0.5, 0.5], [0, 0]),
    ("hard_shrink", (0.5,), [-0.5, 0.5], [0, 0]),
    ("threshold", (0.5, 9.0), [0.5], [0]),
]


@pytest.mark.parametrize(("kernel", "options", "points", "derivatives"), KINKS)
def test_at_kinks_the_derivative_is_the_stated_choice(
    kernel: str, options: tuple[float, ...], points: list[float], derivatives: list[float]
) -> None:
    found = Case(kernel, options).backward(np.ones(len(points)), A(points, float))
    assert np.array_equal(found, derivatives)


BY_HAND: list[tuple[str, tuple[float, ...], list[float], list[float]]] = [
    # slope 1/2 below 1, jump to 1, then the line, then 5
    ("bounded_relu", (0.5, 5.0, 1.0), [-3, 1, 1.5, 7], [-2, 0, 1.5, 5]),
    ("leaky_relu", (0.25,), [-4, 0, 3], [-1, 0, 3]),
    ("elu", (2.0,), [-math.log(2), 0, 3], [-1, 0, 3]),
    ("celu", (2.0,), [-2 * math.log(2), 0, 3], [-1, 0, 3]),
    ("gelu", (), [0, 40, -40], [0, 40, 0]),
    ("silu", (), [0, math.log(3)], [0, 0.75 * math.log(3)]),
    ("mish", (), [0], [0]),
    ("softplus", (), [0, math.log(3), 800, -800], [math.log(2), math.log(4), 800, 0]),
    ("log_sigmoid", (), [0, math.log(3), 800, -800], [-math.log(2), math.log(0.75), 0, -800]),
    ("squareplus", (9.0,), [4, -4, 0], [4.5, 0.5, 1.5]),
    ("sparse_plus", (), [-2, -1, 0, 1, 2], [0, 0, 0.25, 1, 2]),
    ("sparse_sigmoid", (), [-2, -1, 0, 1, 2], [0, 0, 0.5, 1, 1]),
    ("softsign", (), [-3, 0, 1], [-0.75, 0, 0.5]),
    ("hard_tanh", (), [-2, 0.5, 2], [-1, 0.5, 1]),
    ("hard_sigmoid", (), [-4, 0, 1.5, 4], [0, 0.5, 0.75, 1]),
    ("hard_silu", (), [-4, 0, 1.5, 4], [0, 0, 1.125, 4]),
    ("soft_shrink", (0.5,), [-2, 0.25, 2], [-1.5, 0, 1.5]),
    ("hard_shrink", (0.5,), [-2, 0.25, 2], [-2, 0, 2]),
    ("tanh_shrink", (), [math.log(3) / 2], [math.log(3) / 2 - 0.5]),
    ("threshold", (0.5, 20.0), [0, 0.5, 1], [20, 20, 1]),
]


@pytest.mark.parametrize(("kernel", "options", "x", "expected"), BY_HAND)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_by_hand(
    kernel: str, options: tuple[float, ...], x: list[float], expected: list[float], dtype: str
) -> None:
    found = Case(kernel, options).forward(A(x, dtype))
    assert found.dtype == dtype
    eps = np.finfo(dtype).eps
    assert np.allclose(found, expected, rtol=4 * eps, atol=4 * eps)


def test_gelu_is_x_times_the_normal_distribution() -> None:
    """TensorFlow's 1/sqrt 2 is 1.7e-8 too large, relatively; the exponent x^2/2 feels that twice."""
    x = np.linspace(-9, 9, 181)
    expected = [v / 2 * math.erfc(-v / math.sqrt(2)) for v in x.tolist()]
    assert np.allclose(Case("gelu").forward(x), expected, rtol=1.8e-8 * (2 + 81), atol=0)
    exact = [v / 2 * math.erfc(-v * gelu.ROOT_HALF) for v in x.tolist()]
    # exp of -z^2, z^2 <= 40.5, which is rounded; then a handful of roundings.
    assert np.allclose(Case("gelu").forward(x), exact, rtol=(40.5 + 8) * 2.3e-16, atol=0)
    tanh_form = Case("gelu_tanh").forward(x)
    assert 1e-4 < np.abs(tanh_form - exact).max() < 5e-4


# Row by row, and with slopes that are learned ----------------------------------------------------------------------------


def out_of(kernel: Any, x: Any) -> Any:
    out = np.empty((*x.shape[:-1], x.shape[-1] // (2 if kernel is glu else 1)), x.dtype)
    kernel.forward(x, out)
    return out


@given(data=st.data(), rows=sizes, columns=sizes)
def test_log_softmax_backward_matches_complex_step(data: Any, rows: int, columns: int) -> None:
    x, d_out = data.draw(arrays((rows, columns), bound=30.0)), data.draw(arrays((rows, columns)))
    d_x = np.full_like(x, np.nan)
    log_softmax.backward(d_out, out_of(log_softmax, x), d_x)
    # exp(out) feels the rounding of out, of size 60 at most.
    expected = complex_step_gradient(lambda z: out_of(log_softmax, z), x, d_out)
    assert_gradient(d_x, expected, terms=columns, scale=60 * 4.0 * columns)


@given(data=st.data(), rows=sizes, columns=sizes)
def test_glu_backward_matches_complex_step(data: Any, rows: int, columns: int) -> None:
    x, d_out = data.draw(arrays((rows, 2 * columns), bound=30.0)), data.draw(arrays((rows, columns)))
    d_x = np.full_like(x, np.nan)
    glu.backward(d_out, x, d_x)
    expected = complex_step_gradient(lambda z: out_of(glu, z), x, d_out)
    assert_gradient(d_x, expected, terms=1, scale=30 * 4.0)


@given(seed=st.integers(0, 2**32 - 1), rows=sizes, columns=sizes, spread=st.sampled_from([0.1, 0.5, 3.0]))
def test_sparsemax_backward_matches_complex_step(seed: int, rows: int, columns: int, spread: float) -> None:
    """Random normal numbers: away from ties, where it is not differentiable."""
    numbers = np.random.default_rng(seed)
    x, d_out = numbers.normal(0, spread, (rows, columns)), numbers.normal(size=(rows, columns))
    d_x = np.full_like(x, np.nan)
    sparsemax.backward(d_out, x, d_x)
    expected = complex_step_gradient(lambda z: out_of(sparsemax, z), x, d_out)
    assert_gradient(d_x, expected, terms=columns, scale=columns * np.abs(d_out).max())


def test_sparsemax_by_hand() -> None:
    # One entry above tau: the paper's sparsemax. Two: Keras's tau = (0.6 + (0.6 + 0.4) - 1) / 2 = 0.3.
    x = A([[3.0, 1.0, 0.0], [0.6, 0.4, -1.0], [0.0, 0.0, 0.0]])
    tau_of_equals = (0 + 0 + 0 - 1) / 3
    assert np.allclose(out_of(sparsemax, x), [[1, 0, 0], [0.3, 0.1, 0], [-tau_of_equals] * 3], rtol=0, atol=1e-15)


@given(data=st.data(), rows=sizes, columns=sizes)
def test_prelu_backward_matches_complex_step(data: Any, rows: int, columns: int) -> None:
    x = data.draw(arrays((rows, columns), away_from_zero=1e-9))
    alpha, d_out = data.draw(arrays((columns,))), data.draw(arrays((rows, columns)))

    def forward(x: Any, alpha: Any) -> Any:
        out = np.empty(x.shape, np.result_type(x, alpha))
        prelu.forward(x, alpha, out)
        return out

    d_x, d_alpha = np.full_like(x, np.nan), np.full_like(alpha, np.nan)
    prelu.backward(d_out, x, alpha, d_x, d_alpha)
    assert_gradient(d_x, complex_step_gradient(lambda z: forward(z, alpha), x, d_out), terms=1, scale=16.0)
    assert_gradient(
        d_alpha, complex_step_gradient(lambda a: forward(x, a), alpha, d_out), terms=rows, scale=16.0 * rows
    )


def test_prelu_at_zero_has_derivative_zero() -> None:
    d_x, d_alpha = np.empty((1, 2)), np.empty(2)
    prelu.backward(np.ones((1, 2)), A([[0.0, -0.0]]), A([3.0, 3.0]), d_x, d_alpha)
    assert not d_x.any()
    assert not d_alpha.any()
