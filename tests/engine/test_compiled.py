"""The compiled engine against the reference: random models trained by both from one seed, and everything seen of them.

How far apart two right runs may be follows from the model: the reference runs again from weights moved by an ulp, and its
distance to itself, times the steps and the roundings of a step, bounds the distance between the engines (`compare`). Where
a model is calm that bound is near 1e-13 in float64; a broken formula is off by far more than it.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinynn
from tinynn import layers, losses, ops, optimizers
from tinynn._typing import Array
from tinynn.engine import codes
from tinynn.engine import compiled as compiled_module

ROUNDINGS = 64.0
"""Of a step, each like an ulp of the weights: sums of some ten terms, functions good to 4 ulp, an optimizer's dozen."""

Outcome = dict[str, Array]


def slots_of(model: Any) -> Outcome:
    """By place: an optimizer's name counts up with every one made."""
    return {f"slot {i}": np.array(variable) for i, variable in enumerate(model.optimizer.variables)}


def counters_of(model: Any) -> Outcome:
    drawing = [layer for layer in model.layers if getattr(layer, "seed_generator", None) is not None]
    return {f"counter {i}": np.array(layer.seed_generator.state.value) for i, layer in enumerate(drawing)}


def state_of(model: Any) -> Outcome:
    """Weights, the optimizer's slots, how often dropout was drawn."""
    weights = {f"weight {i}": weight for i, weight in enumerate(model.get_weights())}
    return {**weights, **slots_of(model), **counters_of(model)}


def assert_same(found: Outcome, expected: Outcome) -> None:
    """Bit for bit."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.array_equal(found[name], value, equal_nan=True), f"{name}: {found[name]}, expected {value}"


def distance(one: Array, other: Array) -> float:
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.subtract(one, other, dtype=np.float64))
    return float(np.nanmax(np.where(np.asarray(one) == np.asarray(other), 0, apart), initial=0.0))


def compare(found: Outcome, expected: Outcome, nudged: list[Outcome], steps: int, dtype: str) -> None:
    """As near as a run whose every rounding went another way; whole numbers and places of NaN exactly."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        other = found[name]
        assert other.shape == value.shape, name
        assert other.dtype == value.dtype, name
        if value.dtype.kind != "f":
            assert np.array_equal(other, value), f"{name}: {other}, expected {value}"
            continue
        assert np.array_equal(np.isfinite(other), np.isfinite(value)), f"{name}: {other}, expected {value}"
        drift = max((distance(of[name], value) for of in nudged), default=0.0)
        largest = np.max(np.abs(value), initial=0.0, where=np.isfinite(value))
        grain = float(max(np.spacing(largest.astype(dtype)), np.finfo(dtype).smallest_normal))
        bound = ROUNDINGS * (steps * drift + grain)
        apart = distance(other, value)
        assert apart <= bound, f"{name} is off by {apart:.3g}, {apart / bound:.3g} times the bound: {other}, {value}"


# Random models ----------------------------------------------------------------------------------------------------------


def optimizer_of(draw: Any) -> Callable[[], Any]:
    rate = draw(st.sampled_from([0.1, 0.01, 0.001]))
    kind = draw(st.sampled_from(["SGD", "Adam", "RMSprop"]))
    options: dict[str, Any] = {"learning_rate": rate}
    if kind == "SGD":
        options["momentum"] = draw(st.sampled_from([0.0, 0.0, 0.9, 0.5]))
        options["nesterov"] = draw(st.booleans())
    elif kind == "Adam":
        options["amsgrad"] = draw(st.booleans())
        options["beta_1"], options["epsilon"] = (
            draw(st.sampled_from([0.9, 0.0, 0.5])),
            draw(st.sampled_from([1e-7, 1e-3])),
        )
    else:
        options["momentum"], options["centered"] = draw(st.sampled_from([0.0, 0.9])), draw(st.booleans())
        options["rho"], options["epsilon"] = draw(st.sampled_from([0.9, 0.5])), draw(st.sampled_from([1e-7, 1e-3]))
    return lambda: getattr(optimizers, kind)(**options)


MAPS: dict[str, dict[str, Any]] = {
    "BatchNormalization": {"epsilon": 0.1, "momentum": 0.8},
    "LayerNormalization": {"epsilon": 0.1},
    "PReLU": {},
    "GaussianNoise": {"stddev": 0.2},
    "AlphaDropout": {"rate": 0.3},
}


def hidden_of(draw: Any) -> list[tuple[str, dict[str, Any]]]:
    """Up to four layers before the head."""
    stack: list[tuple[str, dict[str, Any]]] = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["Dense", "Dense", "Dense", "Activation", "Dropout", "Flatten", *MAPS]))
        activation = draw(st.sampled_from(["linear", "relu", "tanh", "sigmoid", "softmax"]))
        if kind == "Dense":
            units = draw(st.integers(2 if activation == "softmax" else 1, 12))
            frozen = draw(st.integers(0, 4)) == 0
            bias = draw(st.integers(0, 3)) > 0
            options = {"units": units, "activation": activation, "use_bias": bias, "trainable": not frozen}
        elif kind == "Activation":  # softmax of one is a constant, which warns
            options = {"activation": "relu" if activation == "softmax" else activation}
        elif kind in MAPS:
            options = {**MAPS[kind], "trainable": draw(st.integers(0, 4)) > 0}
        else:
            options = {"rate": draw(st.sampled_from([0.0, 0.2, 0.5, 0.9]))} if kind == "Dropout" else {}
        stack.append((kind, options))
    return stack


class Setting:
    """A model, how it is compiled, and data for it."""

    def __init__(self, draw: Any, dtype: str) -> None:
        self.dtype, self.seed = dtype, draw(st.integers(0, 999))
        self.random = np.random.default_rng(self.seed)
        self.stack, self.optimizer = hidden_of(draw), optimizer_of(draw)
        self.n, self.fan_in, self.units = draw(st.integers(1, 11)), draw(st.integers(1, 8)), draw(st.integers(1, 5))
        self.batch_size = draw(st.sampled_from([1, 2, 3, self.n, self.n + 1]))
        self.shuffle, self.epochs = draw(st.sampled_from([False, True, "batch"])), draw(st.integers(1, 3))
        self.reduction = draw(st.sampled_from(["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"]))
        self.kind = draw(st.sampled_from(["sparse", "categorical", "binary", "squared", "absolute"]))
        self.weighted = draw(st.booleans())
        self.loss_weight = draw(st.sampled_from([None, None, 0.5]))
        self.smoothing = draw(st.sampled_from([0.0, 0.1]))
        self.from_logits, head = False, draw(st.integers(0, 2))
        if self.kind in ("sparse", "categorical"):
            self.units = max(self.units, 2)
            self.from_logits = head == 0
            # Cross-entropy from logits, from a softmax that is traced back, from probabilities that no softmax is behind.
            self.head = [[], ["softmax"], ["softmax", "relu"]][head]
        elif self.kind == "binary":
            self.from_logits = head == 0
            self.head = [[], ["sigmoid"], ["sigmoid", "relu"]][head]
        else:
            self.head = [[], ["tanh"], ["softmax"] if self.units > 1 else ["sigmoid"]][head]
        self.x, self.y = self._layout(draw, self._inputs(draw)), self._targets(draw)
        self.sample_weight = self.random.uniform(0, 2, self.n) if self.weighted else None
        self.metrics = self._metrics(draw)

    def _inputs(self, draw: Any) -> Array:
        kind = draw(st.sampled_from(["float32", "float64", "uint8", "int64", "bool", "int16", "float16"]))
        x = self.random.normal(0, 1, (self.n, self.fan_in))
        if kind == "bool":
            return x > 0
        return (np.abs(x * 3) if kind == "uint8" else x * 3 if "int" in kind else x).astype(kind)

    def _layout(self, draw: Any, x: Array) -> Array:
        layout = draw(st.sampled_from(["C", "F", "sliced", "backwards", "read-only"]))
        if layout == "F":
            return np.asfortranarray(x)
        if layout == "sliced":
            wide = np.zeros((2 * len(x), x.shape[1] + 3), x.dtype)
            wide[::2, 1 : x.shape[1] + 1] = x
            return wide[::2, 1 : x.shape[1] + 1]
        if layout == "backwards":
            return x[::-1].copy()[::-1]
        if layout == "read-only":
            x.flags.writeable = False
        return x

    def _targets(self, draw: Any) -> Array:
        if self.kind == "sparse":
            labels = self.random.integers(0, self.units, self.n).astype(
                draw(st.sampled_from(["int64", "uint8", "float64"]))
            )
            return labels[:, None] if draw(st.booleans()) else labels
        if self.kind == "categorical":
            one_hot = np.eye(self.units)[self.random.integers(0, self.units, self.n)]
            return one_hot.astype(draw(st.sampled_from(["float32", "float64", "uint8", "bool"])))
        if self.kind == "binary":
            y = (self.random.random((self.n, self.units)) < 0.5).astype(
                draw(st.sampled_from(["int64", "float32", "bool"]))
            )
        else:
            y = self.random.normal(0, 1, (self.n, self.units)).astype(draw(st.sampled_from(["float32", "float64"])))
        return y[:, 0] if self.units == 1 and draw(st.booleans()) else y

    def _metrics(self, draw: Any) -> list[str]:
        fitting = {
            "sparse": ["accuracy", "sparse_categorical_crossentropy"],
            "categorical": ["accuracy", "categorical_crossentropy", "mse"],
            "binary": ["accuracy", "binary_crossentropy", "mae"],
        }.get(self.kind, ["mse", "mae"])
        if self.y.ndim == 1 and "binary_crossentropy" in fitting:
            fitting.remove("binary_crossentropy")  # refuses such targets, as in Keras
        return draw(st.lists(st.sampled_from(fitting), max_size=2, unique=True))

    def loss(self) -> Any:
        kinds = {
            "sparse": losses.SparseCategoricalCrossentropy,
            "categorical": losses.CategoricalCrossentropy,
            "binary": losses.BinaryCrossentropy,
            "squared": losses.MeanSquaredError,
            "absolute": losses.MeanAbsoluteError,
        }
        options: dict[str, Any] = {"reduction": self.reduction}
        if self.kind in ("sparse", "categorical", "binary"):
            options["from_logits"] = self.from_logits
        if self.kind in ("categorical", "binary"):
            options["label_smoothing"] = self.smoothing
        return kinds[self.kind](**options)

    def model(self, jit_compile: Any, nudge: int | None = None) -> Any:
        tinynn.config.set_floatx(self.dtype)
        tinynn.backend.clear_session()
        tinynn.utils.set_random_seed(self.seed)
        stack = [getattr(layers, kind)(**options) for kind, options in self.stack]
        head = [layers.Dense(self.units), *(layers.Activation(name) for name in self.head)]
        model = tinynn.Sequential([tinynn.Input((self.fan_in,)), *stack, *head])
        model.compile(
            optimizer=self.optimizer(),
            loss=self.loss(),
            loss_weights=self.loss_weight,
            metrics=self.metrics,
            weighted_metrics=self.metrics[:1] if self.weighted else None,
            jit_compile=jit_compile,
        )
        if nudge is not None:
            way = np.random.default_rng(nudge)
            model.set_weights(
                [w + np.spacing(w) * way.choice([-1, 1], w.shape).astype(w.dtype) for w in model.get_weights()]
            )
        return model

    def outcome(self, jit_compile: Any, nudge: int | None = None) -> Outcome:
        model = self.model(jit_compile, nudge)
        history = model.fit(
            self.x,
            self.y,
            batch_size=self.batch_size,
            epochs=self.epochs,
            shuffle=self.shuffle,
            sample_weight=self.sample_weight,
            validation_data=(self.x, self.y) if self.weighted else None,
            verbose=0,
        )
        one = model.train_on_batch(self.x[:3], self.y[:3], return_dict=True)
        evaluated = model.evaluate(
            self.x, self.y, batch_size=4, sample_weight=self.sample_weight, return_dict=True, verbose=0
        )
        told = {f"history {name}": np.array(values) for name, values in history.history.items()}
        told |= {f"train_on_batch {name}": np.array(value) for name, value in one.items()}
        told |= {f"evaluate {name}": np.array(value) for name, value in evaluated.items()}
        predicted = model.predict(self.x, batch_size=self.batch_size, verbose=0)
        return {**told, **state_of(model), "predict": predicted, "on batch": model.predict_on_batch(self.x[:2])}

    def __repr__(self) -> str:
        told = {
            name: value
            for name, value in vars(self).items()
            if name not in ("x", "y", "random", "sample_weight", "optimizer")
        }
        optimizer = self.optimizer().get_config()
        return f"{told} {optimizer} x: {self.x.dtype} {self.x.flags.c_contiguous}, y: {self.y.dtype} {self.y.shape}"


@st.composite
def training_settings(draw: Any, dtype: str) -> Setting:
    return Setting(draw, dtype)


def check(setting: Setting) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a diverging model is as good as any
        expected = setting.outcome(jit_compile=False)
        nudged = [setting.outcome(False, nudge) for nudge in (1, 2)]
        found = setting.outcome(jit_compile=True)
    steps = int(expected["slot 0"])
    compare(found, expected, nudged, steps, setting.dtype)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(setting=training_settings("float64"))
def test_random_models_train_alike_in_float64(setting: Setting) -> None:
    check(setting)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(setting=training_settings("float32"))
def test_random_models_train_alike_in_float32(setting: Setting) -> None:
    check(setting)


@pytest.fixture
def team_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads even for small models."""
    monkeypatch.setattr(compiled_module, "LARGE", 0)
    monkeypatch.setenv("TINYNN_NUM_THREADS", "2")


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(setting=training_settings("float64"))
def test_random_models_train_alike_with_two_threads(setting: Setting) -> None:
    """Layers of one unit, of which a member of the team has none, among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_module, "LARGE", 0)
        patch.setenv("TINYNN_NUM_THREADS", "2")
        check(setting)


def test_calm_models_agree_to_a_billionth() -> None:
    """The derived bound, checked to be a small one where nothing amplifies: ten steps of a smooth model in float64."""
    x, y = xy()
    runs = []
    for jit_compile in (False, True):
        model = calm(jit_compile)
        model.fit(x, y, batch_size=8, epochs=5, verbose=0)
        runs.append(state_of(model))
    for name, value in runs[0].items():
        assert distance(runs[1][name], value) <= 1e-12, name


def test_the_comparison_rejects_a_run_with_another_learning_rate() -> None:
    x, y = xy()
    runs = []
    for rate in (0.05, 0.05 * 1.001):
        model = calm(True)
        model.optimizer.learning_rate = rate
        model.fit(x, y, batch_size=8, epochs=1, verbose=0)
        runs.append({f"weight {i}": weight for i, weight in enumerate(model.get_weights())})
    moved = {name: value + np.spacing(value) for name, value in runs[0].items()}
    with pytest.raises(AssertionError, match="off by"):
        compare(runs[1], runs[0], [moved], 2, "float64")


# One model, by hand -----------------------------------------------------------------------------------------------------


def xy(n: int = 16, fan_in: int = 6, classes: int = 3, dtype: str = "float64") -> tuple[Array, Array]:
    random = np.random.default_rng(5)
    return random.normal(0, 1, (n, fan_in)).astype(dtype), random.integers(0, classes, n)


def calm(jit_compile: Any = True, dtype: str = "float64", optimizer: Any = None, seed: int = 3, **options: Any) -> Any:
    """A smooth model with dropout: 6 -> 8 -> 3."""
    tinynn.config.set_floatx(dtype)
    tinynn.utils.set_random_seed(seed)
    stack = [tinynn.Input((6,)), layers.Dense(8, "tanh"), layers.Dropout(0.25), layers.Dense(3, "softmax")]
    model = tinynn.Sequential(stack)
    chosen = optimizer() if optimizer else optimizers.Adam(0.05)  # made here, for its learning rate is in floatx
    model.compile(chosen, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile, **options)
    return model


def assert_near(found: Outcome, expected: Outcome, bound: float = 1e-11) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert distance(found[name], value) <= bound, f"{name}: {found[name]}, expected {value}"


# Reproducibility --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_seed_gives_the_same_bits_again(dtype: str) -> None:
    x, y = xy(dtype=dtype)
    runs = []
    for _ in range(2):
        model = calm(dtype=dtype)
        model.fit(x, y, batch_size=5, epochs=3, verbose=0)
        runs.append({**state_of(model), "predict": model.predict(x, verbose=0)})
    assert_same(runs[1], runs[0])


def wide_model(dtype: str) -> Any:
    tinynn.config.set_floatx(dtype)
    tinynn.utils.set_random_seed(4)
    stack = [layers.Dense(97, "relu"), layers.Dropout(0.3), layers.Dense(61, "tanh"), layers.Dense(10, "softmax")]
    model = tinynn.Sequential([tinynn.Input((53,)), *stack])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=True)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_team_of_two_gives_the_same_bits_again_and_one_threads_to_rounding(
    dtype: str, team_of_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = xy(n=80, fan_in=53, classes=10, dtype=dtype)
    runs = []
    for threads in (2, 2, 1):
        monkeypatch.setenv("TINYNN_NUM_THREADS", str(threads))
        model = wide_model(dtype)
        model.fit(x, y, batch_size=32, epochs=2, verbose=0)
        teams = {session.team for session in model._compiled_engine._sessions.values()}
        assert teams == {threads}, "the test does not run what it says"
        runs.append({**state_of(model), "predict": model.predict(x, verbose=0)})
    two, again, one = runs
    assert_same(again, two)
    eps = np.finfo(dtype).eps
    # Six Adam steps of at most 0.001, each as exact as its gradient is against epsilon: a thousandth of a step at worst.
    assert_near(two, one, bound=6e-6 if dtype == "float32" else 1e7 * eps)


def test_switching_engines_midway_goes_on_with_the_same_training() -> None:
    x, y = xy()
    whole = calm(True)
    for _ in range(2):
        whole.fit(x, y, batch_size=5, epochs=1, shuffle=False, verbose=0)
    for first, then in ((True, False), (False, True)):
        model = calm(first)
        model.fit(x, y, batch_size=5, epochs=1, shuffle=False, verbose=0)
        model.jit_compile = then
        model.fit(x, y, batch_size=5, epochs=1, shuffle=False, verbose=0)
        assert_near(state_of(model), state_of(whole))


# What happens between calls ---------------------------------------------------------------------------------------------


def both(steps: Callable[[Any], None], **options: Any) -> Any:
    """The same done to a compiled and a reference model: the states agree. The compiled one."""
    models = [calm(jit_compile, **options) for jit_compile in (True, False)]
    for model in models:
        steps(model)
    assert_near(state_of(models[0]), state_of(models[1]))
    assert models[0].engine.startswith("compiled")
    return models[0]


def fit(model: Any, epochs: int = 1, **options: Any) -> None:
    x, y = xy()
    model.fit(x, y, **{"batch_size": 5, "epochs": epochs, "verbose": 0, **options})


def test_set_weights_between_fits() -> None:
    def steps(model: Any) -> None:
        fit(model)
        model.set_weights([0.5 * weight for weight in model.get_weights()])
        fit(model)
        model.layers[0].kernel.assign(np.full((6, 8), 0.1))
        fit(model)

    both(steps)


@pytest.mark.parametrize(
    "optimizer", [lambda: optimizers.SGD(0.1), lambda: optimizers.SGD(0.1, 0.9), optimizers.Adam, optimizers.RMSprop]
)
def test_assigned_learning_rates_count(optimizer: Any) -> None:
    def steps(model: Any) -> None:
        fit(model)
        model.optimizer.learning_rate = 0.002
        before = model.get_weights()
        fit(model)
        assert any(not np.array_equal(one, other) for one, other in zip(before, model.get_weights()))
        model.optimizer.learning_rate = 0.0
        before = model.get_weights()
        if type(model.optimizer) is optimizers.Adam or not getattr(model.optimizer, "momentum", 0.0):
            fit(model)
            assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights()))

    models = [calm(jit_compile, optimizer=optimizer) for jit_compile in (True, False)]
    for model in models:
        steps(model)
    assert_near(state_of(models[0]), state_of(models[1]))


def changed(optimizer: Any, **options: Any) -> None:
    for name, value in options.items():
        setattr(optimizer, name, value)


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "weight decay": (lambda: optimizers.AdamW(0.01, weight_decay=0.1), lambda o: changed(o, weight_decay=0.5)),
    "exclusions": (
        lambda: optimizers.AdamW(0.01, weight_decay=0.3),
        lambda o: o.exclude_from_weight_decay(var_names=["kernel"]),
    ),
    "momentum": (lambda: optimizers.SGD(0.1, momentum=0.9), lambda o: changed(o, momentum=0.2, nesterov=True)),
    "no momentum": (lambda: optimizers.SGD(0.1, momentum=0.9), lambda o: changed(o, momentum=0.0)),
    "clip": (lambda: optimizers.Adam(0.01), lambda o: changed(o, clipnorm=0.01)),
    "beta": (lambda: optimizers.Adam(0.01), lambda o: changed(o, beta_1=0.5, epsilon=0.1)),
    "group": (
        lambda: optimizers.SGD(0.1, gradient_accumulation_steps=2),
        lambda o: changed(o, gradient_accumulation_steps=3),
    ),
    "average": (lambda: optimizers.SGD(0.1, use_ema=True), lambda o: changed(o, ema_momentum=0.5, use_ema=True)),
    "schedule": (
        lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)),
        lambda o: changed(o, learning_rate=optimizers.schedules.ExponentialDecay(0.2, 5, 0.1)),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_optimizers_options_changed_between_fits_count(what: str) -> None:
    make, change = CHANGES[what]
    without = calm(True, optimizer=make)
    fit(without, epochs=2)

    def steps(model: Any) -> None:
        fit(model)
        change(model.optimizer)
        fit(model)

    model = both(steps, optimizer=make)
    same = zip(model.get_weights(), without.get_weights())
    assert not all(np.array_equal(one, other) for one, other in same), "the change did nothing"


def test_a_momentum_that_comes_later_has_no_slots_and_no_twin() -> None:
    model = calm(True, optimizer=lambda: optimizers.SGD(0.1))
    fit(model)
    model.optimizer.momentum = 0.9
    with pytest.raises(ValueError, match="momentum that was 0 when the optimizer was built"):
        fit(model)


def normalized(jit_compile: Any) -> Any:
    """Batch normalization, a normalization that is adapted and noise in one model."""
    tinynn.config.set_floatx("float64")
    tinynn.utils.set_random_seed(3)
    adapted = layers.Normalization()
    adapted.adapt(xy()[0])
    stack = [tinynn.Input((6,)), adapted, layers.Dense(8), layers.BatchNormalization(), layers.Activation("tanh")]
    model = tinynn.Sequential([*stack, layers.GaussianNoise(0.1), layers.Dense(3, "softmax")])
    model.compile(optimizers.Adam(0.05), "sparse_categorical_crossentropy", jit_compile=jit_compile)
    return model


def test_normalizations_frozen_thawed_and_adapted_anew_between_fits() -> None:
    x, _ = xy()
    models = [normalized(jit_compile) for jit_compile in (True, False)]
    for model in models:

        def compile_anew(model: Any = model) -> None:  # an optimizer belongs to the variables it was built for
            optimizer = optimizers.Adam(0.05)
            model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=model.jit_compile)

        batch, dense = model.layers[2], model.layers[1]
        fit(model)
        moving = batch.moving_mean.numpy()
        batch.trainable = False
        compile_anew()
        fit(model)
        assert np.array_equal(batch.moving_mean.numpy(), moving)
        batch.trainable, dense.trainable = True, False
        compile_anew()
        fit(model)
        assert not np.array_equal(batch.moving_mean.numpy(), moving)
        model.layers[0].adapt(3 * x + 1)
        fit(model)
        batch.moving_variance.assign(np.full(8, 2.0))
    assert_near(state_of(models[0]), state_of(models[1]))
    assert models[0].engine.startswith("compiled")
    y = np.arange(16) % 3
    found, expected = (
        {"predict": model.predict(x, batch_size=5, verbose=0), "loss": np.array(model.evaluate(x, y, verbose=0))}
        for model in models
    )
    assert_near(found, expected)


def test_a_learning_rate_schedule_by_callback() -> None:
    schedule = tinynn.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))
    both(lambda model: fit(model, epochs=3, callbacks=[schedule]))


def test_freezing_and_thawing_with_compile_in_between() -> None:
    def steps(model: Any) -> None:
        fit(model)
        model.layers[0].trainable = False
        model.compile(
            optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", jit_compile=model.jit_compile
        )
        kernel = model.layers[0].kernel.numpy()
        fit(model)
        assert np.array_equal(model.layers[0].kernel.numpy(), kernel)
        model.layers[0].trainable = True
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=model.jit_compile)
        fit(model)
        assert not np.array_equal(model.layers[0].kernel.numpy(), kernel)

    both(steps)


def test_layers_added_and_taken_off_between_fits() -> None:
    def steps(model: Any) -> None:
        fit(model)
        model.pop()
        model.add(layers.Dense(5, "relu", kernel_initializer="ones"))
        model.add(layers.Dense(3, "softmax", kernel_initializer="ones"))
        model.compile(optimizers.RMSprop(0.01), "sparse_categorical_crossentropy", jit_compile=model.jit_compile)
        fit(model, epochs=2)

    model = both(steps)
    assert [layer.units for layer in model.layers if isinstance(layer, layers.Dense)] == [8, 5, 3]


def test_another_batch_size_loss_or_kind_of_data_needs_no_new_model() -> None:
    x, y = xy()

    def steps(model: Any) -> None:
        for batch_size in (1, 2, 3, 4, 7, 16, 100):
            fit(model, batch_size=batch_size)
        model.fit((x * 10).astype(np.int32), y.astype(np.uint8), batch_size=4, verbose=0)
        model.fit(x.astype(np.float32), y[:, None], batch_size=4, verbose=0, sample_weight=np.arange(16))
        model.compile("sgd", "mse", metrics=["mae"], jit_compile=model.jit_compile)
        model.fit(x, np.eye(3)[y], batch_size=4, verbose=0)

    both(steps)


def test_two_models_that_share_a_layer() -> None:
    def outcome(jit_compile: bool) -> Outcome:
        tinynn.config.set_floatx("float64")
        tinynn.utils.set_random_seed(1)
        shared = layers.Dense(7, "tanh")
        heads = [tinynn.Sequential([tinynn.Input((6,)), shared, layers.Dense(3, "softmax")]) for _ in range(2)]
        for model in heads:
            model.compile(optimizers.Adam(0.05), "sparse_categorical_crossentropy", jit_compile=jit_compile)
        x, _ = xy()
        for model in [*heads, *heads]:
            fit(model)
        found = {}
        for i, model in enumerate(heads):
            found |= {f"{i} {name}": value for name, value in state_of(model).items() if not name.startswith("slot")}
            found[f"{i} predict"] = model.predict(x, verbose=0)
        assert np.array_equal(found["0 weight 0"], found["1 weight 0"])
        return found

    assert_near(outcome(True), outcome(False))


def test_two_threads_training_two_models_at_once_give_what_each_gives_alone() -> None:
    x, y = xy(n=200)

    def made() -> list[Any]:
        return [calm(optimizer=lambda: optimizers.SGD(0.1), seed=1), calm(seed=2)]

    def train(model: Any) -> None:
        model.fit(x, y, batch_size=4, epochs=10, shuffle=False, verbose=0)

    alone, together = made(), made()
    for model in alone:
        train(model)
    threads = [threading.Thread(target=train, args=(model,)) for model in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(together, alone):
        assert_same(
            {f"weight {i}": weight for i, weight in enumerate(one.get_weights())},
            {f"weight {i}": weight for i, weight in enumerate(other.get_weights())},
        )


def test_fewer_samples_than_a_batch_keep_a_team_within_its_buffers(team_of_two: None) -> None:
    """Buffers are made for the samples there are: places must not go by the batch size asked for."""
    x, y = xy()
    runs = []
    for batch_size in (16, 1_000_000):
        model = calm()
        model.fit(x, y, batch_size=batch_size, epochs=2, verbose=0)
        session = next(iter(model._compiled_engine._sessions.values()))
        assert session.team == 2
        assert session.job[codes.BATCH] <= len(x)
        runs.append({**state_of(model), "predict": model.predict(x, batch_size=batch_size, verbose=0)})
    assert_same(runs[1], runs[0])


# Slices and callbacks ---------------------------------------------------------------------------------------------------


class Batches(tinynn.callbacks.Callback):
    """Notes every batch, and what the model looked like after it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.losses: list[float] = []
        self.iterations: list[int] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.begun.append(batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ended.append(batch)
        self.losses.append(logs["loss"])
        self.iterations.append(int(self.model.optimizer.iterations.value))


def test_callbacks_that_want_every_batch_get_every_batch() -> None:
    notes = [Batches(), Batches()]
    models = [calm(jit_compile) for jit_compile in (True, False)]
    for model, note in zip(models, notes):
        fit(model, epochs=2, callbacks=[note])
    for note in notes:
        assert note.begun == note.ended == [0, 1, 2, 3, 0, 1, 2, 3]
        assert note.iterations == list(range(1, 9))
    assert np.allclose(notes[0].losses, notes[1].losses, rtol=1e-11, atol=0)
    silent = calm(True)
    fit(silent, epochs=2)
    assert_same(state_of(silent), state_of(models[0]))


def test_stop_training_in_the_middle_of_an_epoch() -> None:
    def steps(model: Any) -> None:
        def stop(batch: int, logs: Any) -> None:
            model.stop_training = batch == 1

        fit(model, epochs=5, callbacks=[tinynn.callbacks.LambdaCallback(on_train_batch_end=stop)])
        assert int(model.optimizer.iterations.value) == 2

    both(steps)


def test_a_run_interrupted_between_batches_leaves_a_usable_model() -> None:
    class Interrupt(tinynn.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                raise KeyboardInterrupt

    def steps(model: Any) -> None:
        with pytest.raises(KeyboardInterrupt):
            fit(model, callbacks=[Interrupt()])
        assert int(model.optimizer.iterations.value) == 3
        fit(model)

    model = both(steps)
    assert np.isfinite(model.predict(xy()[0], verbose=0)).all()


def test_slices_do_not_show_in_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch in stretches of one, two or all batches: the same bits."""
    runs = []
    for stride in (1, 2, 3, 1000):
        monkeypatch.setattr(compiled_module.CompiledEngine, "batches_in", lambda self, seconds, batch, n=stride: n)
        model = calm()
        x, y = xy()
        history = model.fit(x, y, batch_size=3, epochs=2, verbose=0, validation_split=0.25)
        told = {f"history {name}": np.array(values) for name, values in history.history.items()}
        runs.append({**state_of(model), **told, "predict": model.predict(x, batch_size=3, verbose=0)})
    for run in runs[1:]:
        assert_same(run, runs[0])


# Data -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "int64"])
def test_a_memory_mapped_file_is_read_in_place(kind: str, tmp_path: Path) -> None:
    x, y = xy()
    x = np.abs(x * 4).astype(kind)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy"]
    octets, _ = compiled_module._bytes_of(mapped[0])
    assert octets.ctypes.data == mapped[0].ctypes.data, "copied"
    models = [calm(), calm()]
    models[0].fit(*mapped, batch_size=5, epochs=2, verbose=0)
    models[1].fit(x, y, batch_size=5, epochs=2, verbose=0)
    assert_same(state_of(models[0]), state_of(models[1]))
    assert np.array_equal(mapped[0], x)


def test_data_of_the_other_byte_order() -> None:
    x, y = xy()
    models = [calm(), calm()]
    models[0].fit(x.astype(">f8"), y.astype(">i4"), batch_size=5, verbose=0)
    models[1].fit(x, y, batch_size=5, verbose=0)
    assert_same(state_of(models[0]), state_of(models[1]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "linear"])
def test_inputs_that_are_not_finite_do_as_in_the_reference(activation: str, wrong: float, dtype: str) -> None:
    """The same entries are not finite afterwards, and the warning says the same."""
    tinynn.config.set_floatx(dtype)
    x, y = xy(dtype=dtype)
    x[7, 2] = wrong
    seen = []
    for jit_compile in (True, False):
        tinynn.utils.set_random_seed(1)
        model = tinynn.Sequential([tinynn.Input((6,)), layers.Dense(4, activation), layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile)
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
            warnings.simplefilter("always")
            history = model.fit(x, y, batch_size=5, shuffle=False, verbose=0)
            predicted = model.predict(x, verbose=0)
        told = [str(w.message) for w in caught if "is nan" in str(w.message)]
        weights = [np.isfinite(weight) for weight in model.get_weights()]
        seen.append(
            (told, weights, np.isfinite(predicted), np.isnan(history.history["loss"]), history.history["accuracy"])
        )
    for one, other in zip(*seen):
        assert all(map(np.array_equal, one, other)) if isinstance(one, list) else np.array_equal(one, other)


# Which engine, and why --------------------------------------------------------------------------------------------------


class Doubled(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * 2.0


class OwnStep(tinynn.Sequential):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def own_activation(x: Any) -> Any:
    return ops.multiply(x, ops.sigmoid(x))


def own_loss(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


class OwnOptimizer(optimizers.SGD):
    pass


PARTS_WITHOUT_TWIN: dict[str, tuple[Callable[[], list[Any]], Any, Any, type, str]] = {
    "activation": (
        lambda: [layers.Dense(4, own_activation), layers.Dense(1)],
        "mse",
        "sgd",
        tinynn.Sequential,
        "own_activation",
    ),
    "layer": (
        lambda: [layers.Dense(4), Doubled(name="twice"), layers.Dense(1)],
        "mse",
        "sgd",
        tinynn.Sequential,
        "twice",
    ),
    "loss": (lambda: [layers.Dense(1)], own_loss, "sgd", tinynn.Sequential, "own_loss"),
    "optimizer": (lambda: [layers.Dense(1)], "mse", OwnOptimizer, tinynn.Sequential, "own_optimizer"),
    "step": (lambda: [layers.Dense(1)], "mse", "sgd", OwnStep, "train_step"),
    "dropout": (
        lambda: [layers.Dropout(0.5, noise_shape=(1, 6)), layers.Dense(1)],
        "mse",
        "sgd",
        tinynn.Sequential,
        "noise_shape",
    ),
}


@pytest.mark.parametrize("part", PARTS_WITHOUT_TWIN)
def test_a_part_without_a_twin_is_named_and_auto_falls_back(part: str) -> None:
    stack, loss, optimizer, kind, named = PARTS_WITHOUT_TWIN[part]
    x, y = xy(classes=2)

    def made(jit_compile: Any) -> Any:
        tinynn.utils.set_random_seed(1)
        tinynn.config.set_floatx("float64")
        model = kind([tinynn.Input((6,)), *stack()])
        chosen = optimizer if isinstance(optimizer, str) else optimizer(0.01)
        model.compile(chosen, loss, jit_compile=jit_compile)
        return model

    with pytest.raises(ValueError, match=f'(?s)jit_compile=True.*{named}.*"auto" falls back'):
        made(True).fit(x, y, verbose=0)
    fallen, reference = made("auto"), made(False)
    for model in (fallen, reference):
        model.fit(x, y, epochs=2, verbose=0)
    assert_same(state_of(fallen), state_of(reference))
    if part not in ("loss", "optimizer"):  # those are known once there are data
        assert fallen.engine.startswith("reference: no compiled twin for: ")
        assert named in fallen.engine


@pytest.mark.parametrize("activation", ["relu", "tanh", "hard_sigmoid"])
@pytest.mark.parametrize(
    ("loss", "units"),
    [
        ("BinaryCrossentropy", 1),
        ("BinaryFocalCrossentropy", 1),
        ("CategoricalCrossentropy", 3),
        ("CategoricalFocalCrossentropy", 3),
        ("SparseCategoricalCrossentropy", 3),
    ],
)
def test_logits_that_come_out_of_an_activation_are_those_that_count(loss: str, units: int, activation: str) -> None:
    """What the last layer gives is taken for logits, not what its activation is given."""
    x, numbers = xy(classes=3)
    y = numbers if loss.startswith("Sparse") else np.eye(3)[numbers][:, :units]
    seen = []
    for jit_compile in ("auto", False):
        tinynn.utils.set_random_seed(1)
        model = tinynn.Sequential([tinynn.Input((6,)), layers.Dense(units, activation)])
        model.compile("sgd", getattr(losses, loss)(from_logits=True), jit_compile=jit_compile)
        seen.append((model.evaluate(x, y, verbose=0), model.fit(x, y, verbose=0).history["loss"], model.get_weights()))
    assert seen[0][:2] == seen[1][:2]
    assert all(map(np.array_equal, seen[0][2], seen[1][2]))


def test_a_loss_without_a_reduction_has_no_twin() -> None:
    model = calm()
    model.compile("sgd", losses.SparseCategoricalCrossentropy(reduction="none"), jit_compile=True)
    with pytest.raises(ValueError, match="loss reduction 'none'"):
        fit(model)


def test_the_engine_says_which_it_is_and_why() -> None:
    assert calm("auto").engine == "compiled: every part has a compiled twin (float64)"
    assert calm(True, dtype="float32").engine == "compiled: every part has a compiled twin (float32)"
    assert calm(False).engine == "reference: asked for with jit_compile=False"
    assert calm("auto", run_eagerly=True).engine == "reference: asked for with run_eagerly=True"


def test_auto_takes_the_compiled_engine() -> None:
    """`jit_compile="auto"` gives the very bits of jit_compile=True, not the reference's."""
    models = [calm(jit_compile) for jit_compile in ("auto", True)]
    for model in models:
        fit(model, epochs=2)
    assert models[0]._compiled_engine is not None
    assert_same(state_of(models[0]), state_of(models[1]))
