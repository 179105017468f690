"""The compiled twins of the activations against their references; see test_twins.py for how the tolerances come about."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.test_twins import DTYPES, ULPS, Draw, same_bits, twins_are_machine_code
from tests.kernels.activation_cases import CASES, Case
from tinynn import _compiled
from tinynn._typing import Array
from tinynn.kernels import elementary, glu, log_softmax, prelu, sparsemax

__all__ = ["twins_are_machine_code"]  # a fixture, used by being here

ROWS = ("log_softmax", "sparsemax", "glu", "prelu")
COMPARED = {f"{name}.{way}" for name in (*ROWS, *(case.kernel for case in CASES)) for way in ("forward", "backward")}

ROUNDINGS = 2 * ULPS + 4
"""Two functions good to 4 ulp, on either side, and a handful of operations."""


def assert_near(found: Array, expected: Array, size: Any) -> None:
    """Within the roundings of the result and of what it is made from."""
    wide = expected.astype(np.float64)
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    finite = np.isfinite(expected)
    assert np.array_equal(found[~finite], expected[~finite], equal_nan=True)
    limits = np.finfo(expected.dtype)
    bound = ROUNDINGS * float(limits.eps) * (np.abs(wide) + size) + float(limits.smallest_normal) * (1 + size)
    off = np.abs(found.astype(np.float64) - wide)[finite]
    assert (off <= np.broadcast_to(bound, wide.shape)[finite]).all(), (found, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 40), scale=st.sampled_from([1e-3, 1.0, 8.0, 60.0]))
def test_twin_equals_reference(case: Case, dtype: str, seed: int, size: int, scale: float) -> None:
    d = Draw(seed, 1, size, scale, dtype)
    x, d_out = d.flat(), Draw(seed + 1, 1, size, 1.0, dtype).flat()
    x[: len(case.kinks)] = case.kinks[:size]
    with np.errstate(all="ignore"):
        out, d_x = case.forward(x), case.backward(d_out, x)
        inner, slope = case.inner(x.astype(float), out.astype(float)), case.slope(x.astype(float), out.astype(float))
        assert_near(case.forward(x, twin=True), out, inner)
        assert_near(case.backward(d_out, x, twin=True), d_x, slope * np.abs(d_out.astype(float)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_special_numbers_go_where_they_go_in_the_reference(case: Case, dtype: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, *case.kinks], dtype)
    with np.errstate(all="ignore"):
        out = case.forward(x)
        assert_near(case.forward(x, twin=True), out, 1.0)
        assert np.isnan(out[0]) or case.kernel in ("threshold", "hard_shrink", "soft_shrink")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_twins_work_in_place(case: Case, dtype: str) -> None:
    """The loop overwrites an activation's input by its output, and d_out by d_x."""
    d = Draw(7, 3, 5, 2.0, dtype)
    x, d_out = d.flat(), d.flat()
    out, d_x = case.forward(x, twin=True), case.backward(d_out, x, twin=True)
    case.backward(d_out, x, twin=True, d_x=d_out)
    case.forward(x, twin=True, out=x)
    assert same_bits(x, out)
    assert same_bits(d_out, d_x)


# Row by row -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 9),
    columns=st.integers(1, 19),
    scale=st.sampled_from([0.05, 1.0, 30.0]),
)
def test_twins_of_rows_equal_their_references(dtype: str, seed: int, rows: int, columns: int, scale: float) -> None:
    d = Draw(seed, rows, columns, scale, dtype)
    x, d_out = d.table(), Draw(seed + 1, rows, columns, 1.0, dtype).table()
    total = np.abs(d_out).sum(axis=1, keepdims=True, dtype=float)

    out, found = np.full_like(x, np.nan), np.full_like(x, np.nan)
    log_softmax.forward(x, out)
    log_softmax.forward_compiled(x, found)
    assert_near(found, out, columns)  # a sum of up to `columns`, none above 1, and its logarithm
    d_x, found = np.full_like(x, np.nan), np.full_like(x, np.nan)
    log_softmax.backward(d_out, out, d_x)
    log_softmax.backward_compiled(d_out, out, found)
    assert_near(found, d_x, columns * total)

    sparsemax.forward(x, out)
    sparsemax.forward_compiled(x, found)
    assert_near(found, out, columns * (1 + np.abs(x).max(axis=1, keepdims=True)))
    sparsemax.backward(d_out, x, d_x)
    sparsemax.backward_compiled(d_out, x, found)
    assert_near(found, d_x, columns * total)
    sparsemax.backward_compiled(d_out, x, d_out)
    assert same_bits(d_out, found)
    sparsemax.forward_compiled(x, x)
    assert_near(x, out, columns * (1 + np.abs(d.table()).max()) * scale + columns)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 9), columns=st.integers(1, 9))
def test_twins_of_glu_and_prelu_equal_their_references(dtype: str, seed: int, rows: int, columns: int) -> None:
    d = Draw(seed, rows, 2 * columns, 3.0, dtype)
    x, half, alpha = d.table(), d.like(rows, columns), d.like(2 * columns)
    out, found = d.space(rows, columns), d.space(rows, columns)
    glu.forward(x, out)
    glu.forward_compiled(x, found)
    assert_near(found, out, 0.0)
    d_x, found = d.space(), d.space()
    glu.backward(half, x, d_x)
    glu.backward_compiled(half, x, found)
    assert_near(found, d_x, np.abs(np.concatenate([half, half * x[:, :columns]], axis=1)))  # 1 - g

    d_out, out, found = d.table(), d.space(), d.space()
    prelu.forward(x, alpha, out)
    prelu.forward_compiled(x, alpha, found)
    assert_near(found, out, 0.0)
    d_alpha, found_alpha = d.space(2 * columns), d.space(2 * columns)
    prelu.backward(d_out, x, alpha, d_x, d_alpha)
    prelu.backward_compiled(d_out, x, alpha, found, found_alpha)
    assert_near(found, d_x, 0.0)
    assert_near(found_alpha, d_alpha, np.abs(d_out * x).sum(axis=0) * rows)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sparsemax_twin_has_the_reference_s_ties_and_empty_supports(dtype: str) -> None:
    x = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0], [2, 1, 1], [1, 0.5, 0.25], [1e30, 0, 0]], dtype)
    d_out = np.array([[1, 2, 4]] * len(x), dtype)
    out, found, d_x, found_d_x = (np.full_like(x, np.nan) for _ in range(4))
    with np.errstate(all="ignore"):
        sparsemax.forward(x, out)
        sparsemax.backward(d_out, x, d_x)
    sparsemax.forward_compiled(x, found)
    sparsemax.backward_compiled(d_out, x, found_d_x)
    assert np.array_equal(found, out)
    assert np.array_equal(found_d_x[:5], d_x[:5])


# expm1 and erfc -----------------------------------------------------------------------------------------------------------


def over(function: Callable[..., Any], dtype: str) -> Callable[[Array], Array]:
    """A function of one number and a witness of its precision, over arrays, in machine code."""
    import numba

    first = function.__name__ == "expm1"

    @numba.njit(**_compiled.OPTIONS)
    def loop_one(x: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = function(x[i], out.dtype.type(1))

    @numba.njit(**_compiled.OPTIONS)
    def loop_like(x: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = function(x[i], out)

    def call(x: Array) -> Array:
        out = np.full_like(x, np.nan)
        (loop_one if first else loop_like)(x, out)
        return out

    return call


@pytest.mark.parametrize("dtype", DTYPES)
def test_expm1_and_erfc_are_exact_to_some_ulp(dtype: str) -> None:
    numbers = np.random.default_rng(0)
    x = np.concatenate([numbers.normal(0, scale, 400) for scale in (1e-6, 1e-2, 1.0, 6.0)]).astype(dtype)
    eps = float(np.finfo(dtype).eps)
    with np.errstate(all="ignore"):
        found = over(elementary.expm1, dtype)(x).astype(float)
        expected = np.array([math.expm1(v) for v in x.tolist()])
        assert (np.abs(found - expected) <= 4 * ULPS * eps * np.abs(expected)).all()
        found = over(elementary.erfc, dtype)(x).astype(float)
    expected = np.array([math.erfc(v) for v in x.tolist()])
    normal = expected > float(np.finfo(dtype).tiny)
    off = np.abs(found / expected - 1)[normal]
    assert (off <= eps * (2 * ULPS + 4 + x.astype(float) ** 2)[normal]).all()
    ends = over(elementary.erfc, dtype)(np.array([0, np.inf, -np.inf, np.nan, 30, -30], dtype))
    assert np.array_equal(ends, np.array([1, 0, 2, np.nan, 0, 2], dtype), equal_nan=True)
    ends = over(elementary.expm1, dtype)(np.array([0, np.inf, -np.inf, np.nan, -200, 1e-30], dtype))
    assert np.array_equal(ends, np.array([0, np.inf, -1, np.nan, -1, 1e-30], dtype), equal_nan=True)


def test_the_list_of_what_is_compared_is_true() -> None:
    for name in COMPARED:
        kernel, function = name.split(".")
        assert hasattr(importlib.import_module(f"tinynn.kernels.{kernel}"), f"{function}_compiled")
