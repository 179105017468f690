"""Properties of every operation in table.py: derivatives by two oracles, values, dtypes and gradients as Keras's."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tests.ops.table import ELEMENTWISE, ROWS, Row, flat
from tests.oracles import EPS, central_difference_gradient, complex_step_gradient
from tinynn import GradientTape, Variable, ops
from tinynn._typing import Array

A = np.array


def outputs(row: Row, arrays: list[Any], k: Any = ops) -> list[Any]:
    with np.errstate(all="ignore"):
        return row.run(k, *arrays)


def joined(row: Row, arrays: list[Array], wanted: list[int]) -> Array:
    """The outputs with a gradient, end to end."""
    found = outputs(row, arrays)
    return np.concatenate([np.ravel(found[i]) for i in wanted])


def upstream_for(shape: Any, dtype: Any) -> Array:
    """Fixed, and unlike from entry to entry: all ones would hide errors that cancel."""
    return np.cos(1 + np.arange(int(np.prod(shape)), dtype=np.float64)).reshape(shape).astype(dtype)


def our_gradients(row: Row, arrays: list[Array], dtype: str) -> tuple[list[Any], list[int], list[Array]]:
    """dL/d(each array), which outputs have a gradient, and the upstream gradients."""
    with GradientTape() as tape:
        sources = [Variable(x, dtype=dtype) for x in arrays]
        found = outputs(row, sources)
        wanted = [i for i, out in enumerate(found) if hasattr(out, "value") and tape.knows(out)]
    upstream = [upstream_for(found[i].shape, found[i].dtype) for i in wanted]
    return tape.gradient([found[i] for i in wanted], sources, upstream), wanted, upstream


SMOOTH = [row for row in ROWS if row.gradient and row.shapes]


@pytest.mark.parametrize("name", sorted({row.name for row in SMOOTH}))
@settings(max_examples=2)
@given(seed=st.integers(0, 2**32 - 1))
def test_derivatives_match_the_oracle(name: str, seed: int) -> None:
    tinynn.config.set_floatx("float64")
    for row in SMOOTH:
        if row.name == name:
            assert_derivatives(row, seed)


def assert_derivatives(row: Row, seed: int) -> None:
    """The complex step where NumPy takes complex numbers, exact to rounding; else central differences.

    Those are off by about eps^(2/3) times the third derivative, which in these domains is at most some 1e3 times the
    first; a factor wrong by 1.001 is 1e-3 off.
    """
    arrays = row.draw(np.random.default_rng(seed))
    found, wanted, upstream = our_gradients(row, arrays, "float64")
    flat_upstream = np.concatenate([np.ravel(d) for d in upstream])
    for i, gradient in enumerate(found):

        def moving(x: Array, i: int = i) -> Array:
            return joined(row, [*arrays[:i], x, *arrays[i + 1 :]], wanted)

        oracle = complex_step_gradient if row.analytic else central_difference_gradient
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # casts that drop an imaginary part would show in the result
            expected = oracle(moving, arrays[i], flat_upstream)
        if gradient is None:
            assert not expected.any(), f"no gradient by argument {i}"
            continue
        assert gradient.shape == expected.shape
        assert gradient.dtype == np.float64
        scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
        allowed = (1024 * EPS if row.analytic else 1e3 * EPS ** (2 / 3)) * scale
        worst = float(np.abs(gradient - expected).max(initial=0.0))
        assert worst <= allowed, f"{row.name}, argument {i}: off by {worst:.3g}, allowed {allowed:.3g}"


PAIRS = [row for row in ELEMENTWISE if len(row.shapes) == 2 and row.gradient]


@pytest.mark.parametrize("row", PAIRS, ids=lambda row: row.name)
@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=3), seed=st.integers(0, 99)
)
@settings(max_examples=8)
def test_gradients_of_broadcast_arrays_are_sums_over_the_broadcast_axes(row: Row, shapes: Any, seed: int) -> None:
    """Also of empty arrays and of single numbers: dL/dx of the stretched array, summed back to the shape of x."""
    numbers = np.random.default_rng(seed)
    arrays = row._replace(shapes=shapes.input_shapes).draw(numbers)
    found, _, _ = our_gradients(row, arrays, "float64")
    wide, _, _ = our_gradients(row, [np.broadcast_to(x, shapes.result_shape) for x in arrays], "float64")
    for x, gradient, stretched in zip(arrays, found, wide, strict=True):
        lead = tuple(range(stretched.ndim - x.ndim))
        summed = stretched.sum(axis=lead)
        axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
        expected = summed.sum(axis=axes, keepdims=True)
        assert gradient.shape == x.shape
        assert np.allclose(gradient, expected, rtol=0, atol=64 * EPS * max(1.0, np.abs(stretched).sum()))


# Keras -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["float32", "float64"])
def keras_in(keras: Any, request: Any) -> Any:
    with floatx_put_back(keras):
        set_floatx(keras, request.param)
        tinynn.config.set_floatx(request.param)
        yield keras


def assert_as_keras(found: Any, expected: Any, row: Row, eps: float, what: str) -> None:
    expected, found = np.asarray(expected), np.asarray(found)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), what
    if found.dtype.kind not in "fc":
        assert np.array_equal(found, expected), what
        return
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=1e-30))
    bound = row.ulps * np.maximum(eps, np.finfo(found.dtype).eps) * scale
    assert np.allclose(found, expected, rtol=0, atol=bound, equal_nan=True), what


def assert_row_as_keras(keras: Any, row: Row, dtype: str) -> None:
    """Values, shapes and dtypes. Where Keras refuses, tinynn may know an answer."""
    numbers = np.random.default_rng(5)
    arrays = [_as(x, dtype) for x in row.draw(numbers)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = flat(outputs(row, arrays, keras.ops))
        except Exception:  # TensorFlow's are of many kinds
            return
        found = outputs(row, arrays)
    what = f"{row.name} of {dtype}"
    assert len(found) == len(expected), what
    # Keras computes some operations of integers in float32 whatever floatx is.
    single = dtype not in ("float32", "float64") or not row.keras_double
    eps = float(np.finfo(np.float32).eps) if single else 0.0
    for one, other in zip(found, expected):
        if isinstance(other, (str, int)):
            assert one == other
            assert type(one) is type(other)
        else:
            assert_as_keras(one, other, row, eps, what)


def assert_gradients_as_keras(keras: Any, row: Row, dtype: str) -> None:
    import tensorflow as tf

    arrays = [_as(x, dtype) for x in row.draw(np.random.default_rng(5))]
    found, wanted, upstream = our_gradients(row, arrays, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with tf.GradientTape() as tape:
            sources = [tf.Variable(x) for x in arrays]
            try:
                out = outputs(row, [tf.convert_to_tensor(x) for x in sources], keras.ops)
            except Exception:
                return
        expected = tape.gradient([out[i] for i in wanted], sources, [tf.constant(d) for d in upstream])
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None), row.name
        if one is None:
            continue
        other = np.asarray(tf.convert_to_tensor(other))
        assert (one.shape, one.dtype) == (other.shape, other.dtype), row.name
        eps = float(np.finfo(dtype if row.keras_double else np.float32).eps)
        bound = 4 * row.ulps * eps * max(1.0, float(np.abs(other).max(initial=0.0)))
        assert np.allclose(one, other, rtol=0, atol=bound), f"gradient of {row.name}"


def _as(x: Array, dtype: str) -> Array:
    return (x > 0 if dtype == "bool" else np.abs(x) if dtype == "uint8" else x).astype(dtype)


@pytest.mark.keras
def test_values_and_dtypes_are_keras_s(keras_in: Any) -> None:
    """Each row in floatx, and the first row of each operation with every dtype."""
    floatx, seen = tinynn.config.floatx(), set()
    for row in ROWS:
        first = row.name not in seen
        seen.add(row.name)
        for dtype in row.dtypes if row.shapes else ["float32"]:
            if first or dtype == floatx:
                assert_row_as_keras(keras_in, row, dtype)


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_are_keras_s(keras: Any, dtype: str) -> None:
    """Each row in float64; in float32 the first of each operation."""
    seen = set()
    with floatx_put_back(keras):
        set_floatx(keras, dtype)
        tinynn.config.set_floatx(dtype)
        for row in SMOOTH:
            if row.keras_gradient and dtype in row.dtypes and (dtype == "float64" or row.name not in seen):
                seen.add(row.name)
                assert_gradients_as_keras(keras, row, dtype)


# Names -----------------------------------------------------------------------------------------------------------------


@pytest.mark.keras
def test_every_name_of_keras_ops_is_here_or_has_a_reason(keras: Any) -> None:
    """The reasons are those of docs/differences.md."""
    theirs = {name for name in dir(keras.ops) if name[0] != "_" and callable(getattr(keras.ops, name))}
    text = (Path(tinynn.__file__).parents[1] / "docs" / "differences.md").read_text()
    table = text.split("Names of `keras.ops` that are not there")[1].split("##")[0]
    excused = set(re.findall(r"`(\w+)`", "".join(line.rsplit("|", 2)[0] for line in table.splitlines())))
    assert theirs - set(dir(ops)) - excused == set()
    assert excused - theirs == set(), "names that Keras does not have"
    assert excused & set(dir(ops)) == set(), "names that are there, after all"


# What the table cannot say ---------------------------------------------------------------------------------------------


def test_numpy_functions_on_variables_are_recorded_unless_they_mean_something_else() -> None:
    x = Variable([[1.0, 2.0], [3.0, 5.0]], dtype="float64")
    with GradientTape() as tape:
        loss = np.linalg.det(x) + np.prod(x) + np.cumsum(x)[2] + np.sort(x, axis=None)[3]
    # det: [[5, -3], [-2, 1]]; prod 30 / x; cumsum[2]: ones up to the third; the largest is 5
    assert np.allclose(tape.gradient(loss, x), [[5 + 30 + 1, -3 + 15 + 1], [-2 + 10 + 1, 1 + 6 + 1]], rtol=1e-14)
    assert np.std(x, ddof=1) == np.std(x.value, ddof=1)  # an argument that the operation has not
    assert np.vstack([x[0], x[1]]).shape == (2, 2)
    with GradientTape(), pytest.raises(TypeError, match=r"np\.std, used in this way, has no derivative"):
        np.std(x, ddof=1)


def test_derivatives_where_formulas_divide_by_zero() -> None:
    """By hand: products of the others, running products, lengths at 0, what is skipped as NaN."""

    def gradient(function: Any, x: Any, upstream: Any = None) -> list[float]:
        with GradientTape() as tape:
            source = Variable(x, dtype="float64")
            out = function(source)
        return list(tape.gradient(out, source, upstream))

    assert gradient(ops.prod, [0.0, 2.0, 3.0]) == [6, 0, 0]
    assert gradient(ops.prod, [0.0, 0.0, 3.0]) == [0, 0, 0]
    # y = (x0, x0 x1, x0 x1 x2) at (2, 0, 3): dy/dx1 = (0, 2, 6), with upstream (1, 10, 100)
    assert gradient(ops.cumprod, [2.0, 0.0, 3.0], A([1.0, 10.0, 100.0])) == [1, 620, 0]
    assert gradient(ops.norm, [0.0, 0.0]) == [0, 0]
    assert gradient(ops.nanvar, [np.nan, 1.0, 3.0]) == [0, -1, 1]
    assert gradient(ops.nanmax, [np.nan, 2.0, 2.0]) == [0, 0.5, 0.5]
    assert gradient(ops.logsumexp, [-np.inf, 0.0]) == [0, 1]
    assert gradient(lambda x: ops.segment_max(x, [0, 0, 1])[0], [2.0, 2.0, 1.0]) == [0.5, 0.5, 0]
    assert gradient(lambda x: ops.scatter_update([1.0, 5.0], [[0], [0]], x)[0], [3.0, 4.0]) == [0, 1]
    assert gradient(lambda x: ops.scatter_update(x, [[0], [0]], [3.0, 0.0], reduction="mul")[0], [2.0, 1.0]) == [0, 0]


def test_empty_arrays_have_sums_products_and_gradients() -> None:
    x = Variable(np.zeros((0, 3)), dtype="float64")
    for function, expected in ((ops.prod, 1.0), (ops.nansum, 0.0), (ops.logsumexp, -np.inf)):
        with GradientTape() as tape:
            out = function(x, axis=0)
        assert ops.convert_to_numpy(out).tolist() == [expected] * 3
        assert tape.gradient(out, x).shape == (0, 3)
    assert ops.sort(x, axis=1).shape == (0, 3)
    assert ops.max(x, axis=0, initial=2.5).tolist() == [2.5] * 3
    assert ops.min(x, initial=-1.0) == -1


def test_arrays_of_other_libraries_keep_their_dtype() -> None:
    class Foreign:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
            return A([1 / 3, 2 / 3], dtype)

    assert ops.convert_to_tensor(Foreign()).dtype == np.float64
    assert ops.convert_to_tensor([1 / 3, 2 / 3]).dtype == np.float32
    assert ops.allclose(A([1 / 3, 2 / 3]), Foreign(), rtol=1e-15)


def test_is_tensor_and_copies() -> None:
    x = A([1.0, 2.0])
    assert ops.is_tensor(x)
    assert ops.is_tensor(Variable(x))
    assert not ops.is_tensor([1.0])
    copy = ops.copy(x)
    copy[0] = 9
    assert x[0] == 1


ERRORS = [
    (
        lambda: ops.pad(A([1.0]), 1, mode="edge"),
        r'pad expects mode to be "constant", "reflect" or "symmetric"; got \'edge\'',
    ),
    (
        lambda: ops.split(A([1.0, 2.0, 3.0]), 2),
        r"split expects the length of axis 0, 3, to be a multiple .* 2; array_split",
    ),
    (
        lambda: ops.rearrange(A([[1.0]]), "a b -> a c"),
        r"expects the same names, each once, on both sides of 'a b -> a c'",
    ),
    (lambda: ops.quantile(A([1.0]), 0.5, method="linaer"), r'Unknown method "linaer". Did you mean "linear"\?'),
    (lambda: ops.det(np.ones((2, 3))), r"det expects square matrices, \(\.\.\., n, n\); got \(2, 3\)"),
    (lambda: ops.top_k(A([1.0]), 2), r"top_k expects k between 0 and the length of the last axis, 1; got 2"),
    (lambda: ops.scatter_update(A([1.0]), [[0]], A([1.0]), reduction="sum"), r'Unknown reduction "sum"'),
    (lambda: ops.where(A([True]), A([1.0])), r"where expects both x1 and x2, or neither"),
    (lambda: ops.einsum("ij,jk->ik", np.ones((2, 2))), r"einsum expects 2 operands for 'ij,jk->ik'; got 1"),
    (lambda: ops.scan(lambda c, x: (c, c), 0.0), r"scan expects xs, or the number of steps as length"),
    (lambda: ops.norm(A([1.0]), ord="fro"), r"norm expects a number as `ord` for vectors"),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_say_what_was_expected_and_what_came(case: int) -> None:
    call, text = ERRORS[case]
    with pytest.raises(ValueError, match=text):
        call()
