"""Operations: values and dtypes as Keras's for whatever may be handed to them, derivatives against the complex step."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.engine.expressions import BINARY, MOVES, REDUCTIONS, UNARY, Program
from tests.models.twins import floatx_put_back, set_floatx
from tests.ops.table import ROWS
from tests.strategies import arrays, probabilities, sizes
from tinynn import GradientTape, Variable, ops

A = np.array
OPERANDS: dict[str, Any] = {
    "float32": A([1.5, 2.0, -3.0], np.float32),
    "float64": A([1.5, 2.0, -3.0]),
    "int32": A([1, 2, -3], np.int32),
    "int64": A([1, 2, -3]),
    "uint8": A([1, 2, 3], np.uint8),
    "int8": A([1, 2, 3], np.int8),
    "bool": A([True, False, True]),
    "Python int": 2,
    "Python float": 2.5,
    "Python bool": True,
    "NumPy float32": np.float32(2.5),
    "NumPy float64": np.float64(0.1),
    "NumPy int64": np.int64(2),
    "NumPy bool": np.bool_(True),
    "list of ints": [1, 2, 3],
    "list of floats": [0.1, 2.5, 3.5],
    "tuple of both": (1, 0.1, 3),
    "number array": A(2.5),
    "float32 number array": A(0.1, np.float32),
    "row and column": A([[1.0], [2.0]]),
}
TWO = ["add", "subtract", "multiply", "divide", "true_divide", "divide_no_nan", "power", "maximum", "minimum", "equal"]
TWO += ["not_equal", "greater", "greater_equal", "less", "less_equal"]
ONE = [
    "negative",
    "square",
    "abs",
    "absolute",
    "sqrt",
    "exp",
    "log",
    "log1p",
    "sin",
    "cos",
    "sum",
    "mean",
    "max",
    "min",
]
ONE += ["argmax", "sign", "isnan", "relu", "sigmoid", "tanh", "zeros_like", "ones_like", "convert_to_tensor"]
ONE += ["convert_to_numpy", "squeeze", "transpose", "shape"]

matrix = A([[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]], np.float32)
cube = np.arange(24.0).reshape(2, 3, 4) - 7
special = A([[np.nan, 1.0, 2.0], [1.0, np.nan, 2.0], [np.nan] * 3, [-0.0, 0.0, -0.0], [-np.inf, np.nan, -np.inf]])

# (operation, arguments, settings): what the tables above cannot say.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *(
        (name, (cube,), {"axis": axis, "keepdims": keep})
        for name in REDUCTIONS
        for axis in (None, 0, -1, (0, 2), [1, 2])
        for keep in (False, True)
    ),
    *((name, (matrix.astype(np.int8),), {}) for name in REDUCTIONS),
    ("argmax", (cube,), {"axis": 1}),
    ("argmax", (cube,), {"axis": 1, "keepdims": True}),
    ("argmax", (A([[1, 3, 3], [2, 2, 0]]),), {"axis": -1}),
    ("argmax", (special,), {"axis": -1}),
    ("argmax", (special.astype(np.float32),), {}),
    *((name, (special,), {}) for name in ("relu", "sign", "isnan", "abs")),
    *((name, (special,), {"axis": -1}) for name in ("max", "min")),
    ("maximum", (special, special[::-1]), {}),
    ("reshape", (matrix, (3, 2)), {}),
    ("reshape", ([1, 2, 3, 4], (-1, 2)), {}),
    ("transpose", (cube,), {"axes": (2, 0, 1)}),
    ("transpose", (cube,), {"axes": [1, 2, 0]}),
    *(("expand_dims", (matrix, axis), {}) for axis in (0, -1, (0, 2))),
    ("squeeze", (A([[[1.0]], [[2.0]]]),), {}),
    ("squeeze", (A([[[1.0]], [[2.0]]]),), {"axis": 1}),
    ("squeeze", (A([[[1.0]], [[2.0]]]), (1, 2)), {}),
    ("broadcast_to", (A([1.0, 2.0]), (3, 2)), {}),
    ("broadcast_to", ([1, 2], [2, 2]), {}),
    ("concatenate", ([matrix, matrix],), {}),
    ("concatenate", ([matrix, matrix[:, :1]],), {"axis": -1}),
    ("concatenate", ([matrix, matrix.astype(np.int32)],), {}),
    ("concatenate", ([matrix.astype(np.int32), matrix.astype(np.float64)],), {"axis": 1}),
    ("stack", ([1, 0.1],), {}),
    ("stack", ([matrix, matrix.astype(np.int64)],), {"axis": -1}),
    ("stack", ([0.1, A(2.0)],), {}),
    ("matmul", (matrix, matrix.T), {}),
    ("matmul", (matrix, A([1.0, 2.0, 3.0])), {}),
    ("matmul", (A([1.0, 2.0]), matrix), {}),
    ("matmul", ([1, 2], [3, 4]), {}),
    ("matmul", (cube, cube.transpose(0, 2, 1)), {}),
    ("matmul", (cube, matrix[:, :1].T.repeat(4, 0).astype(np.float64)), {}),
    ("matmul", (matrix.astype(np.int32), matrix.T), {}),
    ("clip", (matrix, -1, 1.5), {}),
    ("clip", (A([1, 5, 9]), 2, 6), {}),
    ("clip", (A([True, False]), 0, 1), {}),
    ("cast", ([1.7, -1.7], "int32"), {}),
    ("cast", (0.1, "float64"), {}),
    ("cast", (A([0, 2]), "bool"), {}),
    ("cast", (matrix, "float64"), {}),
    ("convert_to_tensor", ([0.1, 2],), {"dtype": "float64"}),
    ("convert_to_tensor", ([[1, 2.7]],), {"dtype": "int32"}),
    ("convert_to_tensor", (2**40,), {}),
    ("convert_to_tensor", ([2**40, 1],), {}),
    ("convert_to_tensor", (matrix,), {"dtype": "float64"}),
    ("where", ([True, False, True], matrix, 0), {}),
    ("where", (matrix > 0, 1, 2), {}),
    ("where", (matrix > 0, 1.5, 2), {}),
    ("where", (matrix > 0, matrix, matrix.astype(np.int64)), {}),
    ("one_hot", ([1, 5, -1], 3), {}),
    ("one_hot", (A([[1], [2]]), 3), {}),
    ("one_hot", ([1, 2], 3), {"axis": 0}),
    ("one_hot", ([1, 2], 3), {"dtype": "int32"}),
    ("softmax", (cube,), {}),
    ("softmax", (cube.astype(np.float32),), {"axis": 1}),
    ("softmax", (A([1.0, 2.0, 1e30]),), {}),
    ("zeros", ((2, 3),), {}),
    ("zeros", (2,), {"dtype": "int32"}),
    ("ones", ((2,),), {}),
    ("zeros_like", (matrix,), {"dtype": "int32"}),
    ("ones_like", ([1, 2],), {"dtype": "float64"}),
    ("shape", (cube,), {}),
    ("divide", (A([1.0, 0.0, -1.0]), 0), {}),
    ("divide_no_nan", (A([1.0, 0.0, np.inf]), A([0.0, 0.0, 2.0])), {}),
    ("binary_crossentropy", (A([[0.0], [1.0]]), A([[0.25], [1.0]])), {}),
    ("binary_crossentropy", (A([[0.0], [1.0]]), A([[120.0], [-3.0]])), {"from_logits": True}),
    ("categorical_crossentropy", (A([[0.0, 1.0]]), A([[1.0, 3.0]])), {}),
    ("categorical_crossentropy", (A([[0.0, 1.0]]), A([[120.0, 0.0]])), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (A([1]), A([[0.25, 0.75]])), {}),
    ("sparse_categorical_crossentropy", (A([[1], [0]]), A([[0.25, 0.75], [3.0, -1.0]])), {"from_logits": True}),
]


@pytest.fixture(params=["float32", "float64"])
def floatx(request: Any) -> str:
    tinynn.config.set_floatx(request.param)
    return str(request.param)


@pytest.fixture
def keras_in(keras: Any, floatx: str) -> Iterator[Any]:
    """Keras, computing in the same float type."""
    with floatx_put_back(keras):
        set_floatx(keras, floatx)
        yield keras


def assert_same(function: Callable[[Any], Any], keras: Any, what: Any, terms: float = 0.0) -> None:
    """Equal shapes and dtypes, and values but for a few ulp, of themselves and of `terms`, the size of what cancels in them.

    Where Keras refuses, tinynn may know an answer.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = function(keras.ops)
        except Exception:  # TensorFlow's are of many kinds
            return
        found = function(ops)
    assert isinstance(found, (np.ndarray, np.generic, tuple)), what
    expected = np.asarray(expected)
    found = np.asarray(found)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), what
    if found.dtype.kind == "f":
        few = 8 * np.finfo(found.dtype).eps
        assert np.allclose(found, expected, rtol=few, atol=few * terms, equal_nan=True), what
    else:
        assert np.array_equal(found, expected), what


# Values and dtypes -----------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize("name", TWO)
def test_operations_of_two_give_keras_s_values_and_dtypes(keras_in: Any, name: str) -> None:
    for one, x1 in OPERANDS.items():
        for other, x2 in OPERANDS.items():
            assert_same(lambda k, a=x1, b=x2: getattr(k, name)(a, b), keras_in, (one, other))


@pytest.mark.keras
@pytest.mark.parametrize("name", ONE)
def test_operations_of_one_give_keras_s_values_and_dtypes(keras_in: Any, name: str) -> None:
    for kind, x in OPERANDS.items():
        assert_same(lambda k, x=x: getattr(k, name)(x), keras_in, kind)


@pytest.mark.keras
def test_calls_with_settings_give_keras_s_values_and_dtypes(keras_in: Any) -> None:
    for name, arguments, settings in CALLS:
        what = f"{name}{arguments}{settings}"
        assert_same(lambda k, n=name, a=arguments, s=settings: getattr(k, n)(*a, **s), keras_in, what)


@pytest.mark.keras
def test_names_and_defaults_of_arguments_are_keras_s(keras: Any) -> None:
    """All but what Keras has for sparse tensors; `initial` of max and min is there under Keras's other names for them, too."""
    beyond = {"sparse", "ragged", "kwargs"}
    for name in ops.__all__:
        if name in ("custom_gradient", "stop_gradient"):  # their one argument has another name
            continue
        expected = inspect.signature(getattr(keras.ops, name)).parameters.values()
        found = inspect.signature(getattr(ops, name)).parameters.values()
        also = {"initial"} if name in ("amax", "amin") else set()
        assert [(p.name, p.default) for p in found if p.name not in also] == [
            (p.name, p.default) for p in expected if p.name not in beyond
        ], name


def test_every_operation_is_tested() -> None:
    from tests.ops.test_activations import NAMES

    tested = {
        *TWO,
        *ONE,
        *NAMES,
        *(name for name, *_ in CALLS),
        *(row.name for row in ROWS),
        "custom_gradient",
        "stop_gradient",
        "is_tensor",  # of NumPy arrays it says the opposite: test_table.py
    }
    assert set(ops.__all__) - tested == set()


def test_values_follow_from_their_definitions() -> None:
    """Without Keras, too, something is right: a few by hand."""
    x = A([3.0, -4.0])
    assert ops.add(x, 1).tolist() == [4, -3]
    assert ops.divide(1, 4) == 0.25
    assert ops.maximum(x, 0).tolist() == [3, 0]
    assert ops.sum(ops.square(x)) == 25
    assert ops.matmul(x, x) == 25
    assert ops.mean([1, 2]) == 1.5
    assert ops.clip(x, -1, 1).tolist() == [1, -1]
    assert ops.concatenate([x, x]).tolist() == [3, -4, 3, -4]
    assert ops.concatenate([x[None], x[None]]).shape == (2, 2)
    assert ops.one_hot([1, 3], 3).tolist() == [[0, 1, 0], [0, 0, 0]]
    assert ops.argmax([[1, 3, 3]]) == 1
    assert ops.divide_no_nan(x, [0.0, 2.0]).tolist() == [0, -2]
    assert ops.softmax(np.log([[1.0, 3.0]])) == pytest.approx(A([[0.25, 0.75]]))


# Derivatives -----------------------------------------------------------------------------------------------------------

STEPS = [
    *(("unary", name, (0,), {}) for name in UNARY),
    *(("binary", name, (0, 1), {}) for name in BINARY),
    *(("move", name, (0,), {}) for name in MOVES),
    *(
        ("reduce", name, (0,), {"axis": axis, "keepdims": keep})
        for name in REDUCTIONS
        for axis in (None, 0, -1)
        for keep in (False, True)
    ),
    ("join", "join", (0, 0, 0), {"axis": 0}),
]
SHAPES = [((2, 3), (2, 3)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 1, 3), (2, 3)), ((1,), (1,)), ((3,), (1,))]


def gradient(program: Program, dtype: str, upstream: Any) -> list[Any]:
    with GradientTape() as tape:
        sources = [Variable(x, dtype=dtype) for x in program.sources]
        result = program.run(ops, sources)[-1]
    assert result.dtype == dtype
    found = tape.gradient(result, sources, output_gradients=upstream, unconnected_gradients="zero")
    assert {d.dtype.name for d in found} == {dtype}
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step[1]}{list(step[3].values())}" if step[3] else step[1])
def test_every_derivative_matches_the_complex_step_in_both_precisions(step: Any) -> None:
    numbers = np.random.default_rng(7)
    for shapes in SHAPES:
        program = Program(
            [numbers.normal(size=shape).astype(np.float32).astype(np.float64) for shape in shapes], [step]
        )
        result = program.run(ops, program.sources)[-1]
        upstream = numbers.normal(size=np.shape(result)).astype(np.float32).astype(np.float64)
        single, double = (gradient(program, dtype, upstream) for dtype in ("float32", "float64"))
        for i in range(len(shapes)):
            expected = program.gradient(i, upstream)
            bound = program.bound(i, upstream, expected)
            assert np.abs(double[i] - expected).max(initial=0.0) <= bound
            # The same roundings, 2^29 times as large.
            assert np.abs(single[i] - expected).max(initial=0.0) <= bound * 2.0**29


KINKS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "relu at 0": (lambda k, x: k.relu(x), (A([-0.0, 0.0, 1.0]),)),
    "abs at 0": (lambda k, x: k.abs(x), (A([-0.0, 0.0, -1.0]),)),
    "maximum at a tie": (lambda k, x, y: k.maximum(x, y), (A([1.0, 2.0]), A([1.0, 1.0]))),
    "minimum at a tie": (lambda k, x, y: k.minimum(x, y), (A([1.0, 2.0]), A([1.0, 2.0]))),
    "maximum with a number": (lambda k, x: k.maximum(x, 0.0), (A([0.0, -1.0, 1.0]),)),
    "max of ties": (lambda k, x: k.max(x), (A([2.0, 1.0, 2.0, 2.0]),)),
    "max of ties in rows": (lambda k, x: k.max(x, axis=1), (A([[2.0, 2.0], [1.0, 3.0]]),)),
    "min of ties": (lambda k, x: k.min(x, axis=0, keepdims=True), (A([[1.0, 2.0], [1.0, 3.0]]),)),
    "clip at its ends": (lambda k, x: k.clip(x, -1.0, 1.0), (A([-1.0, 1.0, -1.5, 1.5, 0.0]),)),
    "power at 0": (lambda k, x, y: k.power(x, y), (A([0.0, 0.0, 2.0]), A([2.0, 1.0, 0.0]))),
    "power below 0": (lambda k, x, y: k.power(x, y), (A([-2.0, -1.5]), A([2.0, 3.0]))),
    "square root": (lambda k, x: k.sqrt(x), (A([4.0, 1e-300]),)),
    "division by 0": (lambda k, x, y: k.divide_no_nan(x, y), (A([1.0, 0.0, 3.0]), A([0.0, 0.0, 2.0]))),
    "where": (lambda k, x, y: k.where(A([True, False]), x, y), (A([1.0, 2.0]), A([[3.0], [4.0]]))),
    "cast there and back": (lambda k, x: k.cast(k.cast(x, "float32"), "float64"), (A([0.1, 0.2]),)),
    "sigmoid far out": (lambda k, x: k.sigmoid(x), (A([-800.0, 800.0, 0.0]),)),
    "softmax far out": (lambda k, x: k.softmax(x), (A([[-800.0, 800.0, 0.0]]),)),
    "tanh far out": (lambda k, x: k.tanh(x), (A([-800.0, 800.0, 0.0]),)),
}


@pytest.mark.keras
@pytest.mark.parametrize("case", KINKS)
def test_derivatives_at_kinks_and_ties_are_tensorflow_s(keras: Any, case: str) -> None:
    import tensorflow as tf

    function, points = KINKS[case]
    with tf.GradientTape() as tape:
        sources = [tf.Variable(x) for x in points]
        out = function(keras.ops, *[tf.convert_to_tensor(x) for x in sources])
    upstream = np.random.default_rng(1).normal(size=out.shape)
    expected = tape.gradient(out, sources, tf.constant(upstream))
    with GradientTape() as ours:
        variables = [Variable(x, dtype="float64") for x in points]
        out = function(ops, *variables)
    for found, wanted in zip(ours.gradient(out, variables, upstream), expected, strict=True):
        assert np.allclose(found, np.asarray(wanted), rtol=1e-14, atol=0)


def test_integers_and_numbers_have_no_gradient() -> None:
    x, counts = Variable([1.0, 2.0]), np.array([3, 4])
    with GradientTape() as tape:
        tape.watch(counts)
        loss = ops.sum(x * counts + 2)
    assert tape.gradient(loss, [x, counts])[1] is None


def test_gradients_come_back_in_the_dtype_of_their_source() -> None:
    x, y = Variable([1.0, 2.0], dtype="float32"), Variable([0.1, 0.2], dtype="float64")
    with GradientTape() as tape:
        loss = ops.sum(ops.multiply(x, y))
    assert loss.dtype == np.float64
    assert [d.dtype.name for d in tape.gradient(loss, [x, y])] == ["float32", "float64"]


# Cross-entropies as operations -----------------------------------------------------------------------------------------


@given(data=st.data(), batch=sizes, classes=st.integers(2, 5), sparse=st.booleans(), logits=st.booleans())
def test_crossentropy_gradients_pass_through_softmax_to_the_logits(
    data: Any, batch: int, classes: int, sparse: bool, logits: bool
) -> None:
    """(softmax(z) - y) times the upstream gradient, whether z is given as logits or found again behind a softmax."""
    tinynn.config.set_floatx("float64")
    z = Variable(data.draw(arrays((batch, classes), bound=20.0)), dtype="float64")
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=batch, max_size=batch)))
    y_true = np.eye(classes)[labels] if sparse else data.draw(probabilities(batch, classes))
    upstream = data.draw(arrays((batch,)))
    with GradientTape() as tape:
        output = z if logits else ops.softmax(z)
        if sparse:
            loss = ops.sparse_categorical_crossentropy(labels, output, from_logits=logits)
        else:
            loss = ops.categorical_crossentropy(y_true, output, from_logits=logits)
    e = np.exp(z.value - z.value.max(axis=1, keepdims=True))
    expected = (e / e.sum(axis=1, keepdims=True) - y_true) * upstream[:, None]
    found = tape.gradient(loss, z, output_gradients=upstream)
    assert np.allclose(found, expected, rtol=0, atol=8 * classes * 4 * np.finfo(float).eps)


def test_logits_found_again_keep_what_probabilities_lose() -> None:
    """A certain miss by 120 costs 120 from the logits, but -log(1e-7) = 16.1 from probabilities that forgot them."""
    z = A([[0.0, 120.0]])
    softmax = ops.softmax(z)
    forgot = np.array(softmax)
    for function, target in (
        (ops.sparse_categorical_crossentropy, A([0])),
        (ops.categorical_crossentropy, A([[1.0, 0.0]])),
    ):
        assert function(target, softmax)[0] == 120
        assert function(target, forgot)[0] == pytest.approx(-np.log(1e-7), rel=1e-6)
    sigmoid = ops.sigmoid(z)
    assert ops.binary_crossentropy(A([[1.0, 0.0]]), sigmoid)[0, 1] == 120
    assert ops.binary_crossentropy(A([[1.0, 0.0]]), np.array(sigmoid))[0, 1] == pytest.approx(-np.log(1e-7), rel=1e-6)


@pytest.mark.keras
def test_the_logits_of_a_sigmoid_serve_a_categorical_crossentropy_as_in_keras(keras: Any) -> None:
    """Keras does not ask which activation the logits went into, and neither do we."""
    z, y = A([[1.0, -2.0]], np.float32), A([[1.0, 0.0]], np.float32)
    found = ops.categorical_crossentropy(y, ops.sigmoid(z))
    assert found == pytest.approx(np.asarray(keras.ops.categorical_crossentropy(y, keras.ops.sigmoid(z))), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "activation"),
    [
        ("sparse_categorical_crossentropy", "softmax"),
        ("categorical_crossentropy", "softmax"),
        ("binary_crossentropy", "sigmoid"),
    ],
)
def test_from_logits_after_an_activation_warns(name: str, activation: str) -> None:
    output = getattr(ops, activation)(A([[1.0, 2.0]]))
    target = A([1]) if name.startswith("sparse") else A([[0.0, 1.0]])
    text = (
        rf'"`{name}` received `from_logits=True`, but the `output` argument was produced by a {activation.title()} '
        r"activation and thus does not represent logits\. Was this intended\?"
    )
    with pytest.warns(UserWarning, match=text):
        getattr(ops, name)(target, output, from_logits=True)


# Errors ----------------------------------------------------------------------------------------------------------------

half = np.full((2, 3), 1 / 3)
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: ops.categorical_crossentropy(A([0, 1]), half),
        ValueError,
        r"categorical_crossentropy expects y_true and y_pred of the same shape; got \(2,\) and \(2, 3\)\. "
        r"Class numbers go with sparse_categorical_crossentropy\.",
    ),
    (
        lambda: ops.binary_crossentropy(A([0.0, 1.0]), half),
        ValueError,
        r"binary_crossentropy expects y_true and y_pred of the same shape; got \(2,\) and \(2, 3\)\.$",
    ),
    (
        lambda: ops.sparse_categorical_crossentropy(np.eye(3)[:2], half),
        ValueError,
        r"expects labels of shape \(2,\) for outputs of shape \(2, 3\); got \(2, 3\)\. One-hot labels go with "
        r"categorical_crossentropy\.",
    ),
    (
        lambda: ops.sparse_categorical_crossentropy(A([0, 3]), half),
        ValueError,
        r"expects labels in 0\.\.2 for 3 outputs; got 3\. Number the classes from 0, or give the last layer 4 units\.",
    ),
    (
        lambda: ops.sparse_categorical_crossentropy(A([-1, 0]), half),
        ValueError,
        r"expects labels in 0\.\.2 for 3 outputs; got -1\. Number the classes from 0\.$",
    ),
    (
        lambda: ops.categorical_crossentropy(half, half, axis=0),
        ValueError,
        r"categorical_crossentropy works along the last axis; got axis=0\. Move the classes there first\.",
    ),
    (lambda: ops.matmul(np.ones((2, 3)), np.ones((2, 3))), ValueError, r"mismatch in its core dimension"),
    (lambda: ops.concatenate([]), ValueError, r"at least one array"),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_say_what_was_expected_and_what_came(case: int) -> None:
    call, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text):
        call()


@pytest.mark.keras
def test_the_second_addresses_of_array_functions_are_keras_s(keras: Any) -> None:
    """`keras.ops.numpy` and `keras.ops.nn`: what is in `ops` is there too, and is the same."""
    for module in ("numpy", "nn", "linalg"):
        names = [name for name in dir(getattr(keras.ops, module)) if not name.startswith("_")]
        shared = [name for name in names if name in ops.__all__]
        assert len(shared) > 10
        assert all(getattr(getattr(ops, module), name) is getattr(ops, name) for name in shared)
    assert set(ops.__all__) == set(dir(ops.numpy))
    for module in (ops.numpy, ops.nn):
        with pytest.raises(AttributeError, match=f"{module.__name__!r} has no attribute 'nothing'"):
            module.nothing  # noqa: B018
