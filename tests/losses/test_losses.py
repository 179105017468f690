"""Losses: Keras's values for all shapes, weights and reductions; gradients against the complex step; words of warning."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinynn
from tests.losses.targets import PAIRS, weights_for
from tests.models.twins import floatx_put_back, set_floatx
from tests.oracles import complex_step_gradient
from tests.strategies import arrays, probabilities, sizes
from tinynn import GradientTape, losses, ops

FUNCTIONS = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "mean_squared_error",
    "mean_absolute_error",
]
CLASSES = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "MeanSquaredError",
    "MeanAbsoluteError",
]
REDUCTIONS = ["sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None]


@pytest.fixture(params=["float32", "float64"])
def keras_in(request: Any, keras: Any) -> Iterator[Any]:
    """Keras and tinynn, computing in the same float type."""
    with floatx_put_back(keras, tinynn):
        set_floatx(keras, request.param)
        set_floatx(tinynn, request.param)
        yield keras


def options(name: str) -> list[dict[str, Any]]:
    """Arguments that this loss has."""
    found: list[dict[str, Any]] = [{}]
    if "ross" in name:
        found.append({"from_logits": True})
    if name.lower().startswith(("binary", "categorical")):
        found += [{"label_smoothing": 0.2}, {"from_logits": True, "label_smoothing": 0.1}]
    return found


def assert_same(keras: Any, call: Callable[[Any], Any], what: Any) -> None:
    """Equal values, dtypes, shapes and warnings. Where Keras refuses, tinynn may know an answer, or refuse in its own words."""
    expected, theirs = answer(lambda: call(keras.losses))
    if isinstance(expected, Exception):
        return
    found, ours = answer(lambda: call(losses))
    assert not isinstance(found, Exception), (what, found)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), what
    # Logarithms and sums of three terms, of numbers up to 16; a few of them cancel.
    assert np.allclose(
        found, expected, rtol=16 * np.finfo(found.dtype).eps, atol=64 * np.finfo(found.dtype).eps, equal_nan=True
    ), what
    assert ours == theirs, what


def answer(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as heard, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            found = np.asarray(call())
        except Exception as error:  # of many kinds in TensorFlow
            return error, []
    return found, [str(warning.message) for warning in heard if warning.category is not RuntimeWarning]


@pytest.mark.keras
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_keras_s_values(keras_in: Any, name: str) -> None:
    for kind, (y_true, y_pred) in PAIRS.items():
        for settings in options(name):
            assert_same(
                keras_in, lambda k, t=y_true, p=y_pred, s=settings: getattr(k, name)(t, p, **s), (kind, settings)
            )


@pytest.mark.keras
@pytest.mark.parametrize("name", CLASSES)
def test_classes_give_keras_s_values_for_all_weights_and_reductions(keras_in: Any, name: str) -> None:
    for kind, (y_true, y_pred) in PAIRS.items():
        for settings in [*options(name)[1:], {"dtype": "float64"}]:
            assert_same(
                keras_in, lambda k, t=y_true, p=y_pred, s=settings: getattr(k, name)(**s)(t, p), (kind, settings)
            )
        for weights, w in weights_for(kind).items():
            for reduction in (
                REDUCTIONS if kind in ("one-hot", "three axes, class numbers", "columns") else ["sum_over_batch_size"]
            ):

                def loss(k: Any, t: Any = y_true, p: Any = y_pred, w: Any = w, r: Any = reduction) -> Any:
                    return getattr(k, name)(reduction=r)(t, p, sample_weight=w)

                assert_same(keras_in, loss, (kind, weights, reduction))


@pytest.mark.keras
@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_names_and_defaults_of_arguments_are_keras_s(keras: Any, name: str) -> None:
    ours, theirs = (inspect.signature(getattr(k, name)).parameters.values() for k in (losses, keras.losses))
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.keras
@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES, "mse", "MSE", "mae", "MAE", "bce", "BCE"])
def test_names_lead_where_keras_s_do(keras: Any, name: str) -> None:
    found, expected = losses.get(name), keras.losses.get(name)
    assert getattr(found, "__name__", type(found).__name__) == getattr(expected, "__name__", type(expected).__name__)
    assert getattr(found, "name", None) == getattr(expected, "name", None)


def test_reductions_by_hand() -> None:
    """Losses 1, 4, 9 with weights 1, 0, 3:  28 in all, over 3 samples, over 4 of weight."""
    y_true, y_pred, weight = np.zeros((3, 1)), np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 0.0, 3.0])
    expected = {"sum": 28, "sum_over_batch_size": 28 / 3, "mean": 28 / 3, "mean_with_sample_weight": 7}
    for reduction, value in expected.items():
        assert losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, weight) == pytest.approx(value, rel=1e-6)
    assert losses.MeanSquaredError(reduction=None)(y_true, y_pred, weight).tolist() == [1, 0, 27]
    assert losses.MeanSquaredError(reduction="mean_with_sample_weight")(y_true, y_pred, np.zeros(3)) == 0


# Gradients -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum"])
@pytest.mark.parametrize("name", CLASSES)
@given(
    data=st.data(),
    batch=sizes,
    classes=st.integers(2, 5),
    from_logits=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.3]),
)
def test_gradients_match_the_complex_step(
    name: str, reduction: str, data: Any, batch: int, classes: int, from_logits: bool, smoothing: float
) -> None:
    """Through weights and reduction, for probabilities that remember no logits and for logits."""
    tinynn.config.set_floatx("float64")
    settings = {"reduction": reduction}
    if "Cross" in name:
        settings["from_logits"] = from_logits
        if "Sparse" not in name:
            settings["label_smoothing"] = smoothing
    loss = getattr(losses, name)(**settings)
    in_logits = settings.get("from_logits", "Cross" not in name)
    y_pred = data.draw(
        arrays((batch, classes), away_from_zero=1e-3) if in_logits else probabilities(batch, classes, low=0.1)
    )
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=batch, max_size=batch)))
    y_true = labels if "Sparse" in name else np.eye(classes)[labels] * 0.9 + 0.1 / classes
    weight = data.draw(arrays((batch,), bound=2.0, away_from_zero=0.1)) ** 2
    assume("Absolute" not in name or bool((y_true != y_pred).all()))  # |x| has no slope at 0
    with GradientTape() as tape:
        watched = tape.watch(y_pred)
        value = loss(y_true, watched, sample_weight=weight)
    found = tape.gradient(value, watched)

    def by_definition(p: Any) -> Any:
        target = np.eye(classes)[labels] if "Sparse" in name else y_true
        if smoothing and "label_smoothing" in settings:
            target = target * (1 - smoothing) + smoothing / (2 if name.startswith("Binary") else classes)
        if name == "MeanSquaredError":
            values = ((target - p) ** 2).mean(axis=1)
        elif name == "MeanAbsoluteError":
            error = target - p
            values = np.where(error.real < 0, -error, error).mean(axis=1)
        elif name == "BinaryCrossentropy":
            p = 1 / (1 + np.exp(-p)) if in_logits else p
            values = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean(axis=1)
        else:
            p = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True) if in_logits else p / p.sum(axis=1, keepdims=True)
            values = -(target * np.log(p)).sum(axis=1)
        total = (weight * values).sum()
        return total / {"sum": 1, "sum_over_batch_size": batch, "mean_with_sample_weight": weight.sum()}[reduction]

    expected = complex_step_gradient(by_definition, y_pred, np.array(1.0))
    # Weights below 4 times slopes below 1 / 0.1 / 0.1 (probabilities of 0.1 / 5 at least, renormalised), some 30 roundings.
    assert np.allclose(found, expected, rtol=0, atol=30 * 400 * max(1.0, 1 / weight.sum()) * np.finfo(float).eps * 10)


@pytest.mark.parametrize("how", ["Dense", "Activation", "Dropout behind it, not training", "function"])
@pytest.mark.parametrize(
    ("activation", "loss", "y_true", "logits"),
    [
        ("softmax", losses.SparseCategoricalCrossentropy(), np.array([0]), [[0.0, 120.0]]),
        ("softmax", losses.CategoricalCrossentropy(), np.array([[1.0, 0.0]]), [[0.0, 120.0]]),
        ("sigmoid", losses.BinaryCrossentropy(), np.array([[0.0]]), [[120.0]]),
        ("sigmoid", losses.binary_crossentropy, np.array([[0.0]]), [[120.0]]),
    ],
)
def test_losses_return_to_the_logits_behind_an_activation(
    how: str, activation: str, loss: Any, y_true: Any, logits: Any
) -> None:
    """Saturated, a miss by 120 costs 120 and its gradient is 1; from the rounded probability it would be 16.1 and 0."""
    x = np.array(logits, np.float32)
    units = x.shape[1]
    dense = tinynn.layers.Dense(
        units, activation=activation if how != "Activation" else None, kernel_initializer="identity"
    )
    stack = [tinynn.Input((units,)), dense]
    if how == "Activation":
        stack.append(tinynn.layers.Activation(activation))
    if how.startswith("Dropout"):
        stack.append(tinynn.layers.Dropout(0.5))
    function = getattr(tinynn.activations, activation)
    model = tinynn.Sequential(stack) if how != "function" else function
    with GradientTape() as tape:
        watched = tape.watch(x)
        value = ops.sum(loss(y_true, model(watched)))
    assert value == 120
    assert np.abs(tape.gradient(value, watched)).max() == 1
    assert ops.sum(loss(y_true, model(x))) == 120
    assert ops.sum(loss(y_true, np.array(model(x)))) == pytest.approx(-np.log(1e-7), rel=0.02)


# Words -----------------------------------------------------------------------------------------------------------------


def test_from_logits_after_a_softmax_layer_warns() -> None:
    model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(2, activation="softmax")])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    with pytest.warns(
        UserWarning, match=r"received `from_logits=True`, but the `output` argument was produced by a Softmax"
    ):
        loss(np.array([1]), model(np.ones((1, 3))))


def test_one_column_of_classes_warns() -> None:
    with pytest.warns(
        SyntaxWarning, match=r"num_classes > 1\. Received: y_pred\.shape=\(2, 1\)\. Consider using 'binary"
    ):
        losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))


ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: losses.get("mse_loss"), r'Unknown loss "mse_loss"\. .*Known: BCE, '),
    (lambda: losses.get("mean_sqared_error"), r'Did you mean "mean_squared_error"\?'),
    (lambda: losses.get("crossentropy"), r'Unknown loss "crossentropy"\. Did you mean "\w+_crossentropy"\?'),
    (lambda: losses.get(3), r"A loss is a name, a Loss, a function, a description or None; got 3 of type int\."),
    (
        lambda: losses.MeanSquaredError(reduction="avg"),
        r"reduction is one of sum_over_batch_size, .* or None; got 'avg'\.",
    ),
    (lambda: losses.MeanSquaredError(reduction="Sum"), r'got \'Sum\'\. Did you mean "sum"\?'),
    (
        lambda: losses.BinaryCrossentropy(label_smoothing=1.5),
        r"label_smoothing must be a number in \[0, 1\]; got 1\.5\.",
    ),
    (
        lambda: losses.SparseCategoricalCrossentropy()(np.array([3]), np.ones((1, 3))),
        r"expects labels in 0\.\.2 for 3 outputs; got 3\. Number the classes from 0, or give the last layer 4 units\.",
    ),
    (
        lambda: losses.SparseCategoricalCrossentropy()(np.eye(3), np.ones((3, 3))),
        r"expects labels of shape \(3,\) .*One-hot labels go with categorical_crossentropy",
    ),
    (
        lambda: losses.CategoricalCrossentropy()(np.array([0, 1]), np.ones((2, 3))),
        r"same shape; got \(2,\) and \(2, 3\)\. Class numbers go with sparse_categorical_crossentropy",
    ),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_say_what_was_expected_and_what_came(case: int) -> None:
    call, text = ERRORS[case]
    with pytest.raises(ValueError, match=text):
        call()


def test_a_loss_without_a_call_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Loss Unfinished does not have a `call\(\)` method"):
        type("Unfinished", (losses.Loss,), {})()(np.ones(1), np.ones(1))


# Objects ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSES)
def test_a_loss_can_be_made_again_from_its_config(name: str) -> None:
    loss = getattr(losses, name)(name="mine", reduction="sum", **options(name)[-1])
    again = type(loss).from_config(loss.get_config())
    y_true, y_pred = PAIRS["class numbers" if "Sparse" in name else "one-hot"]
    assert again(y_true, y_pred) == loss(y_true, y_pred)
    assert again.get_config() == loss.get_config()
    assert again.name == "mine"


def test_own_losses_are_named_by_their_class() -> None:
    tinynn.backend.clear_session()

    class HalfSquare(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.mean(ops.square(y_true - y_pred), axis=-1) / 2

    assert [HalfSquare().name, HalfSquare().name] == ["half_square", "half_square_1"]
    assert HalfSquare()([[0.0], [0.0]], [[2.0], [4.0]]) == 5
