"""Activations: every backward pass against the complex step, with random upstream gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import assert_gradient, complex_step_gradient
from tests.strategies import arrays, sizes
from tinynn.kernels import linear, relu, sigmoid, softmax, tanh

FROM_OUTPUT = {"relu": relu, "sigmoid": sigmoid, "softmax": softmax, "tanh": tanh}


def forward(kernel: Any, x: Any) -> Any:
    out = np.empty_like(x)
    kernel.forward(x, out)
    return out


@pytest.mark.parametrize("name", FROM_OUTPUT)
@given(data=st.data(), rows=sizes, columns=sizes)
def test_backward_matches_complex_step(name: str, data: Any, rows: int, columns: int) -> None:
    kernel = FROM_OUTPUT[name]
    x = data.draw(arrays((rows, columns), bound=30.0, away_from_zero=1e-9 if name == "relu" else 0.0))
    d_out = data.draw(arrays((rows, columns)))
    d_x = np.full_like(x, np.nan)
    kernel.backward(d_out, forward(kernel, x), d_x)
    assert_gradient(
        d_x, complex_step_gradient(lambda z: forward(kernel, z), x, d_out), terms=columns, scale=4.0 * columns
    )


@given(data=st.data(), rows=sizes, columns=sizes)
def test_linear_passes_both_ways(data: Any, rows: int, columns: int) -> None:
    x, d_out = data.draw(arrays((rows, columns))), data.draw(arrays((rows, columns)))
    d_x = np.full_like(x, np.nan)
    linear.backward(d_out, d_x)
    assert np.array_equal(forward(linear, x), x)
    assert np.array_equal(d_x, d_out)


def test_relu_at_the_kink_has_derivative_zero() -> None:
    x = np.array([-0.0, 0.0, np.nan])
    out = forward(relu, x)
    d_x = np.empty(3)
    relu.backward(np.ones(3), out, d_x)
    assert np.array_equal(d_x, [0, 0, 0])
    assert np.isnan(out[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_and_softmax_survive_extremes(dtype: type) -> None:
    x = np.array([[-1e30, 0.0, 1e30], [88.0, 89.0, -104.0]], dtype)
    s, p = forward(sigmoid, x), forward(softmax, x)
    assert np.array_equal(s[0], [0, 0.5, 1])
    assert np.array_equal(p[0], [0, 0, 1])
    assert np.allclose(p.sum(axis=1), 1, rtol=4 * np.finfo(dtype).eps)


@given(data=st.data(), rows=sizes, columns=sizes)
def test_softmax_ignores_a_constant_added_to_a_row(data: Any, rows: int, columns: int) -> None:
    x, shift = data.draw(arrays((rows, columns))), data.draw(arrays((rows, 1)))
    # Adding and taking away the shift moves each score by at most eps (|x| + |shift|) <= 8 eps; so does exp, relatively.
    assert np.allclose(forward(softmax, x + shift), forward(softmax, x), rtol=32 * np.finfo(float).eps, atol=0)


def test_softmax_by_hand() -> None:
    # e^0 : e^ln2 : e^ln5 = 1 : 2 : 5
    assert np.allclose(forward(softmax, np.log([[1.0, 2.0, 5.0]])), [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-15)
