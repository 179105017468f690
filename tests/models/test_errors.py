"""What a model says to bad input: what was expected, what came, how to mend it. And to what only looks bad: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import layers, losses, optimizers

X = np.random.default_rng(0).normal(size=(10, 3))
LABELS = np.arange(10) % 3
ONE_HOT = np.eye(3)[LABELS]
TARGETS = np.random.default_rng(1).normal(size=(10, 1))


def net(units: int = 1, activation: Any = None, loss: Any = "mse", optimizer: Any = "sgd", **settings: Any) -> Any:
    model = tinynn.Sequential([tinynn.Input((3,)), layers.Dense(units, activation=activation, name="last")], name="net")
    model.compile(optimizer, loss, **settings)
    return model


def classifier(loss: Any = "sparse_categorical_crossentropy", **settings: Any) -> Any:
    return net(3, "softmax", loss, **settings)


def raw() -> Any:
    return tinynn.Sequential([tinynn.Input((3,)), layers.Dense(1)])


def of_width(n: int, **settings: Any) -> Any:
    return tinynn.Sequential([tinynn.Input((n,)), layers.Dense(1)], **settings)


def fit(**settings: Any) -> Any:
    return net().fit(**{"x": X, "y": TARGETS, "verbose": 0, **settings})


class LikeAFrame:
    """What pandas gives: no array, but willing to become one."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)
        self.shape = self.values.shape

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values.astype(dtype or self.values.dtype)

    def __len__(self) -> int:
        return len(self.values)


Case = tuple[Callable[[], Any], type[Exception], str]

SHAPES_OF_DATA: dict[str, Case] = {
    "too narrow": (
        lambda: net().fit(X[:, :2], TARGETS),
        ValueError,
        r'Sequential "net" expects inputs of shape \(batch, 3\); got \(batch, 2\)\. Reshape the data, or build a model for its',
    ),
    "too narrow, predict": (lambda: net().predict(X[:, :2]), ValueError, r"shape \(batch, 3\); got \(batch, 2\)\."),
    "too narrow, evaluate": (lambda: net().evaluate(X[:, :2], TARGETS), ValueError, r"got \(batch, 2\)\."),
    "too narrow, called": (lambda: net()(X[:, :2]), ValueError, r"shape \(batch, 3\); got \(batch, 2\)\."),
    "too narrow, on a batch": (lambda: net().train_on_batch(X[:, :2], TARGETS), ValueError, r"got \(batch, 2\)\."),
    "one sample": (
        lambda: net().predict(X[0]),
        ValueError,
        r"got \(batch,\)\. One sample is x\[None, :\], one column x\[:, None\]\.",
    ),
    "images for a flat model": (
        lambda: of_width(784).predict(np.zeros((2, 28, 28))),
        ValueError,
        r"shape \(batch, 784\); got \(batch, 28, 28\)\. Flatten first: x\.reshape\(len\(x\), -1\), or a Flatten layer\.",
    ),
    "a layer on another width": (
        lambda: (lambda dense: (dense(np.ones((2, 3))), dense(np.ones((2, 4)))))(layers.Dense(2, name="d")),
        ValueError,
        r'Dense "d" expects inputs of shape \(batch, 3\); got \(2, 4\)\.',
    ),
    "a layer on a vector": (
        lambda: layers.Dense(2, name="d")(np.ones(3)),
        ValueError,
        r'Dense "d" expects inputs of shape \(batch, \.\.\., fan_in\) with a known fan_in; got \(3,\)\.',
    ),
    "validation data": (
        lambda: fit(validation_data=(X[:, :2], TARGETS)),
        ValueError,
        r"expects inputs of shape \(batch, 3\); got \(batch, 2\)\.",
    ),
    "unequal lengths": (
        lambda: fit(y=TARGETS[:4]),
        ValueError,
        r"Data cardinality is ambiguous\. Make sure all arrays contain the same number of samples\.\n'x' sizes: 10\n"
        r"'y' sizes: 4",
    ),
    "unequal lengths, weights": (lambda: fit(sample_weight=np.ones(9)), ValueError, r"'sample_weight' sizes: 9"),
    "unequal lengths, validation": (
        lambda: fit(validation_data=(X, TARGETS[:4])),
        ValueError,
        r"'x' sizes: 10\n'y' sizes: 4",
    ),
    "no samples": (
        lambda: fit(x=X[:0], y=TARGETS[:0]),
        ValueError,
        r"x has no samples: its shape is \(0, 3\)\. Expected at least one row\.",
    ),
    "no samples, predict": (lambda: net().predict(X[:0]), ValueError, r"x has no samples"),
    "no samples, evaluate": (lambda: net().evaluate(X[:0], TARGETS[:0]), ValueError, r"x has no samples"),
    "no samples, on a batch": (lambda: net().train_on_batch(X[:0], TARGETS[:0]), ValueError, r"x has no samples"),
    "a single number": (
        lambda: net().predict(3.0),
        ValueError,
        r"axis of samples, \(samples, \.\.\.\); got the single value 3\.0",
    ),
    "ragged rows": (
        lambda: fit(x=[[1, 2, 3], [1, 2]]),
        ValueError,
        r"x must be an array of numbers with rows of equal length",
    ),
    "too many parts": (
        lambda: fit(validation_data=(X, TARGETS, None, None)),
        ValueError,
        r"`\(x, y\)`, or `\(x, y, sample_weight\)`; got 4 parts\.",
    ),
}

KINDS_OF_DATA: dict[str, Case] = {
    "strings": (
        lambda: fit(x=np.array([["red", "green", "blue"]] * 10)),
        ValueError,
        r"x must hold numbers; got an array of dtype <U5 with values such as .*red.*\. Encode text and categories as numbers",
    ),
    "string labels": (
        lambda: classifier().fit(X, np.array(["a"] * 10)),
        ValueError,
        r"y must hold numbers; got .* dtype <U1",
    ),
    "objects": (
        lambda: fit(x=np.array([[1, 2, "three"]] * 10, dtype=object)),
        ValueError,
        r"x must hold numbers; got objects such as 1\. Encode categories as numbers first\.",
    ),
    "dates": (
        lambda: fit(x=np.array(["2020-01-01"] * 10, dtype="M8[D]")),
        ValueError,
        r"x must hold numbers; got .*datetime64",
    ),
    "complex numbers": (lambda: fit(x=X + 1j), ValueError, r"x must hold numbers; got an array of dtype complex128"),
    "strings, called": (lambda: net()([["a", "b", "c"]]), ValueError, r"expects numbers; got an array of dtype <U1"),
    "no targets": (
        lambda: fit(y=None),
        ValueError,
        r"The loss needs targets y; got None\. Pass fit\(x, y\) or evaluate\(x, y\)\.",
    ),
    "no targets, evaluate": (lambda: net().evaluate(X), ValueError, r"The loss needs targets y; got None\."),
    "no targets, on a batch": (lambda: net().test_on_batch(X), ValueError, r"The loss needs targets y; got None\."),
    "no targets to validate on": (
        lambda: fit(validation_data=(X,)),
        ValueError,
        r"The loss needs targets y; got None\.",
    ),
    "no loss": (
        lambda: net(loss=None).fit(X, TARGETS),
        ValueError,
        r"No loss to compute\. Provide a `loss` argument in `compile",
    ),
    "no loss, evaluate": (lambda: net(loss=None).evaluate(X, TARGETS), ValueError, r"No loss to compute\."),
}

LABELS_AND_LOSSES: dict[str, Case] = {
    "too high": (
        lambda: classifier().fit(X, LABELS + 1),
        ValueError,
        r"labels in 0\.\.2, because the last layer has 3 units; got a label 3\. Number the classes from 0, or give the last "
        r"layer 4 units\.",
    ),
    "below zero": (
        lambda: classifier().fit(X, LABELS - 1),
        ValueError,
        r"labels in 0\.\.2, because the last layer has 3 units; got a label -1\. Number the classes from 0\.$",
    ),
    "too high for one unit": (
        lambda: net(1, "sigmoid", "sparse_categorical_crossentropy").fit(X, LABELS),
        ValueError,
        r"labels in 0\.\.0, because the last layer has 1 unit; got a label 2\. .*give the last layer 3 units",
    ),
    "too high, evaluate": (lambda: classifier().evaluate(X, LABELS + 1), ValueError, r"got a label 3"),
    "too high, validation": (
        lambda: classifier().fit(X, LABELS, validation_data=(X, LABELS + 1)),
        ValueError,
        r"got a label 3",
    ),
    "too high, on a batch": (lambda: classifier().train_on_batch(X, LABELS + 1), ValueError, r"got a label 3"),
    "NaN": (lambda: classifier().fit(X, np.where(LABELS == 1, np.nan, LABELS)), ValueError, r"got a label nan"),
    "one-hot for class numbers": (
        lambda: classifier().fit(X, ONE_HOT),
        ValueError,
        r"expects class numbers of shape \(samples,\); got shape \(10, 3\)\. One-hot labels go with categorical_crossentropy\.",
    ),
    "class numbers for one-hot": (
        lambda: classifier("categorical_crossentropy").fit(X, LABELS),
        ValueError,
        r"same shape; got \(\d+,\) and \(\d+, 3\)\. Class numbers go with sparse_categorical_crossentropy\.",
    ),
    "a column of class numbers for one-hot": (
        lambda: classifier("categorical_crossentropy").fit(X, LABELS[:, None]),
        ValueError,
        r"same shape; got \(\d+, 1\) and \(\d+, 3\)\. Class numbers go with sparse_categorical_crossentropy\.",
    ),
    "one-hot for one unit": (
        lambda: net(1, "sigmoid", "binary_crossentropy").fit(X, ONE_HOT),
        ValueError,
        r"binary_crossentropy expects y_true and y_pred of the same shape; got \(\d+, 3\) and \(\d+, 1\)\.",
    ),
}

NAMES: dict[str, Case] = {
    "activation": (
        lambda: layers.Dense(1, activation="rellu"),
        ValueError,
        r'Unknown activation "rellu"\. Did you mean "relu"\? Known: .*relu, relu6, selu, sigmoid',
    ),
    "activation, case": (lambda: layers.Dense(1, activation="ReLU"), ValueError, r'Did you mean "relu"\?'),
    "activation layer": (lambda: layers.Activation("softmaks"), ValueError, r'Did you mean "softmax"\?'),
    "activation, number": (
        lambda: layers.Dense(1, activation=3),
        ValueError,
        r"An activation is a name, a function, .* or None; got 3\.",
    ),
    "initializer": (
        lambda: layers.Dense(1, kernel_initializer="glorot"),
        ValueError,
        r'Unknown initializer "glorot"\. Did you mean',
    ),
    "loss": (lambda: net(loss="mean_sqared_error"), ValueError, r'Unknown loss .*Did you mean "mean_squared_error"\?'),
    "loss, by shape": (lambda: net(loss="crossentrpy"), ValueError, r'Did you mean "crossentropy"\?'),
    "loss, number": (lambda: net(loss=5), ValueError, r"A loss is a name, a Loss, .* or None; got 5 "),
    "two losses": (
        lambda: net(loss=["mse", "mae"]),
        ValueError,
        r"This model has one output, so loss must be one; got 2",
    ),
    "optimizer": (lambda: net(optimizer="adamm"), ValueError, r'Unknown optimizer "adamm"\. Did you mean "adam"\?'),
    "optimizer, number": (
        lambda: net(optimizer=0.1),
        ValueError,
        r"An optimizer is a name, an Optimizer, .* or None; got 0\.1 ",
    ),
    "metric": (lambda: net(metrics=["acuracy"]), ValueError, r'Unknown metric "acuracy"\. Did you mean "accuracy"\?'),
    "metrics without a list": (lambda: net(metrics="mae"), ValueError, r"Put it into a list: metrics=\['mae'\]\."),
    "layer name": (
        lambda: layers.Dense(1, name="a/b"),
        ValueError,
        r"Argument `name` must be a string and cannot contain character `/`\. Received: name=a/b",
    ),
    "layer name, number": (
        lambda: layers.Dense(1, name=3),
        ValueError,
        r"`name` must be a string .*name=3 \(of type <class 'int'>",
    ),
    "same name twice": (
        lambda: tinynn.Sequential([layers.Dense(1, name="a"), layers.Dense(1, name="a")]),
        ValueError,
        r"should have unique names\. Name 'a' is already the name of a layer in this model\.",
    ),
}

ARGUMENTS: dict[str, Case] = {
    "batch": (
        lambda: fit(batch=32),
        TypeError,
        r'fit has no argument "batch"\. Did you mean "batch_size"\? Its arguments: ',
    ),
    "batchsize": (
        lambda: fit(batchsize=32),
        TypeError,
        r'fit has no argument "batchsize"\. Did you mean "batch_size"\?',
    ),
    "nb_epoch": (lambda: fit(nb_epoch=3), TypeError, r'Did you mean "epochs"\?'),
    "Epochs": (lambda: fit(Epochs=3), TypeError, r'Did you mean "epochs"\?'),
    "validationsplit": (lambda: fit(validationsplit=0.1), TypeError, r'Did you mean "validation_split"\?'),
    "predict, batch": (
        lambda: net().predict(X, batch=3),
        TypeError,
        r'predict has no argument "batch"\. Did you mean "batch_size"',
    ),
    "evaluate, batch": (
        lambda: net().evaluate(X, TARGETS, batch=3),
        ValueError,
        r'evaluate has no argument "batch"\. Did you',
    ),
    "compile, metric": (
        lambda: net(metric=["mae"]),
        TypeError,
        r'compile has no argument "metric"\. Did you mean "metrics"\?',
    ),
    "Dense, unit": (
        lambda: layers.Dense(1, unit=3),
        ValueError,
        r"passed to Dense: \{'unit': 3\}\. Did you mean \"units\"\?",
    ),
    "Dense, actvation": (lambda: layers.Dense(1, actvation="relu"), ValueError, r'Did you mean "activation"\?'),
    "Dropout, nothing like it": (lambda: layers.Dropout(0.1, foo=1), ValueError, r"passed to Dropout: \{'foo': 1\}"),
    "learning_rat": (lambda: optimizers.Adam(learning_rat=0.1), ValueError, r'Did you mean "learning_rate"\?'),
    "learning rate, string": (
        lambda: optimizers.Adam("0.1"),
        ValueError,
        r"Adam expects learning_rate to be a number, such as 0\.001, .*; got '0\.1'\.",
    ),
    "learning rate, None": (
        lambda: optimizers.Adam(None),
        ValueError,
        r"expects learning_rate to be a number.*got None",
    ),
    "momentum": (
        lambda: optimizers.SGD(momentum=1.5),
        ValueError,
        r"momentum must be a number in \[0, 1\]; got 1\.5\.",
    ),
    "beta_1": (lambda: optimizers.Adam(beta_1=-0.1), ValueError, r"beta_1 must be a number in \[0, 1\]; got -0\.1\."),
    "rho": (lambda: optimizers.RMSprop(rho="a"), ValueError, r"rho must be a number in \[0, 1\]; got 'a'\."),
    "label smoothing": (lambda: losses.CategoricalCrossentropy(label_smoothing=2), ValueError, r"in \[0, 1\]; got 2\."),
    "steps_per_epoch": (
        lambda: fit(steps_per_epoch=1.5),
        ValueError,
        r"fit expects steps_per_epoch to be a positive integer; got 1\.5\.",
    ),
    "both weights": (
        lambda: classifier().fit(X, LABELS, class_weight={0: 1.0}, sample_weight=np.ones(10)),
        ValueError,
        r"You cannot `class_weight` and `sample_weight` at the same time\.",
    ),
    "class_weight, list": (
        lambda: classifier().fit(X, LABELS, class_weight=[1, 2, 3]),
        ValueError,
        r"class_weight must be a dict from class number to weight; got \[1, 2, 3\]\.",
    ),
    "class_weight, name": (
        lambda: classifier().fit(X, LABELS, class_weight="balanced"),
        ValueError,
        r"got 'balanced'\.",
    ),
    "class_weight, string key": (
        lambda: classifier().fit(X, LABELS, class_weight={"1": 2.0}),
        ValueError,
        r"got the key '1'\.",
    ),
    "jit_compile of what has no twin": (
        lambda: net(loss=lambda y_true, y_pred: (y_true - y_pred) ** 2, jit_compile=True).fit(X, TARGETS),
        ValueError,
        r'jit_compile=True, but there is no compiled twin for: loss .*"auto" falls back',
    ),
}

NUMBERS: dict[str, Case] = {
    "units 0": (lambda: layers.Dense(0), ValueError, r"Dense expects units to be a positive integer; got 0\."),
    "units -3": (lambda: layers.Dense(-3), ValueError, r"positive integer; got -3\."),
    "units 1.5": (lambda: layers.Dense(1.5), ValueError, r"positive integer; got 1\.5\."),
    "units True": (lambda: layers.Dense(True), ValueError, r"positive integer; got True\."),
    "units '3'": (lambda: layers.Dense("3"), ValueError, r"positive integer; got '3'\."),
    "rate 1.5": (lambda: layers.Dropout(1.5), ValueError, r"Dropout expects a rate between 0 and 1; got 1\.5\."),
    "rate -1": (lambda: layers.Dropout(-1), ValueError, r"between 0 and 1; got -1\."),
    "Input of -3": (
        lambda: tinynn.Input((-3,)),
        ValueError,
        r"Input expects a shape of positive whole numbers .*got \(-3,\)\.",
    ),
    "Input of 0": (lambda: tinynn.Input((0,)), ValueError, r"positive whole numbers"),
    "Input of 2.5": (lambda: tinynn.Input((2.5,)), ValueError, r"positive whole numbers .*got \(2\.5,\)\."),
    "Input of '3'": (lambda: tinynn.Input("3"), ValueError, r"positive whole numbers .*got \('3',\)\."),
    "Input of nothing": (lambda: tinynn.Input(), ValueError, r"Input expects shape=\(\.\.\.\) of one sample"),
    "Input of any width": (
        lambda: tinynn.Sequential([tinynn.Input((None,)), layers.Dense(1, name="d")]),
        ValueError,
        r'Dense "d" expects inputs .* with a known fan_in; got \(None, None\)\.',
    ),
    "batch_size 0": (lambda: fit(batch_size=0), ValueError, r"expects batch_size to be a positive integer; got 0\."),
    "batch_size -1": (lambda: fit(batch_size=-1), ValueError, r"positive integer; got -1\."),
    "batch_size 2.5": (lambda: fit(batch_size=2.5), ValueError, r"positive integer; got 2\.5\."),
    "batch_size 'a'": (lambda: fit(batch_size="a"), ValueError, r"positive integer; got 'a'\."),
    "epochs 2.0": (lambda: fit(epochs=2.0), TypeError, r"'float' object cannot be interpreted as an integer"),
    "validation_split 1": (
        lambda: fit(validation_split=1.0),
        ValueError,
        r"validation_split must be a number between 0 and 1; got 1",
    ),
    "validation_split 1.5": (lambda: fit(validation_split=1.5), ValueError, r"validation_split must be .*; got 1\.5\."),
    "validation_split -0.5": (
        lambda: fit(validation_split=-0.5),
        ValueError,
        r"validation_split must be .*; got -0\.5\.",
    ),
    "validation_split too small": (
        lambda: fit(x=X[:1], y=TARGETS[:1], validation_split=0.5),
        ValueError,
        r"Training data contains 1 samples, which is not sufficient to split it .*`validation_split=0\.5`\.",
    ),
    "validation_freq": (
        lambda: fit(validation_data=(X, TARGETS), validation_freq="a"),
        ValueError,
        r"validation_freq=a",
    ),
    "floatx": (
        lambda: tinynn.config.set_floatx("float16"),
        ValueError,
        r'set_floatx expects "float32" or "float64"; got \'float16\'',
    ),
}

ORDER: dict[str, Case] = {
    "fit before compile": (
        lambda: raw().fit(X, TARGETS),
        ValueError,
        r"You must call `compile\(\)` before using `fit\(\)`: model\.comp",
    ),
    "evaluate before compile": (lambda: raw().evaluate(X, TARGETS), ValueError, r"before using `evaluate\(\)`"),
    "train_on_batch before compile": (
        lambda: raw().train_on_batch(X, TARGETS),
        ValueError,
        r"before using `train_on_batch\(\)`",
    ),
    "count before build": (
        lambda: layers.Dense(1).count_params(),
        ValueError,
        r"layer 'dense\w*', but the layer isn't built\.",
    ),
    "shape before build": (
        lambda: tinynn.Sequential([layers.Dense(1)]).output_shape,
        AttributeError,
        r"no defined output shape yet",
    ),
    "pop of nothing": (lambda: tinynn.Sequential().pop(), IndexError, r"has no layer to take off\."),
    "build of nothing": (
        lambda: tinynn.Sequential().build((None, 3)),
        ValueError,
        r"no layers\. Call `model\.add\(layer\)`\.",
    ),
    "build for another shape": (
        lambda: net().build((None, 4)),
        ValueError,
        r"already been configured to use input shape \(None, 3\)\. You cannot build it with input_shape \(None, 4\)",
    ),
    "a second Input": (
        lambda: net().add(tinynn.Input((3,))),
        ValueError,
        r"You cannot add a different Input layer to it\.",
    ),
    "an Input too late": (
        lambda: tinynn.Sequential([layers.Dense(1, name="d"), tinynn.Input((3,))]),
        ValueError,
        r"takes its Input first, before d\.",
    ),
    "a class for a layer": (
        lambda: net().add(layers.Dense),
        ValueError,
        r"Only instances of .*Make one first: Dense\(\.\.\.\)\.",
    ),
    "a number for a layer": (
        lambda: tinynn.Sequential([3]),
        ValueError,
        r"can be added to a Sequential model\. Received: 3",
    ),
    "a layer on an Input": (
        lambda: layers.Dense(1)(tinynn.Input((3,))),
        NotImplementedError,
        r"functional API.*tinynn\.Sequential",
    ),
    "an optimizer of another model": (
        lambda: (
            lambda sgd: (net(optimizer=sgd).fit(X, TARGETS, verbose=0), net(optimizer=sgd).fit(X, TARGETS, verbose=0))
        )(optimizers.SGD(0.1)),
        ValueError,
        r"Unknown variable: .*This optimizer was built for other variables; make a new optimizer",
    ),
    "a model without super().__init__()": (
        lambda: type("Mine", (tinynn.Model,), {"__init__": lambda self: setattr(self, "d", layers.Dense(1))})(),
        RuntimeError,
        r"forgot to call `super\(\)\.__init__\(\)`",
    ),
}

ALL = {
    f"{group}: {name}": case
    for group, cases in {
        "shapes": SHAPES_OF_DATA,
        "kinds": KINDS_OF_DATA,
        "labels": LABELS_AND_LOSSES,
        "names": NAMES,
        "arguments": ARGUMENTS,
        "numbers": NUMBERS,
        "order": ORDER,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize("case", ALL)
def test_errors_say_what_was_expected_what_came_and_how_to_mend_it(case: str) -> None:
    call, kind, text = ALL[case]
    with pytest.raises(kind, match=text) as caught:
        call()
    assert caught.type is kind


@pytest.mark.parametrize("case", [name for name in ALL if name.split(":")[0] in ("shapes", "kinds", "labels")])
def test_bad_data_is_found_before_anything_changes(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, steps and slots are as before, and the model trains on good data as if nothing had happened."""
    made: list[Any] = []
    compile_ = tinynn.Sequential.compile

    def remembering(self: Any, *arguments: Any, **settings: Any) -> None:
        compile_(self, *arguments, **settings)
        made.append((self, self.get_weights()))

    monkeypatch.setattr(tinynn.Sequential, "compile", remembering)
    call, kind, _ = ALL[case]
    with pytest.raises(kind):
        call()
    for model, before in made:
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
        assert model.optimizer.iterations.numpy() == 0


# What is no mistake ----------------------------------------------------------------------------------------------------


def weights_after(x: Any, y: Any, loss: str = "mse", **settings: Any) -> list[Any]:
    tinynn.backend.clear_session()
    tinynn.utils.set_random_seed(1)
    model = classifier() if loss == "sparse_categorical_crossentropy" else net(loss=loss)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, **settings)
    return model.get_weights()  # type: ignore[no-any-return]


def assert_equal_weights(one: list[Any], other: list[Any]) -> None:
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X.tolist(), TARGETS.tolist()),
        ([X], [TARGETS]),
        (LikeAFrame(X), LikeAFrame(TARGETS)),
        (X.astype(object), TARGETS.astype(object)),
        (np.asfortranarray(X), TARGETS[:, 0]),
        (X.astype(np.float32), TARGETS.astype(np.float32)),
        (X[::-1][::-1], TARGETS[::-1][::-1]),
        (np.repeat(X, 2, axis=0)[::2], TARGETS),
    ],
    ids=["lists", "lists of one", "frames", "objects", "columns", "float32", "views", "strides"],
)
def test_data_may_come_in_any_dress(x: Any, y: Any) -> None:
    assert_equal_weights(weights_after(x, y), weights_after(X, TARGETS))


@pytest.mark.parametrize(
    "labels", [LABELS.astype(kind) for kind in ("int8", "uint8", "int64", "float32", "float64")] + [LABELS[:, None]]
)
def test_class_numbers_may_come_in_any_dress(labels: Any) -> None:
    found, expected = (weights_after(X, y, "sparse_categorical_crossentropy") for y in (labels, LABELS))
    assert_equal_weights(found, expected)


def test_integers_and_truth_values_are_numbers() -> None:
    assert_equal_weights(weights_after(X > 0, TARGETS > 0), weights_after((X > 0) * 1.0, (TARGETS > 0) * 1.0))
    whole = (X * 10).astype(np.int16)
    assert_equal_weights(weights_after(whole, TARGETS), weights_after(whole.astype(np.float64), TARGETS))


def test_one_column_may_come_as_a_vector() -> None:
    model = of_width(1)
    model.compile("sgd", "mse")
    model.fit(X[:, 0], TARGETS[:, 0], verbose=0)
    assert model.predict(X[:, 0], verbose=0).shape == (10, 1)


def test_numpy_numbers_are_numbers() -> None:
    model = tinynn.Sequential(
        [tinynn.Input((np.int64(3),)), layers.Dense(np.int64(1)), layers.Dropout(np.float32(0.0))]
    )
    model.compile(optimizers.SGD(np.float32(0.1), momentum=np.float64(0.5)), "mse", loss_weights=np.float64(2.0))
    history = model.fit(
        X,
        TARGETS,
        batch_size=np.int64(8),
        epochs=np.int64(2),
        verbose=np.int64(0),
        validation_split=np.float64(0.2),
        initial_epoch=np.int32(0),
    )
    assert history.epoch == [0, 1]
    classifier().fit(X, LABELS, class_weight={np.int64(0): np.float32(2.0)}, verbose=0)


def test_whole_numbers_are_welcome_where_keras_wants_a_float() -> None:
    net(optimizer=optimizers.SGD(1, momentum=0), loss_weights=2).fit(X / 10, TARGETS, verbose=0)


@pytest.mark.parametrize("batch_size", [10, 11, 10**9, None])
def test_batches_may_be_larger_than_the_data(batch_size: Any) -> None:
    model = net()
    model.fit(X, TARGETS, batch_size=batch_size, verbose=0)
    assert model.optimizer.iterations.numpy() == 1


@pytest.mark.parametrize(("epochs", "initial_epoch"), [(0, 0), (-1, 0), (2, 2), (2, 5)])
def test_no_epochs_are_no_training(epochs: int, initial_epoch: int) -> None:
    model = net()
    history = model.fit(X, TARGETS, epochs=epochs, initial_epoch=initial_epoch, verbose=0)
    assert (history.history, history.epoch) == ({}, [])
    assert model.optimizer.iterations.numpy() == 0


@pytest.mark.parametrize("validation_split", [0, 0.0, None])
def test_no_validation_split_is_no_validation(validation_split: Any) -> None:
    assert list(fit(validation_split=validation_split).history) == ["loss"]


@pytest.mark.parametrize("where", ["x", "y", "sample_weight", "validation"])
def test_nan_is_warned_of_once_and_training_goes_on(where: str) -> None:
    x, y, weight = X.copy(), TARGETS.copy(), np.ones(10)
    settings: dict[str, Any] = {"x": x, "y": y, "sample_weight": weight}
    place = "x[7, 1]"
    if where == "validation":
        bad = X.copy()
        bad[7, 1] = np.nan
        settings["validation_data"] = (bad, y)
    else:
        array = settings[where]
        place = {"x": "x[7, 1]", "y": "y[7, 0]", "sample_weight": "sample_weight[7]"}[where]
        array[(7, 1) if where == "x" else (7, 0) if where == "y" else (7,)] = np.nan
    name = "val_loss" if where == "validation" else "loss"
    with pytest.warns(RuntimeWarning) as heard:
        history = fit(epochs=3, **settings)
    assert [str(warning.message) for warning in heard] == [
        f"{name} is nan at epoch 1. The data holds a value that is not finite: {place} is nan."
    ]
    assert np.isnan(history.history[name]).all()
    assert history.epoch == [0, 1, 2]


def test_nan_from_a_learning_rate_is_told_from_nan_in_the_data() -> None:
    model = net(optimizer=optimizers.SGD(1e30))
    with (
        np.errstate(all="ignore"),
        pytest.warns(RuntimeWarning, match=r"The data has no NaN or infinity; a smaller learning rate"),
    ):
        model.fit(X, TARGETS, epochs=4, verbose=0)


def test_infinity_in_the_data_is_found_too() -> None:
    x = X.copy()
    x[2, 0] = np.inf
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match=r"x\[2, 0\] is inf\."):
        fit(x=x, epochs=2)


def test_a_softmax_over_one_unit_warns() -> None:
    with pytest.warns(
        UserWarning,
        match=r"You are using a softmax over axis -1 of a tensor of shape \(None, 1\)\. .*a sigmoid instead",
    ):
        tinynn.Sequential([tinynn.Input((3,)), layers.Dense(1, activation="softmax")])


def test_decay_is_ignored_with_a_warning_as_in_keras() -> None:
    with pytest.warns(UserWarning, match=r"Argument `decay` is no longer supported and will be ignored\."):
        optimizers.SGD(0.1, decay=1e-4)
