"""Everything that tinynn has goes tinynn -> file -> Keras -> file -> tinynn, in each format that can hold it.

What there is comes from the table that files are read by, so that a class that is new there cannot be forgotten here: one
that needs arguments fails until it is given some below.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import activations, layers, losses, metrics, optimizers
from tinynn.saving.table import LAYER_NAMES, known_classes

pytestmark = pytest.mark.slow

X = np.random.RandomState(0).normal(size=(8, 6)).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[np.arange(8) % 4]
TABLE = known_classes()

ARGUMENTS: dict[str, dict[str, Any]] = {
    "ExponentialDecay": {"initial_learning_rate": 0.01, "decay_steps": 3, "decay_rate": 0.9},
    "InverseTimeDecay": {"initial_learning_rate": 0.01, "decay_steps": 3, "decay_rate": 0.9},
    "PolynomialDecay": {"initial_learning_rate": 0.01, "decay_steps": 3},
    "CosineDecay": {"initial_learning_rate": 0.01, "decay_steps": 9, "warmup_steps": 2, "warmup_target": 0.02},
    "CosineDecayRestarts": {"initial_learning_rate": 0.01, "first_decay_steps": 3},
    "PiecewiseConstantDecay": {"boundaries": [1, 3], "values": [0.01, 0.02, 0.005]},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "IoU": {"num_classes": 4, "target_class_ids": [0, 1]},
    "MeanIoU": {"num_classes": 4},
    "OneHotIoU": {"num_classes": 4, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 4},
    "MeanMetricWrapper": {"fn": metrics.mean_squared_error},
    "LossFunctionWrapper": {"fn": losses.mean_squared_error},
    "Orthogonal": {"seed": 1},
}
CHAIN: list[
    Any
] = [  # layers that change the shape, in an order in which they fit; the others stand after a Dense layer
    lambda: layers.Reshape((2, 3)),
    lambda: layers.Permute((2, 1)),
    lambda: layers.Flatten(),
    lambda: layers.RepeatVector(2),
    lambda: layers.GroupNormalization(groups=2),
    lambda: layers.Flatten(),
    lambda: layers.Dense(6),
]
LAYER_ARGUMENTS: dict[str, Any] = {
    "Activation": {"activation": "tanh"},
    "ActivityRegularization": {"l1": 1e-3, "l2": 1e-3},
    "AlphaDropout": {"rate": 0.2, "seed": 1},
    "Dropout": {"rate": 0.2, "seed": 2},
    "GaussianDropout": {"rate": 0.2, "seed": 3},
    "GaussianNoise": {"stddev": 0.1, "seed": 4},
    "Rescaling": {"scale": 0.5, "offset": 0.1},
}


def made(module: str, name: str) -> Any:
    return TABLE[module][name](**ARGUMENTS.get(name, {}))


def all_of(module: str) -> list[Any]:
    return [made(module, name) for name in TABLE[module]]


def model_of_layers() -> Any:
    normalization = layers.Normalization()
    normalization.adapt(X)
    inner = tinynn.Sequential([layers.Dense(5, "relu"), layers.Dense(6)])
    stack = [tinynn.Input((6,)), normalization, *(make() for make in CHAIN), inner]
    there = {type(layer).__name__ for layer in stack} | {"InputLayer", "Dense"}
    for name in LAYER_NAMES:
        if name not in there:
            stack += [layers.Dense(6), TABLE["keras.layers"][name](**LAYER_ARGUMENTS.get(name, {}))]
    model = tinynn.Sequential([*stack, layers.Dense(4, "softmax")])
    found = {type(layer).__name__ for layer in model._stack}
    assert set(LAYER_NAMES) <= found
    return model


def chains_of_activations() -> list[list[str]]:
    """All but threshold, which has two more arguments and so cannot be called by its name, glu, which halves its inputs (Keras
    takes no layer after it), and tanh_shrink, x - tanh(x), whose rounding a normalization behind it would blow up."""
    aside = ("get", "serialize", "deserialize", "threshold", "glu", "tanh_shrink")
    names = [name for name in activations.__all__ if name not in aside]
    return [names[start : start + 8] for start in range(0, len(names), 8)]


def model_of_activations(names: list[str]) -> Any:
    """Wide, and normalized in between: none of them is fed zeros alone."""
    stack = [part for name in names for part in (layers.Dense(24, activation=name), layers.LayerNormalization())]
    return tinynn.Sequential([tinynn.Input((6,)), *stack, layers.Dense(4, "softmax")])


def model_of_the_rest() -> Any:
    """Initializers, regularizers and constraints, one of each to a layer; kernels of one number are kept for biases."""
    constant, initializers = ("Zeros", "Ones", "Constant"), all_of("keras.initializers")
    made_ones = [
        [(f"{'bias' if type(one).__name__ in constant else 'kernel'}_initializer", one) for one in initializers],
        [("kernel_regularizer", one) for one in all_of("keras.regularizers")],
        [("kernel_constraint", one) for one in all_of("keras.constraints")],
    ]
    count = max(map(len, made_ones))
    stack = [
        layers.Dense(6, activation="tanh", **dict(kind[i] for kind in made_ones if i < len(kind))) for i in range(count)
    ]
    between = [part for layer in stack for part in (layer, layers.LayerNormalization())]  # some kernels are small
    return tinynn.Sequential([tinynn.Input((6,)), *between, layers.Dense(4, "softmax")])


def small_model(seed: int) -> Any:
    tinynn.utils.set_random_seed(seed)
    return tinynn.Sequential([tinynn.Input((6,)), layers.Dense(5, "tanh"), layers.Dense(4, "softmax")])


def compiled(model: Any, optimizer: Any = "sgd", loss: Any = "categorical_crossentropy", **options: Any) -> Any:
    model.compile(optimizer, loss, run_eagerly=True, **options)
    return model


def cases() -> Iterator[tuple[str, Any]]:
    yield "layers", lambda: compiled(model_of_layers(), optimizers.SGD(0.01, momentum=0.9))
    for names in chains_of_activations():
        yield " ".join(names), lambda names=names: compiled(model_of_activations(names))
    shrunk = [tinynn.Input((6,)), layers.Dense(24, "tanh_shrink"), layers.Dense(4, "softmax")]
    yield "tanh_shrink", lambda: compiled(tinynn.Sequential(shrunk))
    yield (
        "glu",
        lambda: compiled(
            tinynn.Sequential([tinynn.Input((6,)), layers.Dense(8, "glu")]), loss=losses.MeanSquaredError()
        ),
    )
    yield "initializers, regularizers, constraints", lambda: compiled(model_of_the_rest())
    rates = all_of("keras.optimizers.schedules")
    for i, (name, cls) in enumerate(TABLE["keras.optimizers"].items()):
        options = {"use_ema": True} if i % 2 else {"gradient_accumulation_steps": 2} if i % 3 else {"clipnorm": 1.0}
        rate = rates[i] if i < len(rates) else 0.01
        yield name, lambda cls=cls, rate=rate, options=options: compiled(small_model(1), cls(rate, **options))
    assert len(TABLE["keras.optimizers"]) >= len(rates)


def drift(function: Any, x: Any) -> float:
    """How far a change of the inputs by a bit in the last place carries: the rounding that two engines may differ by."""
    first, second = function(x), function(np.nextafter(x, np.float32(9)))
    return float(np.abs(first - second).max()) + 4 * float(np.finfo(np.float32).eps)


def quietly(function: Any, *args: Any) -> Any:
    """Keras warns of the seeds it has to draw and of .h5 files being old; of nothing that is wrong here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args)


NOT_IN_H5 = ("Adafactor", "Lamb")
"""Keras writes no .h5 file with the first, two of whose variables have one name, and opens none with the second."""


@pytest.mark.keras
@pytest.mark.parametrize(("name", "make"), list(cases()), ids=lambda value: value if isinstance(value, str) else "")
def test_there_and_back(keras: Any, tmp_path: Path, name: str, make: Any) -> None:
    tinynn.utils.set_random_seed(4)  # under which no model gives the same for all inputs, see below
    model = make()
    model.fit(X, ONE_HOT, batch_size=4, verbose=0, shuffle=False)
    before = model.predict_on_batch(X)
    bound = 8 * drift(model.predict_on_batch, X)
    assert np.ptp(before, axis=0).min() > 1e-3 > bound  # not the same for all inputs, and the bound tells
    formats = [".keras"] if name in NOT_IN_H5 else [".keras", ".h5"]
    for ending in formats:
        first, second = str(tmp_path / f"ours{ending}"), str(tmp_path / f"theirs{ending}")
        quietly(model.save, first)
        theirs = quietly(keras.models.load_model, first)
        pairs = [*zip(model.weights, theirs.weights, strict=True)]
        if ending == ".keras":
            pairs += zip(model.optimizer.variables, theirs.optimizer.variables, strict=True)
        for mine, his in pairs:
            np.testing.assert_array_equal(mine.value, np.asarray(his), err_msg=mine.path)
        np.testing.assert_allclose(np.asarray(theirs(X)), before, rtol=0, atol=bound)
        quietly(theirs.save, second)
        again = quietly(tinynn.models.load_model, second)
        for mine, other in zip(model.weights, again.weights, strict=True):
            np.testing.assert_array_equal(mine.value, other.value, err_msg=mine.path)
        np.testing.assert_allclose(again.predict_on_batch(X), before, rtol=0, atol=bound)  # .h5 forgets run_eagerly
        if ending == ".h5":  # Keras itself forgets the slots of such a file; tinynn reads its own
            again = tinynn.models.load_model(first)
        for mine, other in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
            np.testing.assert_array_equal(mine.value, other.value, err_msg=mine.path)
        if ending == ".keras" and not any("dropout" in part.name or "noise" in part.name for part in model.layers):
            nudged = tinynn.models.load_model(second)
            nudged.set_weights(
                [np.nextafter(w, w.dtype.type(9)) if w.dtype.kind == "f" else w for w in nudged.get_weights()]
            )
            for run in (theirs, again, nudged):
                quietly(functools.partial(run.fit, X, ONE_HOT, batch_size=4, verbose=0, shuffle=False))
            for his, mine, other in zip(theirs.get_weights(), again.get_weights(), nudged.get_weights()):
                change = 20 * np.abs(mine - other).max() + 1e-6
                np.testing.assert_allclose(his, mine, rtol=1e-5, atol=change)
    weights = str(tmp_path / "ours.weights.h5")
    model.save_weights(weights)
    theirs.set_weights([0 * w for w in theirs.get_weights()])
    quietly(theirs.load_weights, weights)
    for mine, his in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, his)
    blank = tinynn.models.clone_model(model)
    for ending in (".npz", ".safetensors", ".weights.h5"):
        model.save_weights(tmp_path / f"w{ending}")
        blank.set_weights([0 * w for w in blank.get_weights()])
        blank.load_weights(tmp_path / f"w{ending}")
        for mine, other in zip(model.get_weights(), blank.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other)


OF_CLASS_NUMBERS = {
    *("SparseCategoricalCrossentropy", "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy"),
    *("Circle", "CategoricalGeneralizedCrossEntropy"),
}
"""Losses and metrics; the others are given one-hot rows."""


@pytest.mark.keras
def test_losses_and_metrics(keras: Any, tmp_path: Path) -> None:
    """Each loss, with as many metrics as there are, is evaluated on both sides; then it goes back, and again is the same."""
    kinds = {**TABLE["keras.losses"], **TABLE["keras.src.losses.losses"]}
    for numbers in (True, False):
        names = [name for name in kinds if (name in OF_CLASS_NUMBERS) == numbers]
        measures = [
            name
            for name in TABLE["keras.metrics"]
            if (name in OF_CLASS_NUMBERS) == numbers and name not in OF_ONE_VALUE
        ]
        y = np.arange(8) % 4 if numbers else ONE_HOT
        for i, name in enumerate(names):
            there_and_back(keras, tmp_path, kinds[name](**ARGUMENTS.get(name, {})), measures[i :: len(names)], y)


OF_ONE_VALUE = {"Mean", "Sum"}
"""Metrics that take no pair of labels and predictions, so that compile can do nothing with them."""


@pytest.mark.keras
@pytest.mark.parametrize("name", sorted(OF_ONE_VALUE))
def test_metrics_of_one_value(keras: Any, name: str) -> None:
    described = metrics.serialize(made("keras.metrics", name))
    assert (
        metrics.deserialize(keras.metrics.serialize(keras.metrics.deserialize(described))).get_config()
        == described["config"]
    )


def there_and_back(keras: Any, tmp_path: Path, loss: Any, names: list[str], y: Any) -> None:
    model = compiled(small_model(2), loss=loss, metrics=[made("keras.metrics", name) for name in names])
    first, second = str(tmp_path / "a.keras"), str(tmp_path / "b.keras")
    model.save(first)
    theirs = quietly(keras.models.load_model, first)
    quietly(theirs.save, second)
    again = tinynn.models.load_model(second)
    assert same(again.get_compile_config(), model.get_compile_config()), names
    expected = flat(again.evaluate(X, y, verbose=0))
    found = flat(quietly(lambda: theirs.evaluate(X, y, verbose=0)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=f"{loss} {names}")


def flat(results: Any) -> Any:
    """Numbers, and those of metrics that give one for each class."""
    return np.concatenate([np.ravel(result) for result in np.atleast_1d(np.asarray(results, object))])


def same(one: Any, other: Any) -> bool:
    """Two descriptions, but for which engine runs: Keras writes what it chose."""
    return {**one, "jit_compile": None} == {**other, "jit_compile": None}
