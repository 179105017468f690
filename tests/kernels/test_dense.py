"""Dense: forward by hand, backward against the complex step."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import assert_gradient, complex_step_gradient
from tests.strategies import arrays, sizes
from tinynn.kernels import dense


def forward(x: Any, kernel: Any, bias: Any) -> Any:
    out = np.empty((len(x), kernel.shape[1]), np.result_type(x, kernel, bias))
    dense.forward(x, kernel, bias, out)
    return out


def test_dense_by_hand() -> None:
    out = forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5]))
    assert np.array_equal(out, [[1 * 3 + 2 * 5 + 0.5, 1 * 4 + 2 * 6 - 0.5]])


@given(data=st.data(), batch=sizes, fan_in=sizes, units=sizes)
def test_dense_backward_matches_complex_step(data: Any, batch: int, fan_in: int, units: int) -> None:
    x, kernel = data.draw(arrays((batch, fan_in))), data.draw(arrays((fan_in, units)))
    bias, d_out = data.draw(arrays((units,))), data.draw(arrays((batch, units)))
    d_x, d_kernel, d_bias = np.empty_like(x), np.empty_like(kernel), np.empty_like(bias)
    dense.backward(d_out, x, kernel, d_x, d_kernel, d_bias)
    terms = max(batch, units)
    for found, expected in (
        (d_x, complex_step_gradient(lambda z: forward(z, kernel, bias), x, d_out)),
        (d_kernel, complex_step_gradient(lambda z: forward(x, z, bias), kernel, d_out)),
        (d_bias, complex_step_gradient(lambda z: forward(x, kernel, z), bias, d_out)),
    ):
        assert_gradient(found, expected, terms, scale=16.0 * terms)
