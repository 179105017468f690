"""Every activation, loss, metric, optimizer and option that has a twin: the compiled engine trains as the reference does.

Both are right to rounding, so how far apart they may be is measured: by a reference run from weights moved by 8 ulp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinynn
from tinynn import activations, config, constraints, layers, losses, metrics, optimizers, regularizers
from tinynn.engine import layer_twins, machine, plan, twins
from tinynn.engine.units import Unit
from tinynn.optimizers import schedules

pytestmark = pytest.mark.slow

MOVED = 8.0
"""Ulp by which the weights of the other reference runs are off: a dozen roundings of a step, taken together."""

N = 23
rng = np.random.default_rng(0)
X, SHARES, WEIGHTS = rng.normal(size=(N, 5)), rng.random((N, 3)) + 0.2, rng.random(N) + 0.1
LABELS, YES_NO = rng.integers(0, 3, N), rng.integers(0, 2, (N, 1))
ONE_HOT = np.eye(3)[LABELS]
YES_3, CLASSES = rng.integers(0, 2, (N, 3)), rng.permutation(np.arange(N) // 2)


class Case(NamedTuple):
    """What is trained on what."""

    stack: Callable[[], list[Any]]
    y: Any = SHARES
    loss: Any = "mse"
    optimizer: Callable[[], Any] = lambda: optimizers.SGD(0.05)
    metrics: Callable[[], Any] = lambda: None
    weighted_metrics: Callable[[], Any] = lambda: None
    sample_weight: Any = None


def stack(inner: Any = "tanh", last: Any = None, units: int = 3, **settings: Any) -> Callable[[], list[Any]]:
    return lambda: [
        layers.Dense(7, activation=inner, **settings),
        layers.Dense(6, activation="tanh"),
        layers.Dense(units, activation=last, **settings),
    ]


def with_layer(make: Callable[[], Any]) -> Callable[[], list[Any]]:
    return lambda: [layers.Dense(4), make(), layers.Dense(3), layers.Softmax()]


def with_unit_length() -> list[Any]:
    return [layers.Dense(4, "tanh"), layers.Dense(3), layers.UnitNormalization()]


LOSSES = ("mse", "mae", "msle", "huber", "log_cosh", "kl_divergence", "poisson", "cosine_similarity", "mape")
COUNTERS: dict[str, Callable[[], list[Any]]] = {
    "precision and recall": lambda: [metrics.Precision(), metrics.Recall()],
    "thresholds": lambda: [metrics.Precision(thresholds=[0.2, 0.5, 0.7])],
    "areas": lambda: [metrics.AUC(name="roc"), metrics.AUC(curve="PR", num_thresholds=11, name="pr")],
    "counts": lambda: [metrics.TruePositives(), metrics.FalseNegatives(0.3), metrics.FalsePositives()],
    "points": lambda: [metrics.SensitivityAtSpecificity(0.5), metrics.PrecisionAtRecall(0.4)],
    "root": lambda: [metrics.RootMeanSquaredError()],
}
STEPS = {
    "AdamW": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "AdamW but biases": lambda: without_biases(optimizers.AdamW(0.01, weight_decay=0.1)),
    "Adadelta": lambda: optimizers.Adadelta(0.5),
    "Adagrad": lambda: optimizers.Adagrad(0.05),
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Nadam": lambda: optimizers.Nadam(0.01),
    "Lion": lambda: optimizers.Lion(0.003),
    "Ftrl": lambda: optimizers.Ftrl(0.05, l1_regularization_strength=0.01),
    "Lamb": lambda: optimizers.Lamb(0.01, weight_decay=0.1),
    "Adafactor": lambda: optimizers.Adafactor(0.05),
    "Adafactor, accumulating": lambda: optimizers.Adafactor(0.05, gradient_accumulation_steps=2, clipnorm=0.5),
    "ScheduleFreeAdamW": lambda: optimizers.ScheduleFreeAdamW(0.02, warmup_steps=3),
    "ScheduleFreeAdamW, decaying": lambda: optimizers.ScheduleFreeAdamW(
        schedules.ExponentialDecay(0.05, 3, 0.5), beta_1=0.5, weight_decay=0.1, gradient_accumulation_steps=2
    ),
    "Muon": lambda: optimizers.Muon(0.02),
    "Muon, all": lambda: optimizers.Muon(
        0.05,
        weight_decay=0.2,
        adam_weight_decay=None,
        exclude_layers=["dense_1"],
        adam_lr_ratio=0.3,
        momentum=0.6,
        ns_steps=2,
        nesterov=False,
        rms_rate=None,
        gradient_accumulation_steps=2,
    ),
    "clipnorm": lambda: optimizers.SGD(0.1, clipnorm=0.05),
    "global_clipnorm": lambda: optimizers.Adam(0.01, global_clipnorm=0.1),
    "clipvalue": lambda: optimizers.SGD(0.1, momentum=0.9, clipvalue=0.01),
    "decaying rate": lambda: optimizers.Adam(schedules.ExponentialDecay(0.05, 3, 0.5)),
    "cosine and decay": lambda: optimizers.SGD(schedules.CosineDecay(0.1, 6), weight_decay=0.01),
    "accumulating": lambda: optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=2),
    "accumulating and more": lambda: optimizers.Adam(
        schedules.ExponentialDecay(0.02, 2, 0.9), gradient_accumulation_steps=4, clipnorm=0.1, weight_decay=0.1
    ),
    "Nadam, accumulating": lambda: optimizers.Nadam(0.01, gradient_accumulation_steps=2),
    "averaging": lambda: optimizers.Adam(0.02, use_ema=True, ema_momentum=0.7),
    "averaging, overwriting": lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "averaging and accumulating": lambda: optimizers.RMSprop(
        0.01, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3, gradient_accumulation_steps=2
    ),
    "Nadam, decaying": lambda: optimizers.Nadam(schedules.InverseTimeDecay(0.01, 2, 0.5)),
}
ACTIVATION_LAYERS: dict[str, Callable[[], Any]] = {
    "LeakyReLU": layers.LeakyReLU,
    "ReLU": lambda: layers.ReLU(6.0, 0.1, 0.2),
    "ReLU with a slope": lambda: layers.ReLU(negative_slope=0.3),
    "ELU": lambda: layers.ELU(0.7),
    "Softmax": layers.Softmax,
}


MAPS: dict[str, Callable[[], Any]] = {
    "BatchNormalization": layers.BatchNormalization,
    "BatchNormalization, quick": lambda: layers.BatchNormalization(momentum=0.5, epsilon=0.1),
    "BatchNormalization alone": lambda: layers.BatchNormalization(center=False, scale=False),
    "BatchNormalization, a penalty": lambda: layers.BatchNormalization(
        gamma_regularizer="l2", beta_constraint="non_neg"
    ),
    "BatchNormalization, frozen": lambda: layers.BatchNormalization(trainable=False, moving_mean_initializer="ones"),
    "LayerNormalization": layers.LayerNormalization,
    "LayerNormalization alone": lambda: layers.LayerNormalization(axis=[1], center=False, scale=False),
    "LayerNormalization, frozen": lambda: layers.LayerNormalization(trainable=False),
    "RMSNormalization": layers.RMSNormalization,
    "UnitNormalization": layers.UnitNormalization,
    "PReLU": lambda: layers.PReLU(alpha_initializer=tinynn.initializers.Constant(0.2)),
    "PReLU, one slope": lambda: layers.PReLU(shared_axes=[1]),
    "Rescaling": lambda: layers.Rescaling(0.3, -0.1),
    "Normalization": lambda: layers.Normalization(mean=0.2, variance=2.0, axis=None),
    "Normalization back": lambda: layers.Normalization(mean=0.2, variance=2.0, axis=None, invert=True),
    "GaussianNoise": lambda: layers.GaussianNoise(0.3, seed=5),
    "GaussianNoise of nothing": lambda: layers.GaussianNoise(0),
    "GaussianDropout": lambda: layers.GaussianDropout(0.3, seed=5),
    "AlphaDropout": lambda: layers.AlphaDropout(0.3, seed=5),
    "Identity": layers.Identity,
}
"""Layers in the place of an affine map. Between two others, and first and last."""

CONSTRAINTS = {
    "MaxNorm": lambda: constraints.MaxNorm(0.7),
    "MaxNorm of rows": lambda: constraints.MaxNorm(0.7, axis=1),
    "MinMaxNorm": lambda: constraints.MinMaxNorm(0.5, 0.8, 0.7),
    "UnitNorm": constraints.UnitNorm,
    "UnitNorm of all": lambda: constraints.UnitNorm(axis=[0, 1]),
    "NonNeg": constraints.NonNeg,
}


def among(make: Callable[[], Any]) -> Callable[[], list[Any]]:
    return lambda: [layers.Dense(6), make(), layers.Activation("tanh"), layers.Dropout(0.2, seed=2), layers.Dense(3)]


def around(make: Callable[[], Any]) -> Callable[[], list[Any]]:
    return lambda: [make(), layers.Dense(6, "tanh"), layers.Dense(3), make()]


def turned() -> list[Any]:
    return [layers.Permute((2, 1)), layers.Flatten()]


def without_biases(optimizer: Any) -> Any:
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


CASES: dict[str, Case] = {
    **{f"{f.__name__} within": Case(stack(f)) for f in twins.ACTIVATIONS},
    **{f"{f.__name__} at the end": Case(stack(last=f), metrics=lambda: ["mae"]) for f in twins.ACTIVATIONS},
    **{
        f"layer {name}": Case(with_layer(make), ONE_HOT, "categorical_crossentropy")
        for name, make in ACTIVATION_LAYERS.items()
    },
    **{f"loss {name}": Case(stack(last="sigmoid"), loss=name, sample_weight=WEIGHTS) for name in LOSSES},
    **{
        f"loss {name}": Case(stack(last="sigmoid"), ONE_HOT, name)
        for name in ("hinge", "squared_hinge", "categorical_hinge")
    },
    "loss binary focal": Case(stack(), YES_3, lambda: losses.BinaryFocalCrossentropy(), sample_weight=WEIGHTS),
    "loss binary focal, logits": Case(
        stack(),
        YES_3,
        lambda: losses.BinaryFocalCrossentropy(True, 0.3, 1.5, from_logits=True, label_smoothing=0.1),
    ),
    "loss binary focal after sigmoid": Case(stack(last="sigmoid"), YES_3, "binary_focal_crossentropy"),
    "loss binary focal of shares": Case(
        stack(last="hard_sigmoid"), YES_3, lambda: losses.BinaryFocalCrossentropy(True, label_smoothing=0.2)
    ),
    "loss categorical focal": Case(
        stack(last="softmax"), ONE_HOT, "categorical_focal_crossentropy", sample_weight=WEIGHTS
    ),
    "loss categorical focal, others": Case(
        stack(last="softmax"), ONE_HOT, lambda: losses.CategoricalFocalCrossentropy(0.4, 1.0, label_smoothing=0.1)
    ),
    "loss generalized": Case(
        stack(last="softmax"), LABELS, lambda: losses.CategoricalGeneralizedCrossEntropy(0.7), sample_weight=WEIGHTS
    ),
    "loss dice": Case(stack(last="sigmoid"), YES_3, "dice"),
    "loss Dice of samples": Case(stack(last="sigmoid"), YES_3, lambda: losses.Dice(axis=-1), sample_weight=WEIGHTS),
    "loss tversky": Case(stack(last="sigmoid"), YES_3, lambda: losses.Tversky(0.3, 0.6)),
    "loss Tversky of samples": Case(stack(last="sigmoid"), YES_3, lambda: losses.Tversky(axis=(1,), reduction="sum")),
    "loss circle": Case(with_unit_length, LABELS, lambda: losses.Circle(gamma=2.0), sample_weight=WEIGHTS),
    "loss circle, sum": Case(
        with_unit_length, CLASSES, lambda: losses.Circle(3.0, 0.3, remove_diagonal=False, reduction="sum")
    ),
    "loss circle, some without a partner": Case(with_unit_length, CLASSES, lambda: losses.Circle(gamma=2.0)),
    "loss Huber(0.2)": Case(stack(), loss=lambda: losses.Huber(delta=0.2)),
    **{f"optimizer {name}": Case(stack(), optimizer=make) for name, make in STEPS.items()},
    **{
        f"penalty {name}": Case(
            stack(kernel_regularizer=penalty, bias_regularizer="l2"), metrics=lambda: ["mae"], sample_weight=WEIGHTS
        )
        for name, penalty in {"l1": "l1", "l2": "l2", "both": regularizers.L1L2(0.01, 0.02)}.items()
    },
    **{f"layer {name} within": Case(among(make)) for name, make in MAPS.items()},
    **{f"layer {name} outside": Case(around(make)) for name, make in MAPS.items()},
    "layer GroupNormalization": Case(among(lambda: layers.GroupNormalization(3))),
    "layer GroupNormalization alone": Case(among(lambda: layers.GroupNormalization(2, center=False, scale=False))),
    "layer BatchNormalization of rows": Case(
        lambda: [
            layers.Dense(6),
            layers.Reshape((3, 2)),
            layers.BatchNormalization(),
            layers.LayerNormalization(axis=[1, 2]),
            layers.PReLU(shared_axes=[1]),
            layers.Normalization(mean=[0.1, 0.2], variance=[1.0, 2.0]),
            layers.Rescaling(np.array([[0.5], [2.0], [1.5]])),
            layers.Flatten(),
            layers.Dense(3),
        ]
    ),
    "layer Permute": Case(
        lambda: [
            layers.Dense(6, "tanh"),
            layers.Reshape((1, 2, 3)),
            layers.Permute((3, 1, 2)),
            layers.PReLU(shared_axes=[1], alpha_initializer=tinynn.initializers.Constant(0.2)),
            layers.Dropout(0.2, seed=2),
            layers.Permute((2, 3, 1)),
            layers.Flatten(),
            layers.Dense(3),
        ]
    ),
    "layer Permute first and last": Case(
        lambda: [layers.RepeatVector(3), *turned(), layers.Dense(6), layers.Reshape((2, 3)), *turned()],
        np.hstack([SHARES, ONE_HOT]),
    ),
    "layer RepeatVector": Case(
        lambda: [
            layers.Dense(4, "tanh"),
            layers.RepeatVector(3),
            layers.Dropout(0.2, seed=2),
            layers.LayerNormalization(axis=[1, 2]),
            layers.Flatten(),
            layers.Dense(3),
        ]
    ),
    "layer RepeatVector first and last": Case(
        lambda: [layers.RepeatVector(2), layers.Flatten(), layers.Dense(1), layers.RepeatVector(3), layers.Flatten()]
    ),
    "layer RepeatVector, once": Case(lambda: [layers.Dense(3), layers.RepeatVector(1), layers.Flatten()]),
    "glu": Case(
        lambda: [
            layers.Dense(8, "glu", activity_regularizer="l2"),
            layers.Dropout(0.2, seed=2),
            layers.Dense(6),
            layers.Activation("tanh"),
            layers.Activation("glu"),
            layers.Activation("relu"),
            layers.Dense(6, "glu"),
        ]
    ),
    "glu of many parameters": Case(
        lambda: [layers.Dense(300, "glu"), layers.Dense(300, "glu"), layers.Dense(300, "tanh"), layers.Dense(3)],
        optimizer=lambda: optimizers.SGD(0.01, momentum=0.5),
    ),
    "layer Dropout at the end": Case(lambda: [layers.Dense(3), layers.Dropout(0.3, seed=2)]),
    "many parameters": Case(
        lambda: [
            layers.Dense(300),
            layers.BatchNormalization(),
            layers.Dense(250, "tanh"),
            layers.PReLU(),
            layers.Dense(3),
        ],
        optimizer=lambda: optimizers.SGD(0.01, momentum=0.5),
    ),
    "many parameters, plain": Case(
        lambda: [layers.Dense(300, "tanh"), layers.LayerNormalization(), layers.Dense(250, "tanh"), layers.Dense(3)],
        optimizer=lambda: optimizers.SGD(0.01),
    ),
    **{
        f"constraint {name}": Case(
            stack(kernel_constraint=make(), bias_constraint="non_neg"),
            optimizer=lambda: optimizers.SGD(0.1, momentum=0.5, use_ema=True, ema_overwrite_frequency=2),
        )
        for name, make in CONSTRAINTS.items()
    },
    "penalty orthogonal": Case(
        stack(kernel_regularizer=regularizers.OrthogonalRegularizer(0.1)), metrics=lambda: ["mae"]
    ),
    "penalty orthogonal, by columns": Case(
        stack(kernel_regularizer=regularizers.OrthogonalRegularizer(0.1, mode="columns")), metrics=lambda: ["mae"]
    ),
    "penalty on outputs": Case(
        lambda: [
            layers.Dense(6, "tanh", activity_regularizer="l1"),
            layers.ActivityRegularization(0.01, 0.02),
            layers.ReLU(),
            layers.Dense(3, activity_regularizer=regularizers.L2(0.1)),
        ]
    ),
    "penalty and clip": Case(stack(kernel_regularizer="l2"), optimizer=lambda: optimizers.Adam(0.01, clipnorm=1.0)),
    **{
        f"metrics {name}": Case(stack(last="sigmoid", units=1), YES_NO, "binary_crossentropy", metrics=make)
        for name, make in COUNTERS.items()
    },
    **{
        f"weighted metrics {name}": Case(
            stack(last="sigmoid", units=1),
            YES_NO,
            "binary_crossentropy",
            weighted_metrics=make,
            sample_weight=WEIGHTS,
        )
        for name, make in COUNTERS.items()
    },
    "top k of class numbers": Case(
        stack(last="softmax"),
        LABELS,
        "sparse_categorical_crossentropy",
        metrics=lambda: ["accuracy", metrics.SparseTopKCategoricalAccuracy(2)],
    ),
    "top k of one-hot rows": Case(
        stack(last="softmax"),
        ONE_HOT,
        "categorical_crossentropy",
        metrics=lambda: [metrics.TopKCategoricalAccuracy(2), "categorical_crossentropy"],
    ),
    "a softmax and nothing more": Case(
        lambda: [*stack(last="softmax")(), layers.Activation("linear")], LABELS, "sparse_categorical_crossentropy"
    ),
}


@pytest.fixture(autouse=True)
def precision() -> Iterator[None]:
    before = config.floatx()
    yield
    config.set_floatx(before)


def outcome(case: Case, compiled: bool, moved: float = 0.0) -> list[Any]:
    tinynn.utils.set_random_seed(3)
    tinynn.backend.clear_session()
    model = tinynn.Sequential([tinynn.Input((5,)), *case.stack()])
    sign = np.random.default_rng(1)
    if moved:
        model.set_weights(
            [w * (1 + moved * np.finfo(w.dtype).eps * sign.choice([-1, 1], w.shape)) for w in model.get_weights()]
        )
    measured = {"metrics": case.metrics(), "weighted_metrics": case.weighted_metrics()}
    loss = case.loss() if callable(case.loss) else case.loss
    model.compile(case.optimizer(), loss, **measured, jit_compile=compiled)
    history = model.fit(
        X, case.y, batch_size=8, epochs=3, verbose=0, validation_data=(X, case.y), sample_weight=case.sample_weight
    )
    state = [variable.numpy() for variable in model.optimizer.variables]
    drawn = [layer.seed_generator.state.numpy() for layer in model.layers if hasattr(layer, "seed_generator")]
    return [*history.history.values(), *model.get_weights(), *state, *drawn, model.predict(X, verbose=0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_compiled_training_is_the_references(name: str, dtype: str) -> None:
    config.set_floatx(dtype)
    case, eps = CASES[name], np.finfo(dtype).eps
    found, expected = outcome(case, compiled=True), outcome(case, compiled=False)
    others = [outcome(case, compiled=False, moved=moved) for moved in (MOVED, -MOVED)]
    assert len(found) == len(expected)
    for ours, theirs, *moved in zip(found, expected, *others):
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        drift = max(np.abs(np.asarray(other, np.float64) - theirs).max(initial=0) for other in moved)
        allowed = 2 * drift + MOVED * eps * np.maximum(1, np.abs(theirs)).max(initial=1)
        assert np.abs(ours - theirs).max(initial=0) <= allowed


def test_a_wrong_twin_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The derivative of tanh in the place of relu's."""
    wrong = twins.ACTIVATIONS[activations.relu]._replace(backward=twins.ACTIVATIONS[activations.tanh].backward)  # type: ignore[union-attr]
    monkeypatch.setitem(twins.ACTIVATIONS, activations.relu, wrong)
    with pytest.raises(AssertionError):
        test_compiled_training_is_the_references("relu within", "float64")


def test_statistics_of_a_batch_taken_for_constants_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The derivative of a frozen batch normalization in the place of the one whose mean and variance move."""
    frozen = Unit("tinynn.engine.maps", "batch_normalization_frozen_backward")

    def wrong(layer: Any) -> Any:
        found = layer_twins.map_of(layer)
        return found and found._replace(backward=frozen)

    monkeypatch.setattr(plan, "map_of", wrong)
    with pytest.raises(AssertionError):
        test_compiled_training_is_the_references("layer BatchNormalization within", "float64")


def test_all_units_are_those_that_models_use() -> None:
    """So that compiling them together leaves nothing to be compiled later."""
    known = set(twins.all_units()) | {machine.LOOP}
    used = {unit for _, unit in machine._ready}
    assert used - known == set()
