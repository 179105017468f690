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


def stacks_of_layers() -> list[list[Any]]:
    """All layers; a few to a model, for Keras takes the square of their number of time to load them."""
    normalization = layers.Normalization()
    normalization.adapt(X)
    inner = tinynn.Sequential([layers.Dense(5, "relu"), layers.Dense(6)])
    stacks = [[normalization, *(make() for make in CHAIN), inner]]
    there = {type(layer).__name__ for layer in stacks[0]} | {"InputLayer", "Dense"}
    others = [TABLE["keras.layers"][name](**LAYER_ARGUMENTS.get(name, {})) for name in LAYER_NAMES if name not in there]
    for start in range(0, len(others), 8):
        stacks.append([part for layer in others[start : start + 8] for part in (layers.Dense(6), layer)])
    return stacks


def model_of_layers(number: int) -> Any:
    return tinynn.Sequential([tinynn.Input((6,)), *stacks_of_layers()[number], layers.Dense(4, "softmax")])


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


def arguments_of_the_rest() -> list[dict[str, Any]]:
    """Initializers, regularizers and constraints, one of each to a layer; kernels of one number are kept for biases."""
    constant, initializers = ("Zeros", "Ones", "Constant"), all_of("keras.initializers")
    made_ones = [
        [(f"{'bias' if type(one).__name__ in constant else 'kernel'}_initializer", one) for one in initializers],
        [("kernel_regularizer", one) for one in all_of("keras.regularizers")],
        [("kernel_constraint", one) for one in all_of("keras.constraints")],
    ]
    return [dict(kind[i] for kind in made_ones if i < len(kind)) for i in range(max(map(len, made_ones)))]


def model_of_the_rest(start: int) -> Any:
    stack = [layers.Dense(6, activation="tanh", **options) for options in arguments_of_the_rest()[start : start + 8]]
    between = [part for layer in stack for part in (layer, layers.LayerNormalization())]  # some kernels are small
    return tinynn.Sequential([tinynn.Input((6,)), *between, layers.Dense(4, "softmax")])


def small_model(seed: int) -> Any:
    tinynn.utils.set_random_seed(seed)
    return tinynn.Sequential([tinynn.Input((6,)), layers.Dense(5, "tanh"), layers.Dense(4, "softmax")])


def compiled(model: Any, optimizer: Any = "sgd", loss: Any = "categorical_crossentropy", **options: Any) -> Any:
    model.compile(optimizer, loss, run_eagerly=True, **options)
    return model


def cases() -> Iterator[tuple[str, Any]]:
    for number in range(len(stacks_of_layers())):
        yield (
            f"layers {number}",
            lambda number=number: compiled(model_of_layers(number), optimizers.SGD(0.01, momentum=0.9)),
        )
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
    for start in range(0, len(arguments_of_the_rest()), 8):
        yield (
            f"initializers, regularizers, constraints from {start}",
            lambda start=start: compiled(model_of_the_rest(start)),
        )
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


def another_epoch(theirs: Any, ours: Any, nudged: Any) -> None:
    """Keras's model and ours train on from one file, to the same weights: what a bit in the last place does is allowed."""
    nudged.set_weights([np.nextafter(w, w.dtype.type(9)) if w.dtype.kind == "f" else w for w in nudged.get_weights()])
    for run in (theirs, ours, nudged):
        run.run_eagerly = True  # .h5 forgets it, and graphs take Keras a second each
        quietly(functools.partial(run.fit, X, ONE_HOT, batch_size=4, verbose=0, shuffle=False))
    for his, mine, other in zip(theirs.get_weights(), ours.get_weights(), nudged.get_weights(), strict=True):
        np.testing.assert_allclose(his, mine, rtol=1e-5, atol=20 * np.abs(mine - other).max() + 1e-6)


NOT_IN_H5 = ("Adafactor", "Lamb")
"""Keras writes no .h5 file with the first, two of whose variables have one name, and opens none with the second."""


def test_all_there_is_stands_in_the_table() -> None:
    """And so here; the other modules of the table are their own lists of names."""
    public = {name for name in layers.__all__ if isinstance(vars(layers)[name], type)}
    assert {name for name in public if issubclass(vars(layers)[name], layers.Layer)} == {
        *LAYER_NAMES,
        "Layer",
        "Lambda",
    }
    tried = {type(layer).__name__ for stack in stacks_of_layers() for layer in stack}
    assert tried | {"InputLayer"} == {*LAYER_NAMES, "Sequential"}
    modules = (tinynn.losses, tinynn.metrics, tinynn.optimizers, optimizers.schedules)
    modules += (tinynn.initializers, tinynn.regularizers, tinynn.constraints)
    in_table = {kind for classes in TABLE.values() for kind in classes.values()}
    for module in modules:
        kinds = {kind for kind in (vars(module)[name] for name in module.__all__) if isinstance(kind, type)}
        for left_out in kinds - in_table:
            assert any(issubclass(kind, left_out) for kind in in_table), f"{left_out.__name__} cannot be in a file"


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
        kept = again
        if ending == ".h5":  # Keras itself forgets the slots of such a file; tinynn reads its own
            kept = tinynn.models.load_model(first)
        for mine, other in zip(model.optimizer.variables, kept.optimizer.variables, strict=True):
            np.testing.assert_array_equal(mine.value, other.value, err_msg=mine.path)
        runs = theirs, again, quietly(tinynn.models.load_model, second)
        if ending == ".h5":  # Keras has built the optimizer for no variables, and does not train on before compile
            for run in runs:
                quietly(run.compile_from_config, model.get_compile_config())
        another_epoch(*runs)
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
    """Each loss, with a share of the metrics, goes there and back, and both sides take a step: the same results and weights."""
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
    not_in_h5 = type(loss).__name__ == "CategoricalGeneralizedCrossEntropy"  # which Keras writes, and does not open
    for ending in [".keras"] if not_in_h5 else [".h5", ".keras"]:
        first, second = str(tmp_path / f"a{ending}"), str(tmp_path / f"b{ending}")
        quietly(model.save, first)
        theirs = quietly(keras.models.load_model, first)
        quietly(theirs.save, second)
        again = quietly(tinynn.models.load_model, second)
        assert same(again.get_compile_config(), model.get_compile_config()), (ending, names)
    expected = flat(again.train_on_batch(X, y))
    found = flat(quietly(lambda: theirs.train_on_batch(X, y)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=f"{loss} {names}")
    for his, mine in zip(theirs.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(his, mine, rtol=1e-5, atol=1e-6, err_msg=f"{loss}")


def flat(results: Any) -> Any:
    """Numbers, and those of metrics that give one for each class."""
    return np.concatenate([np.ravel(result) for result in np.atleast_1d(np.asarray(results, object))])


def same(one: Any, other: Any) -> bool:
    """Two descriptions, but for which engine runs: Keras writes what it chose, and in .h5 nothing."""
    aside = dict.fromkeys(("jit_compile", "run_eagerly"))
    return {**one, **aside} == {**other, **aside}
