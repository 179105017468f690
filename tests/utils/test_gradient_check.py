"""`check_gradient` lets right derivatives through and refuses wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import ops, utils

X = np.random.RandomState(3).normal(size=(3, 2))


def cube_times(factor: float) -> Any:
    @tinynn.custom_gradient
    def cube(x: Any) -> Any:
        return x**3, lambda d_out: d_out * 3 * x**2 * factor

    return cube


def test_right_derivatives_pass() -> None:
    utils.check_gradient(cube_times(1.0), X)
    utils.check_gradient(ops.matmul, X, X.T)
    utils.check_gradient(lambda x: ops.sum(ops.tanh(x) * ops.exp(x), axis=0), X)
    utils.check_gradient(ops.softmax, X, axis=0)
    utils.check_gradient(ops.square, 3.0)


def test_a_derivative_wrong_by_a_thousandth_is_refused() -> None:
    with pytest.raises(ValueError, match=r"gradient of input 0 at \(\d, \d\) is .*; differences give"):
        utils.check_gradient(cube_times(1.001), X)


def test_one_wrong_entry_is_found() -> None:
    @tinynn.custom_gradient
    def double(x: Any) -> Any:
        slope = np.full_like(x, 2.0)
        slope[2, 1] = 2.001
        return 2 * x, lambda d_out: d_out * slope

    with pytest.raises(ValueError, match=r"at \(2, 1\)"):
        utils.check_gradient(double, X)


def test_a_missing_or_misshapen_gradient_is_refused() -> None:
    with pytest.raises(ValueError, match="input 1"):
        utils.check_gradient(lambda x, y: ops.square(x), X, X)

    @tinynn.custom_gradient
    def total(x: Any, y: Any) -> Any:
        return x * y, lambda d_out: (d_out * y, d_out * x)  # y is broadcast: its gradient is a sum

    with pytest.raises(ValueError, match="shape"):
        utils.check_gradient(total, X, 2.0)
