"""`explain.derivation` is proven: its own formulas, computed with, are SymPy's derivatives, the tape's and Keras's."""

from __future__ import annotations

import re
import xml.etree.ElementTree
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import explain, layers, losses, optimizers, regularizers
from tinynn._typing import Array
from tinynn.engine.tape import GradientTape
from tinynn.explain.derivations import update_rule
from tinynn.explain.expressions import FUNCTIONS, Number, Over, Power, Symbol, as_latex, as_text, evaluate, times

RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(5, 3))
LABELS = np.array([0, 1, 1, 0, 1])
HOT = np.eye(2)[LABELS]
TARGETS = RANDOM.normal(size=(5, 2))


@pytest.fixture(autouse=True)
def _in_double_precision() -> None:
    tinynn.config.set_floatx("float64")


def model_of(parts: list[Any], loss: Any, optimizer: Any = "sgd") -> Any:
    tinynn.utils.set_random_seed(1)
    model = tinynn.Sequential([tinynn.Input((3,)), *parts])
    model.compile(optimizer, loss)
    for variable in model.trainable_variables:  # biases and the like away from 0 and 1
        variable.assign(variable.value + 0.3 * RANDOM.normal(size=variable.shape))
    return model


def gradients_of(model: Any, x: Array, y: Array) -> tuple[float, list[Array]]:
    with GradientTape() as tape:
        loss = model.loss_of(x, y, model(x, training=True), None, training=True)
    return float(loss), tape.gradient(loss, model.trainable_variables)


def short(variable: Any) -> str:
    return "/".join(variable.path.split("/")[-2:])


Dense = layers.Dense

MODELS: dict[str, Any] = {
    "regression": lambda: (model_of([Dense(4, "tanh"), Dense(2)], "mse"), TARGETS),
    "one output": lambda: (model_of([Dense(4, "sigmoid"), Dense(1)], "mse"), TARGETS[:, :1]),
    "classes": lambda: (
        model_of([Dense(4, "relu"), Dense(3, "softsign"), Dense(2, "softmax")], "sparse_categorical_crossentropy"),
        LABELS,
    ),
    "one-hot": lambda: (model_of([Dense(2, "softmax")], "categorical_crossentropy"), HOT),
    "logits": lambda: (
        model_of([Dense(2)], losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)),
        HOT,
    ),
    "yes or no": lambda: (
        model_of([Dense(4, "silu"), Dense(2, "sigmoid")], losses.BinaryCrossentropy(label_smoothing=0.2)),
        HOT,
    ),
    "normalized": lambda: (
        model_of(
            [
                layers.BatchNormalization(),
                Dense(4, "elu"),
                layers.BatchNormalization(),
                layers.LayerNormalization(),
                Dense(2),
            ],
            "mse",
        ),
        TARGETS,
    ),
    "penalties": lambda: (
        model_of(
            [
                Dense(4, "softplus", kernel_regularizer=regularizers.L2(0.5), bias_regularizer=regularizers.L1(0.25)),
                Dense(2, kernel_regularizer=regularizers.L1L2(0.125, 0.25)),
            ],
            "mae",
        ),
        TARGETS,
    ),
    "softmax in the middle": lambda: (
        model_of(
            [Dense(4, "softmax"), layers.Activation("softsign"), Dense(2, use_bias=False), layers.LeakyReLU(0.25)],
            "mse",
        ),
        TARGETS,
    ),
    "activation after a linear layer": lambda: (
        model_of([layers.Flatten(), Dense(2), layers.Activation("sigmoid")], "binary_crossentropy"),
        HOT,
    ),
    "a sum": lambda: (model_of([Dense(2, "exponential")], losses.MeanSquaredError(reduction="sum")), TARGETS),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_formulas_give_the_tapes_gradients(name: str) -> None:
    """The same float64 numbers but for the order of sums and the form of activations: a few ulp of the largest terms.

    Rates and slopes are powers of two: Keras rounds them to float32.
    """
    model, y = MODELS[name]()
    found = explain.derivation(model).evaluate(X, y)
    loss, gradients = gradients_of(model, X, y)
    assert float(found["L"]) == pytest.approx(loss, rel=1e-13)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        np.testing.assert_allclose(found[short(variable)], gradient, rtol=1e-9, atol=1e-13, err_msg=short(variable))


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "elu", "softplus", "leaky_relu", "tanh", "mish"])
def test_every_slope_is_that_of_the_activation(activation: str) -> None:
    """To float32, in which Keras has the constants of some. An activation without a formula here is named, and asked for."""
    model = model_of([Dense(4, activation), Dense(2)], "mse")
    derivation = explain.derivation(model)
    if activation == "mish":
        with pytest.raises(ValueError, match=r"No value for mish in A\[1\] = mish\(Z\[1\]\)"):
            derivation.evaluate(X, TARGETS)
        return
    found = derivation.evaluate(X, TARGETS)
    for variable, gradient in zip(model.trainable_variables, gradients_of(model, X, TARGETS)[1], strict=True):
        np.testing.assert_allclose(found[short(variable)], gradient, rtol=1e-6, atol=1e-7)


def test_shapes_are_those_of_the_values() -> None:
    for make in MODELS.values():
        model, y = make()
        derivation = explain.derivation(model)
        found = derivation.evaluate(X, y)
        for section in derivation.sections:
            for equation in section.equations:
                if equation.arrow == "=":
                    numbers = tuple(np.shape(found[equation.left.key]))
                    said = tuple(5 if n == "B" else int(n) for n in re.findall(r"B|[0-9]+", equation.shape))
                    assert numbers == said, equation


def test_frozen_layers_have_no_gradient_and_dropout_asks_for_its_mask() -> None:
    model = model_of([Dense(4, "tanh"), layers.Dropout(0.5), Dense(2)], "mse")
    model.layers[0].trainable = False
    derivation = explain.derivation(model)
    assert list(derivation.gradients) == [f"{model.layers[2].name}/kernel", f"{model.layers[2].name}/bias"]
    with pytest.raises(ValueError, match="No value for M2 in"):
        derivation.evaluate(X, TARGETS)
    mask = np.ones((5, 4))
    mask[:, 1] = 0
    found = derivation.evaluate(X, TARGETS, values={"M2": mask})
    assert np.all(found["∂L/∂W3"][1] == 0)
    assert np.any(found["∂L/∂W3"][0] != 0)


# SymPy -----------------------------------------------------------------------------------------------------------------


def symbolic_functions(sympy: Any) -> dict[str, Any]:
    """The functions of formulas on arrays of symbols."""

    def entrywise(function: Any) -> Any:
        return lambda x: np.vectorize(function, otypes=[object])(x)

    def softmax(x: Array) -> Array:
        e = entrywise(sympy.exp)(x)
        return e / e.sum(axis=1, keepdims=True)

    return {
        "sqrt": entrywise(sympy.sqrt),
        "exp": entrywise(sympy.exp),
        "log": entrywise(sympy.log),
        "tanh": entrywise(sympy.tanh),
        "σ": entrywise(lambda z: 1 / (1 + sympy.exp(-z))),
        "softmax": softmax,
    }


@pytest.mark.parametrize(
    ("parts", "loss", "y"),
    [
        ([("tanh", 2), (None, 1)], "mse", [[2], [-1]]),
        ([("sigmoid", 2), ("softmax", 2)], "sparse_categorical_crossentropy", [[0, 1], [1, 0]]),
        ([("softplus", 2), ("sigmoid", 1)], "binary_crossentropy", [[1], [0]]),
    ],
    ids=["mse", "softmax", "sigmoid"],
)
def test_sympy_differentiates_the_loss_formula_into_the_gradient_formulas(parts: Any, loss: str, y: Any) -> None:
    """L as the derivation writes it, an expression in the weights, differentiated by SymPy; then numbers are put in, since
    two forms of one expression are hard to simplify into each other. 50 digits, so that agreement is no accident."""
    sympy = pytest.importorskip("sympy", reason="SymPy is not installed: pip install tinynn-engine[dev]")
    import mpmath  # which comes with it

    model = model_of([Dense(units, activation) for activation, units in parts], loss)
    derivation = explain.derivation(model)
    weights: dict[str, Array] = {}
    numbers: dict[Any, float] = {}
    for variable in model.trainable_variables:
        symbol = derivation.symbols[short(variable)]
        names = [sympy.Symbol(f"{symbol.key}_{n}") for n in range(variable.size)]
        weights[symbol.key] = np.array(names, object).reshape(variable.shape)
        numbers |= dict(zip(names, map(float, variable.value.reshape(-1))))
    x = np.array([[sympy.Rational(n, 7) for n in row] for row in ((1, -2, 3), (-4, 5, 2))], object)
    targets = np.array([[sympy.Rational(n) for n in row] for row in y], object)
    given = {**weights, "X": x, "Y": targets, "B": sympy.Integer(2)}
    found = derivation.evaluate(np.zeros((2, 3)), np.zeros((2, 1)), values=given, functions=symbolic_functions(sympy))
    names = list(numbers)
    formulas = [found[path][place] for path in derivation.gradients for place in np.ndindex(found[path].shape)]
    derivatives = [sympy.diff(found["L"], name) for name in names]
    compute = sympy.lambdify(names, [*derivatives, *formulas], "mpmath", cse=True)
    with mpmath.workdps(50):
        values = compute(*numbers.values())
        for name, derivative, formula in zip(names, values[: len(names)], values[len(names) :], strict=True):
            assert abs(derivative - formula) < 1e-40, name
            assert abs(formula) > 1e-6


# Keras -----------------------------------------------------------------------------------------------------------------


@pytest.mark.keras
def test_the_formulas_give_the_gradients_of_keras(keras: Any) -> None:
    import tensorflow as tf

    for name in ("classes", "normalized", "penalties"):
        model, y = MODELS[name]()
        found = explain.derivation(model).evaluate(X, y)
        before = keras.config.floatx()
        keras.config.set_floatx("float64")
        try:
            twin = keras.models.model_from_json(model.to_json())
            twin.build((None, 3))
            twin.set_weights(model.get_weights())
            function = {
                "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
                "mse": keras.losses.MeanSquaredError,
                "mae": keras.losses.MeanAbsoluteError,
            }[model.loss]()
            with tf.GradientTape() as tape:
                loss = function(y, twin(X, training=True)) + sum(twin.losses)
            gradients = tape.gradient(loss, twin.trainable_variables)
        finally:
            keras.config.set_floatx(before)
        assert float(found["L"]) == pytest.approx(float(loss), rel=1e-12)
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            np.testing.assert_allclose(found[short(variable)], gradient, rtol=1e-8, atol=1e-12, err_msg=name)


# The update ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "start"),
    [
        (optimizers.SGD(0.1), {}),
        (optimizers.SGD(0.1, momentum=0.5), {"v": 0.0}),
        (optimizers.SGD(0.1, momentum=0.5, nesterov=True), {"v": 0.0}),
        (optimizers.RMSprop(0.1, rho=0.75, epsilon=0.125), {"s": 0.0}),
        (optimizers.Adagrad(0.125, initial_accumulator_value=0.5, epsilon=0.25), {"s": 0.5}),
        (optimizers.Adam(0.1, beta_1=0.5, beta_2=0.75, epsilon=0.125), {"m": 0.0, "v": 0.0}),
    ],
    ids=lambda part: type(part).__name__ if not isinstance(part, dict) else "",
)
def test_the_update_is_what_the_optimizer_does(optimizer: Any, start: dict[str, float]) -> None:
    """Rates of Keras are float32, so 0.1 is off by 1.5e-9: the bound says 1e-7."""
    variable = tinynn.Variable(np.array([1.0, -2.0]), dtype="float64")
    values: dict[str, Any] = {"θ": np.array([1.0, -2.0]), **{name: np.full(2, value) for name, value in start.items()}}
    for t, g in enumerate(np.array([[0.5, 1.0], [-1.0, 0.25], [2.0, 0.5]]), start=1):
        optimizer.apply([g], [variable])
        values |= {"g": g, "t": t}
        for left, right, _ in update_rule(optimizer):
            values[left.key] = evaluate(right, values)
        np.testing.assert_allclose(variable.value, values["θ"], rtol=0, atol=1e-7)


# As it is written ------------------------------------------------------------------------------------------------------


def test_formulas_are_written_with_the_brackets_they_need() -> None:
    a, b = Symbol("A", 1), Symbol("b")
    assert as_text((a - b) @ b.T) == "(A[1] − b) b^T"
    assert as_text(a - (b - a)) == "A[1] − (b − A[1])"
    assert as_text(Over(a + b, "b")) == "Σ_b (A[1] + b)"
    assert as_text(Over(a, "b") + b) == "Σ_b A[1] + b"
    assert as_text(times(Number(2), Power(a - b, Number(2)))) == "2 (A[1] − b)^2"
    assert as_text(-(a + b)) == "− (A[1] + b)"
    assert as_latex(Number(1e-7)) == "10^{-7}"
    assert as_latex(Symbol("W", 2, of_loss=True)) == r"\frac{\partial L}{\partial W^{(2)}}"
    values = {"A1": np.array([[3.0, 5.0]]), "b": np.array([[1.0, 2.0]])}
    assert evaluate(a - (b - a), values).tolist() == [[5.0, 8.0]]
    assert set(FUNCTIONS) >= {"sqrt", "positive", "relu"}


@pytest.mark.parametrize("name", MODELS)
def test_every_form_is_whole(name: str) -> None:
    """MathML is well-formed, LaTeX's brackets close, lines for a terminal name every layer."""
    model, _ = MODELS[name]()
    derivation = explain.derivation(model)
    page = derivation._repr_html_()
    tree = xml.etree.ElementTree.fromstring(page.replace("&#x2061;", ""))
    equations = [equation for section in derivation.sections for equation in section.equations]
    assert len(list(tree.iter("math"))) == len(equations)
    for source in (derivation.to_latex(), derivation.to_markdown()):
        assert source.count("{") == source.count("}")
        assert source.count(r"\left") - source.count(r"\leftarrow") == source.count(r"\right")
    assert derivation.to_latex().isascii()
    assert derivation.to_markdown().count("$$") == 2 * len(equations)
    for layer in model.layers:
        if layer.trainable_variables:
            assert layer.name in repr(derivation)
    assert "<script" not in derivation.to_html()


def test_what_cannot_be_derived_is_said() -> None:
    model = tinynn.Sequential([tinynn.Input((3,)), Dense(1)])
    with pytest.raises(ValueError, match=r"call model\.compile"):
        explain.derivation(model)
    model.add(layers.GroupNormalization(1))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="no equations for GroupNormalization yet"):
        explain.derivation(model)
    unbuilt = tinynn.Sequential([Dense(1)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match="is built"):
        explain.derivation(unbuilt)
