"""Activations against Keras on TensorFlow: values, gradients, kinks, dtypes, names.

Tolerances: a dozen roundings (functions good to 4 ulp on either side and a few operations) of the result and of the numbers
that it is made from, which `tests/kernels/activation_cases.py` bounds; piecewise straight functions have none of the latter.
"""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.kernels.activation_cases import CASES, INFINITE, Case
from tests.ops.test_ops import OPERANDS, assert_same, floatx, keras_in
from tinynn import GradientTape, activations, ops

__all__ = ["floatx", "keras_in"]  # fixtures, used by being here

NAMES = [
    *("celu", "elu", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu"),
    *("log_sigmoid", "relu6", "selu", "silu", "soft_shrink", "softplus", "softsign", "sparse_plus", "sparse_sigmoid"),
    *("squareplus", "swish", "tanh_shrink", "threshold", "log_softmax", "sparsemax", "glu"),
]
"""What `tinynn.ops` has because of this file; `tests/ops/test_ops.py` asks."""

ROUNDINGS = 12


def called(library: Any, case: Case, x: Any) -> Any:
    """The activation of a case by its public name."""
    of, settings = library.activations, case.settings
    if case.kernel == "bounded_relu":
        slope, top, threshold = settings
        if (slope, top, threshold) == (0.0, 6.0, 0.0):
            return of.relu6(x)
        return of.relu(x, slope, None if top == INFINITE else top, threshold)
    if case.kernel == "gelu_tanh":
        return of.gelu(x, approximate=True)
    return getattr(of, case.kernel)(x, *settings)


def points(case: Case, dtype: str) -> Any:
    """All kinks, both zeros, small and large numbers: none so large that TensorFlow flushes what is left to zero."""
    numbers = np.random.default_rng(0)
    some = [0.0, -0.0, 0.5, -0.5, 1, -1, 3, -3, 5, 6, 1e-7, -1e-7, 1e-3, -1e-3, 20, -20, 60, -60, *case.kinks]
    x = np.concatenate([some, numbers.normal(0, 1, 60), numbers.normal(0, 6, 60)])
    return x.astype(np.float32).astype(dtype), numbers.normal(size=x.size).astype(np.float32).astype(dtype)


def assert_near(found: Any, expected: Any, size: Any) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    limits = np.finfo(expected.dtype)
    bound = ROUNDINGS * float(limits.eps) * (np.abs(expected.astype(float)) + size) + float(limits.smallest_normal)
    off = np.abs(found.astype(float) - expected.astype(float))
    assert (off <= bound).all(), (found[off > bound], expected[off > bound])


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [*CASES, *map(Case, ("relu", "tanh", "sigmoid"))], ids=lambda case: case.name)
def test_values_and_gradients_are_tensorflow_s(keras: Any, case: Case, dtype: str) -> None:
    import tensorflow as tf

    x, d_out = points(case, dtype)
    variable = tf.constant(x)
    with tf.GradientTape() as theirs:
        theirs.watch(variable)
        expected = called(keras, case, variable)
    with GradientTape() as ours:
        watched = ours.watch(x)
        found = called(tinynn, case, watched)
    smooth = case.kernel in ("tanh", "sigmoid")
    inner, slope = case.inner(x.astype(float), found.value.astype(float)), case.slope(x.astype(float), found.value)
    assert_near(found.value, expected, inner)
    d_expected = theirs.gradient(expected, variable, tf.constant(d_out))
    d_found = ours.gradient(found, watched, output_gradients=d_out)
    assert_near(d_found, d_expected, (1.0 if smooth else slope) * np.abs(d_out))


# With a threshold Keras turns NaN into 0; tinynn keeps it: docs/differences.md.
KEEP_NAN = [case for case in CASES if case.kernel != "bounded_relu" or case.settings[2] == 0]


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", KEEP_NAN, ids=lambda case: case.name)
def test_infinities_and_nan_go_where_they_go_in_keras(keras: Any, case: Case, dtype: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf], dtype)
    with np.errstate(all="ignore"):
        assert np.array_equal(called(tinynn, case, x), np.asarray(called(keras, case, x)), equal_nan=True)


ROWS = np.concatenate(
    [
        *(np.random.default_rng(2).normal(0, scale, (12, 6)) for scale in (0.1, 0.4, 1.0, 8.0)),
        np.eye(6)[:2],
        np.zeros((1, 6)),
        [[1, 1, 0, 0, 0, 0], [2, 1, 0, 0, 0, 0], [1, 0.5, 0.25, 0.25, 0, 0], [3, 2, 2, 2, 2, 1]],
    ]
).astype(np.float32)


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sparsemax", "glu"])
def test_values_and_gradients_along_an_axis_are_tensorflow_s(keras: Any, name: str, axis: int, dtype: str) -> None:
    import tensorflow as tf

    x = ROWS.astype(dtype) if axis == -1 else np.ascontiguousarray(ROWS.T).astype(dtype)
    variable = tf.constant(x)
    with tf.GradientTape() as theirs:
        theirs.watch(variable)
        expected = getattr(keras.activations, name)(variable, axis=axis)
    with GradientTape() as ours:
        watched = ours.watch(x)
        found = getattr(activations, name)(watched, axis=axis)
    d_out = np.random.default_rng(3).normal(size=found.shape).astype(dtype)
    # Six terms of a sum, none above the largest entry; glu's derivative has x in it.
    largest = np.abs(x).max(axis=axis, keepdims=True)
    assert_near(found.value, expected, 6 * (1 + largest) if name in ("log_softmax", "sparsemax") else 6.0)
    d_expected = theirs.gradient(expected, variable, tf.constant(d_out))
    d_found = ours.gradient(found, watched, output_gradients=d_out)
    assert_near(d_found, d_expected, (1 + largest) * np.abs(d_out).sum(axis=axis, keepdims=True))


@pytest.mark.keras
@pytest.mark.parametrize("name", NAMES)
def test_operations_give_keras_s_values_and_dtypes(keras_in: Any, name: str) -> None:
    settings = (0.5, 20.0) if name == "threshold" else ()
    for kind, x in OPERANDS.items():
        if (name == "soft_shrink" and "int" in kind) or kind in ("bool", "NumPy bool", "Python bool"):
            continue  # Keras gives integers, rounded towards zero: docs/differences.md
        terms = 3.5 if name in ("gelu", "tanh_shrink") else 0.0
        assert_same(lambda k, x=x: getattr(k, name)(x, *settings), keras_in, kind, terms)


@pytest.mark.keras
def test_softmaxes_over_several_axes_are_keras_s(keras: Any) -> None:
    cube = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    for name in ("softmax", "log_softmax"):
        for axis in (None, (0, 2), (2, 1), (0, 1, 2), 1):
            expected = getattr(keras.ops, name)(cube, axis=axis)
            assert_near(getattr(ops, name)(cube, axis=axis), expected, 24.0 if name == "log_softmax" else 1.0)


@pytest.mark.keras
def test_names_arguments_and_defaults_are_keras_s(keras: Any) -> None:
    assert activations.__all__ == sorted(name for name in dir(keras.activations) if not name.startswith("_"))
    for name in activations.__all__:
        expected = inspect.signature(getattr(keras.activations, name)).parameters.values()
        found = inspect.signature(getattr(activations, name)).parameters.values()
        assert [(p.name, p.default) for p in found] == [(p.name, p.default) for p in expected], name


# By name -----------------------------------------------------------------------------------------------------------------


def own(x: Any) -> Any:
    return x * 2


class Scaled:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: Any) -> Any:
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor}


@pytest.mark.keras
def test_descriptions_are_keras_s(keras: Any) -> None:
    for name in activations.__all__:
        if name in ("get", "serialize", "deserialize"):
            continue
        ours, theirs = (k.activations.serialize(getattr(k.activations, name)) for k in (tinynn, keras))
        assert ours == theirs
        assert activations.get(ours) is getattr(activations, name)
        assert activations.deserialize(name) is getattr(activations, name)
    assert activations.serialize(ops.relu) == keras.activations.serialize(keras.ops.relu)
    assert activations.serialize(own) == keras.activations.serialize(own)
    layers = []
    for k in (tinynn, keras):
        k.backend.clear_session()
        layers.append(k.activations.serialize(k.layers.ReLU(max_value=3)))
    assert layers[0] == layers[1]


def test_what_is_described_is_found_again() -> None:
    assert activations.get(None) is activations.linear
    assert activations.deserialize(None) is None
    assert activations.get(own) is own
    described = activations.serialize(own)
    assert activations.deserialize(described, {"own": own}) is own
    assert activations.deserialize("own", {"own": own}) is own
    relu = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    assert activations.get(relu) is activations.relu
    scaled = activations.deserialize(activations.serialize(Scaled(3.0)), {"Scaled": Scaled})
    assert scaled(2) == 6
    layer = activations.deserialize(activations.serialize(tinynn.layers.ReLU(max_value=3)))
    assert layer.get_config()["max_value"] == 3


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r'Unknown activation "leakyrelu"\. Did you mean "leaky_relu"\?'):
        activations.get("leakyrelu")
    with pytest.raises(ValueError, match='Unknown activation "own"'):
        activations.deserialize(activations.serialize(own))
    with pytest.raises(ValueError, match="A lambda has no name by which it could be found again"):
        activations.deserialize(activations.serialize(lambda x: x))
    with pytest.raises(ValueError, match=r"serialize expects an activation function, .*; got 'relu'"):
        activations.serialize("relu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="An activation is a name, a function, a config or None; got 3"):
        activations.get(3)
    with pytest.raises(ValueError, match='a dict with "class_name"; got'):
        activations.get({"name": "relu"})
    with pytest.raises(ValueError, match="axis size must be divisible by 2"):
        activations.glu(np.ones((2, 3)))


def test_a_number_gives_a_number_and_nothing_gives_nothing() -> None:
    for case in CASES:
        found = called(tinynn, case, np.float32(0.3))
        assert found.shape == ()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert called(tinynn, case, np.zeros((0, 3))).shape == (0, 3)
