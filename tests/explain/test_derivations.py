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
from tinynn.explain import formulas as f
from tinynn.explain.formulas import name_of
from tinynn.explain.text import formula as as_text
from tinynn.explain.update_rules import rule_of

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


ROWS = {"glu", "log_softmax", "softmax", "sparsemax"}  # what is no function of each entry
NAMED = {"get", "serialize", "deserialize", "linear", "threshold"}
ACTIVATIONS = [name for name in tinynn.activations.__all__ if name not in ROWS | NAMED]


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "softmax", "log_softmax"])
def test_every_slope_is_that_of_the_activation(activation: str) -> None:
    """To float32, in which Keras has the constants of some. Inputs on either side of every kink.

    An activation without a formula here is named, and asked for.
    """
    model = model_of([Dense(4, activation), Dense(2)], "mse")
    model.layers[0].kernel.assign(3 * model.layers[0].kernel.value)
    derivation = explain.derivation(model)
    if activation == "hard_shrink":
        with pytest.raises(ValueError, match=r"No value for hard_shrink in A1 = hard_shrink\(Z1\): give it in values="):
            derivation.evaluate(X, TARGETS)
        return
    found = derivation.evaluate(X, TARGETS)
    for variable, gradient in zip(model.trainable_variables, gradients_of(model, X, TARGETS)[1], strict=True):
        np.testing.assert_allclose(found[short(variable)], gradient, rtol=1e-6, atol=1e-7)


def test_products_of_arrays_are_written_entry_by_entry_and_those_with_a_number_are_not() -> None:
    model = model_of([Dense(4, "silu"), Dense(2), layers.LeakyReLU(0.25)], "mse")
    printed = str(explain.derivation(model))
    for line in (
        "A1 = Z1 ⊙ sigmoid(Z1) ",
        "dL/dA1 ⊙ (A1 + sigmoid(Z1) ⊙ (1 - A1))",
        "A3 = Z2 where Z2 > 0, else 0.25 · Z2",
        "dL/dW2 = A1^T Δ2",
    ):
        assert line in printed


def test_shapes_are_those_of_the_values() -> None:
    for make in MODELS.values():
        model, y = make()
        derivation = explain.derivation(model)
        found = derivation.evaluate(X, y)
        for section in derivation.sections:
            for equation in section.equations:
                if equation.equation.sign == "=":
                    numbers = tuple(np.shape(found[name_of(equation.names[0])]))
                    said = tuple(5 if n == "B" else int(n) for n in re.findall(r"B|[0-9]+", equation.shape))
                    assert numbers == said, equation


def test_frozen_layers_have_no_gradient_and_dropout_asks_for_its_mask() -> None:
    model = model_of([Dense(4, "tanh"), layers.Dropout(0.5), Dense(2)], "mse")
    model.layers[0].trainable = False
    derivation = explain.derivation(model)
    assert list(derivation.gradients) == [f"{model.layers[2].name}/kernel", f"{model.layers[2].name}/bias"]
    with pytest.raises(ValueError, match="No value for M2 in A2 = "):
        derivation.evaluate(X, TARGETS)
    mask = np.ones((5, 4))
    mask[:, 1] = 0
    found = derivation.evaluate(X, TARGETS, values={"M2": mask})
    assert np.all(found["dL/dW3"][1] == 0)
    assert np.any(found["dL/dW3"][0] != 0)


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
        "sigmoid": entrywise(lambda z: 1 / (1 + sympy.exp(-z))),
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
        names = [sympy.Symbol(f"{name_of(symbol)}_{n}") for n in range(variable.size)]
        weights[name_of(symbol)] = np.array(names, object).reshape(variable.shape)
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


def test_the_update_is_the_rule_that_step_computes_with() -> None:
    """Which rule is right, `test_step.py` tells from what the optimizer does."""
    names = ["SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Lamb", "Ftrl"]
    for name in [*names, "ScheduleFreeAdamW"]:
        model = model_of([Dense(2)], "mse", getattr(optimizers, name)(0.25))
        (section,) = [section for section in explain.derivation(model).sections if section.title == "Update"]
        rule = rule_of(model.optimizer, model.trainable_variables[0])
        assert rule is not None
        assert [line.equation.sides for line in section.equations] == [(f.Symbol(a), b) for a, b, _ in rule.lines]
        assert "η = 0.25" in section.words
        for letter in rule.slots.values():
            assert f"{letter} = " in section.words


def test_what_the_update_begins_with_is_what_the_slots_hold() -> None:
    for optimizer, said in (
        (optimizers.Adagrad(0.5, initial_accumulator_value=0.25), "at first a = 0.25"),
        (optimizers.Ftrl(0.5, initial_accumulator_value=0.25), "at first a = 0.25, z = 0"),
        (optimizers.ScheduleFreeAdamW(0.5), "at first z = p, v = 0"),
    ):
        model = model_of([Dense(2)], "mse", optimizer)
        section = explain.derivation(model).sections[-1]
        assert said in section.words
        optimizer.build(model.trainable_variables)
        rule = rule_of(optimizer, model.trainable_variables[0])
        assert rule is not None
        for slot, letter in rule.slots.items():
            at_first = rule.starts.get(letter, f.Number(0.0))
            expected = f.evaluated(at_first, {"p": model.trainable_variables[0].value})
            assert np.all(optimizer._slots[slot][0].value == expected), slot


def test_matrices_and_vectors_that_are_treated_differently_have_an_update_each() -> None:
    derivation = explain.derivation(model_of([Dense(2)], "mse", optimizers.Adafactor(0.25)))
    updates = [section.words for section in derivation.sections if section.title == "Update"]
    assert [words.split(".")[0] for words in updates] == ["Adafactor, for each of W1", "Adafactor, for each of bias1"]


def test_numbers_that_a_rule_makes_of_numbers_are_numbers() -> None:
    derivation = explain.derivation(model_of([Dense(2)], "mse", optimizers.Adam()))
    shapes = {as_text(line.equation.sides[0]): line.shape for line in derivation.sections[-1].equations}
    assert shapes == {"m": "as p", "v": "as p", "c1": "()", "c2": "()", "a": "()", "p": "as p"}


# As it is written ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_every_form_is_whole(name: str) -> None:
    """MathML is well-formed, LaTeX's brackets close, lines for a terminal name every layer."""
    model, _ = MODELS[name]()
    derivation = explain.derivation(model)
    equations = [equation for section in derivation.sections for equation in section.equations]
    tree = xml.etree.ElementTree.fromstring(derivation._repr_html_())
    assert len([part for part in tree.iter("div") if part.get("class") == "noted"]) == len(equations)
    for source in (derivation.to_latex(), derivation.to_markdown()):
        assert source.count("{") == source.count("}")
        assert source.count(r"\left(") == source.count(r"\right)")
    assert derivation.to_latex(standalone=True).isascii()
    assert derivation.to_markdown().count("$$") == 2 * len(equations)
    printed = str(derivation)
    assert max(map(len, printed.split("\n"))) <= 80
    for layer in model.layers:
        if layer.trainable_variables:
            assert f"{layer.name}:" in printed
    for equation in derivation.to_dict()["sections"][1]["equations"]:
        assert equation["equation"].split(" = ")[0] in printed


def test_what_cannot_be_derived_is_said() -> None:
    model = tinynn.Sequential([tinynn.Input((3,)), Dense(1)])
    with pytest.raises(ValueError, match=r"call model\.compile"):
        explain.derivation(model)
    model.add(layers.GroupNormalization(1))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="no equations for GroupNormalization yet"):
        explain.derivation(model)
    with pytest.raises(TypeError, match=r"expects a tinynn\.Sequential; got 3 of type int"):
        explain.derivation(3)
    gated = model_of([Dense(4, "glu"), Dense(2)], "mse")
    with pytest.raises(ValueError, match="no equations for glu yet"):
        explain.derivation(gated)
    small = model_of([Dense(2)], "mse")
    with pytest.raises(ValueError, match=r"x of shape \(batch, \.\.\.\) with 3 numbers a sample; got \(2, 4\)"):
        explain.derivation(small).evaluate(np.ones((2, 4)), np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"y of shape \(batch, 2\), for a batch of 5; got \(5, 3\)"):
        explain.derivation(small).evaluate(X, np.ones((5, 3)))
    classes, _ = MODELS["classes"]()
    with pytest.raises(ValueError, match=r"y of shape \(batch,\), the number of each sample's class.*got \(5, 2\)"):
        explain.derivation(classes).evaluate(X, HOT)
    with pytest.raises(ValueError, match="expects classes from 0 to 1; got 0 to 2"):
        explain.derivation(classes).evaluate(X, np.array([0, 1, 2, 0, 1]))

    class Own(tinynn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.only = Dense(1)

        def call(self, x: Any) -> Any:
            return self.only(x)

    own = Own()
    own.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"follows the layers of a Sequential model one after another; Own is none"):
        explain.derivation(own)
    unbuilt = tinynn.Sequential([Dense(1)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match="is built"):
        explain.derivation(unbuilt)
