"""`explain.check` and `check_gradients` let right gradients through, and name the entry of wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.strategies import arrays, sizes
from tinynn import explain, layers, ops
from tinynn._typing import Array

X = np.random.RandomState(3).normal(size=(3, 2))


def dense_forward(x: Array, kernel: Array, bias: Array) -> Array:
    return x @ kernel + bias


def dense_backward(d_out: Array, x: Array, kernel: Array, bias: Array) -> tuple[Array, Array, Array]:
    return d_out @ kernel.T, x.T @ d_out, d_out.sum(axis=0)


@st.composite
def dense_inputs(draw: Any) -> tuple[Array, Array, Array]:
    batch, fan_in, units = draw(sizes), draw(sizes), draw(sizes)
    return draw(arrays((batch, fan_in))), draw(arrays((fan_in, units))), draw(arrays((units,)))


# Right ones ------------------------------------------------------------------------------------------------------------


@given(dense_inputs())
def test_a_right_gradient_passes_wherever_it_is_looked_at(inputs: tuple[Array, Array, Array]) -> None:
    for every_entry in (True, False):
        report = explain.check(dense_forward, dense_backward, *inputs, every_entry=every_entry)
        assert report.passed, report
        assert {array.method for array in report.arrays} == {"complex step"}


@given(arrays((2, 3), bound=3.0), st.sampled_from(["tanh", "gelu", "softplus", "silu", "sigmoid", "softmax", "relu"]))
def test_activations_pass_kinks_or_not(x: Array, name: str) -> None:
    assert explain.check(getattr(ops, name), x).passed


def test_operations_over_several_arrays_pass() -> None:
    assert explain.check(ops.matmul, X, X.T)
    assert explain.check(lambda x: ops.sum(ops.tanh(x) * ops.exp(x), axis=0), X)
    assert explain.check(ops.softmax, X, axis=0)
    assert explain.check(ops.square, 3.0)


def test_a_function_with_a_cache_is_called_with_it() -> None:
    def forward(x: Array, power: int) -> tuple[Array, tuple[Array, int]]:
        return x**power, (x, power)

    def backward(d_out: Array, cache: tuple[Array, int]) -> Array:
        x, power = cache
        return d_out * power * x ** (power - 1)

    report = explain.check(forward, backward, X, 3)
    assert report.passed
    assert [array.name for array in report.arrays] == ["x"]  # the power is a whole number


def test_layers_are_checked_by_input_and_variables_and_stay_as_they_are() -> None:
    for layer in (layers.Dense(4, "tanh"), layers.BatchNormalization(), layers.LayerNormalization(), layers.PReLU()):
        layer(X)
        before = [(v.value, v.numpy()) for v in layer.variables]
        report = explain.check(layer, X, **({"training": True} if layer.hears_training else {}))
        assert report.passed, report
        assert [a.name.split("/")[-1] for a in report.arrays] == [
            "inputs",
            *(v.name for v in layer.trainable_variables),
        ]
        for variable, (array, value) in zip(layer.variables, before, strict=True):
            assert variable.value is array
            np.testing.assert_array_equal(array, value)


# Wrong ones ------------------------------------------------------------------------------------------------------------


@given(dense_inputs(), st.data())
def test_one_entry_off_by_a_twentieth_of_a_percent_is_found_and_named(
    inputs: tuple[Array, Array, Array], data: st.DataObject
) -> None:
    """In any of the three gradients, at any place where the gradient is not negligible beside the others."""
    which = data.draw(st.integers(0, 2))
    place = tuple(data.draw(st.integers(0, n - 1)) for n in inputs[which].shape)
    skipped = []

    def off(d_out: Array, *rest: Array) -> list[Array]:
        gradients = [g.copy() for g in dense_backward(d_out, *rest)]
        skipped.append(abs(gradients[which][place]) < 1e-6 * max(1.0, *(np.abs(g).max() for g in gradients)))
        gradients[which][place] *= 1.0005
        return gradients

    for every_entry in (True, False):
        report = explain.check(dense_forward, off, *inputs, every_entry=every_entry)
        if skipped[-1]:
            continue
        assert not report.passed
        assert report.worst is not None
        assert (report.worst.array, report.worst.index) == (("x", "kernel", "bias")[which], place)
        assert report.worst.error == pytest.approx(0.0005 / 1.0005, rel=1e-6)
        assert f"{report.worst.place}: the gradient is" in str(report)
        assert "(0.05 % too" in str(report)


@given(arrays((4, 3), bound=2.0, away_from_zero=0.01), st.integers(0, 11))
def test_the_same_where_only_differences_are_left(x: Array, flat: int) -> None:
    """|x| x is not analytic to a complex number."""
    place = np.unravel_index(flat, x.shape)

    def backward(d_out: Array, x: Array) -> Array:
        gradient = 2 * d_out * np.abs(x)
        gradient[place] *= 0.9995
        return gradient

    for every_entry in (True, False):
        report = explain.check(lambda x: np.abs(x) * x, backward, x, every_entry=every_entry)
        assert report.arrays[0].method == "differences"
        assert [entry.index for entry in report.wrong] == [tuple(map(int, place))]


def test_a_wrong_entry_among_many_is_found_by_halving() -> None:
    x = np.random.RandomState(0).normal(size=(60, 50))

    @tinynn.custom_gradient
    def cube(x: Array) -> Any:
        slope = 3 * x**2
        slope[17, 3] *= 1.0005
        return x**3, lambda d_out: d_out * slope

    report = explain.check(cube, x)
    assert report.arrays[0].looked_at == "4 directions"
    assert [entry.index for entry in report.wrong] == [(17, 3)]


def test_what_the_errors_have_in_common_is_said() -> None:
    square = np.random.RandomState(4).normal(size=(3, 3))
    minus = explain.check(lambda x: x**2, lambda w, x: -2 * w * x, X)
    assert "All of it has the wrong sign." in str(minus)
    doubled = explain.check(lambda x: x**2, lambda w, x: 4 * w * x, X)
    assert "All of it is 2 times what it should be." in str(doubled)
    flipped = explain.check(lambda x: x**2, lambda w, x: (2 * w * x).T, square)
    assert "It is transposed." in str(flipped)
    nothing = explain.check(lambda x: x**2, lambda w, x: 0 * x, X)
    assert "All of it is zero." in str(nothing)


def test_missing_misshapen_and_nan_gradients_are_refused() -> None:
    assert "no gradient reaches it" in str(explain.check(lambda x, y: ops.square(x), X, X))
    assert "A transpose is missing." in str(explain.check(lambda x: x**2, lambda w, x: (2 * w * x).T, X))
    report = explain.check(lambda x: x**2, lambda w, x: np.where(x == x[1, 1], np.nan, 2 * w * x), X)
    assert [entry.index for entry in report.wrong] == [(1, 1)]


def test_changing_an_input_in_place_is_a_mistake() -> None:
    def backward(d_out: Array, x: Array) -> Array:
        right = 2 * d_out * x
        x *= 0
        return right

    report = explain.check(lambda x: x**2, backward, X)
    assert not report.passed
    assert "backward changes its input x in place" in str(report)


def test_raise_on_failure_raises_the_report() -> None:
    with pytest.raises(ValueError, match=r"x\[\d, \d\]: the gradient is"):
        explain.check(lambda x: x**2, lambda w, x: 2.001 * w * x, X, raise_on_failure=True)


def test_what_cannot_be_checked_is_said() -> None:
    with pytest.raises(ValueError, match="is nan here"):
        explain.check(lambda x: x * np.nan, lambda w, x: w, X)
    with pytest.raises(ValueError, match="Give what is random in it a seed"):
        explain.check(lambda x: x * np.random.uniform(), lambda w, x: w, X)
    with pytest.raises(TypeError, match="expects the inputs"):
        explain.check(np.tanh)
    with pytest.raises(ValueError, match=r"model.compile\("):
        explain.check_gradients(layers.Dense(1), X, X)


# Kinks -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_every_choice_at_the_kink_of_relu_passes_and_is_called_one(slope: float) -> None:
    x = np.array([[1.0, -2.0], [0.0, 3.0]])
    report = explain.check(lambda x: np.maximum(x, 0), lambda w, x: w * np.where(x == 0, slope, x > 0), x)
    assert report.passed, report
    assert [entry.index for entry in report.kinks] == [(1, 0)]
    assert "Kink at x[1, 0]" in str(report)


def test_a_slope_that_neither_side_has_is_wrong_at_a_kink_too() -> None:
    report = explain.check(
        lambda x: np.maximum(x, 0), lambda w, x: w * np.where(x == 0, -0.01, x > 0), np.array([0.0, 1.0])
    )
    assert [entry.index for entry in report.wrong] == [(0,)]
    assert "There is a kink here" in str(report)


def test_ties_of_a_maximum_are_kinks() -> None:
    x = np.array([[1.0, -2.0, 1.0], [3.0, 4.0, 5.0]])

    def share(w: Array, x: Array) -> Array:
        best = x == x.max(axis=1, keepdims=True)
        return w[:, None] * best / best.sum(axis=1, keepdims=True)

    report = explain.check(lambda x: x.max(axis=1), share, x)
    assert report.passed
    assert [entry.index for entry in report.kinks] == [(0, 0), (0, 2)]


@given(st.floats(1e-6, 3e-3), st.booleans())
def test_a_kink_nearby_is_no_reason_to_refuse(distance: float, left: bool) -> None:
    x = np.array([-distance if left else distance, 0.5])
    assert explain.check(lambda x: np.abs(x) ** 1, lambda w, x: w * np.sign(x), x).passed


# Whole models ----------------------------------------------------------------------------------------------------------


def small_model(loss: str = "sparse_categorical_crossentropy") -> Any:
    model = tinynn.Sequential(
        [
            tinynn.Input((3,)),
            layers.Dense(4, "relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", loss)
    return model


Y = np.array([0, 1, 2, 1, 0])
XM = np.random.RandomState(5).normal(size=(5, 3)).astype(np.float32)


def test_a_model_passes_and_stays_as_it_is_to_the_bit() -> None:
    model = small_model()
    model.fit(XM, Y, verbose=0)
    before = [(variable.value, variable.numpy()) for variable in model.variables]
    report = explain.check_gradients(model, XM, Y)
    assert report.passed, report
    assert sum(np.prod(array.shape) for array in report.arrays) == sum(v.size for v in model.trainable_variables)
    for variable, (array, value) in zip(model.variables, before, strict=True):
        assert variable.value is array
        np.testing.assert_array_equal(array, value)
    assert model._compile_loss.loss.dtype == "float32"
    assert model.layers[0].dtype == "float32"
    assert tinynn.config.floatx() == "float32"
    model.fit(XM, Y, verbose=0)


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy", "categorical_crossentropy", "huber"])
def test_a_plain_dense_model_takes_the_complex_step_or_differences_and_passes(loss: str) -> None:
    model = tinynn.Sequential([tinynn.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(3, "sigmoid")])
    model.compile("sgd", loss)
    y = np.eye(3)[Y]
    assert explain.check_gradients(model, XM, y, sample_weight=np.arange(1.0, 6.0)).passed
    assert explain.check_gradients(model, XM, y, every_entry=False).passed


def test_a_layer_with_a_wrong_derivative_is_found_in_a_model() -> None:
    @tinynn.custom_gradient
    def almost_tanh(x: Array) -> Any:
        t = np.tanh(x)
        return t, lambda d_out: d_out * (1 - t**2) * 1.0005

    model = tinynn.Sequential([tinynn.Input((3,)), layers.Dense(4, almost_tanh), layers.Dense(1)])
    model.compile("sgd", "mse")
    report = explain.check_gradients(model, XM, XM[:, :1])

    assert not report.passed
    assert [array.passed for array in report.arrays] == [False, False, True, True]
    assert report.arrays[0].pattern == "All of it is 1.0005 times what it should be."

    assert "WRONG" in str(report)
    assert "wrong" in report._repr_html_()
