"""Each diagnosis is made where its illness was put, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynn
from tests.explain.networks import two_three_two
from tinynn import explain, initializers, layers

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 4)), RNG.normal(size=(64, 1))


def diagnosed(*stack: Any, x: Any = X, y: Any = Y) -> explain.Diagnosis:
    tinynn.config.set_floatx("float32")
    tinynn.backend.clear_session()
    tinynn.utils.set_random_seed(1)
    model = tinynn.Sequential([tinynn.Input((4,)), *(make() for make in stack)])
    model.compile("sgd", "mse", jit_compile=False)
    return explain.diagnose(model, x, y)


def dense(units: int, activation: str | None = None, **arguments: Any) -> Any:
    return lambda: layers.Dense(units, activation=activation, **arguments)


def kinds(found: explain.Diagnosis) -> set[tuple[str, str]]:
    return {(finding.kind, finding.where) for finding in found.findings}


def test_a_healthy_network_has_no_complaint() -> None:
    found = diagnosed(dense(16, "relu"), dense(16, "tanh"), dense(1))
    assert not found
    assert found.findings == []
    assert "Nothing to complain of" in str(found)


@pytest.mark.parametrize("as_layer", [False, True])
def test_dead_units_are_counted(as_layer: bool) -> None:
    bias = initializers.Constant(-50.0)
    stack = [dense(8, bias_initializer=bias), layers.ReLU] if as_layer else [dense(8, "relu", bias_initializer=bias)]
    found = diagnosed(*stack, dense(1))
    assert ("dead", "re_lu" if as_layer else "dense") in kinds(found)
    assert "8 of 8 units" in str(found)
    assert not any(
        kind == "dead" for kind, _ in kinds(diagnosed(dense(8, "leaky_relu", bias_initializer=bias), dense(1)))
    )


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturation_is_seen(activation: str) -> None:
    large = initializers.RandomNormal(stddev=30.0, seed=1)
    found = diagnosed(dense(8, activation, kernel_initializer=large), dense(1))
    assert ("saturated", "dense") in kinds(found)
    assert found.layers[0].flat is not None
    assert 0.5 < found.layers[0].flat <= 1
    assert not diagnosed(dense(8, activation), dense(1))


def test_vanishing_and_exploding_gradients_are_told_apart() -> None:
    deep = [dense(8, "sigmoid") for _ in range(8)]
    assert ("vanishing", "dense") in kinds(diagnosed(*deep, dense(1)))
    large = initializers.RandomNormal(stddev=3.0, seed=1)
    assert ("exploding", "dense") in kinds(diagnosed(*[dense(8, kernel_initializer=large) for _ in range(8)], dense(1)))
    he = [dense(32, "relu", kernel_initializer="he_normal") for _ in range(8)]
    assert not any(kind in ("vanishing", "exploding") for kind, _ in kinds(diagnosed(*he, dense(1))))


def test_units_that_are_alike_are_seen() -> None:
    found = diagnosed(dense(8, "tanh", kernel_initializer="ones"), dense(1, kernel_initializer="ones"))
    assert ("alike", "dense") in kinds(found)
    assert ("alike", "dense_1") not in kinds(found)


def test_large_inputs_are_seen_with_their_mend() -> None:
    pixels = RNG.integers(0, 256, (64, 4))
    found = diagnosed(dense(8, "relu"), dense(1), x=pixels)
    assert ("inputs", "x") in kinds(found)
    assert "x / 255" in str(found)
    assert "x.mean(axis=0)" in str(diagnosed(dense(1), x=1000 * X))


def test_the_first_value_that_is_not_finite_is_named() -> None:
    model, x, y = two_three_two(activation="exponential")
    weights = model.get_weights()
    weights[0] *= 1e6
    model.set_weights(weights)
    with np.errstate(all="ignore"):
        (finding,) = explain.diagnose(model, x, y).findings
    assert finding.kind == "not finite"
    assert finding.where == "dense/a"
    assert "is inf: the first value forward" in finding.reason


def test_a_weight_that_nothing_uses_is_named() -> None:
    class Idle(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.idle = self.add_weight(shape=(2,), name="idle")

        def call(self, inputs: Any) -> Any:
            return inputs

    assert ("no gradient", "idle/idle") in kinds(diagnosed(Idle, dense(1)))


def test_the_callback_keeps_norms_over_training_and_changes_nothing() -> None:
    def fit(callbacks: list[Any]) -> list[Any]:
        tinynn.backend.clear_session()
        tinynn.utils.set_random_seed(2)
        model = tinynn.Sequential(
            [tinynn.Input((4,)), layers.Dense(6, activation="relu"), layers.Dropout(0.5), layers.Dense(1)]
        )
        model.compile("adam", "mse", jit_compile=False)
        model.fit(X, Y, epochs=4, verbose=0, callbacks=callbacks)
        return list(model.get_weights())

    watch = explain.DiagnosticsCallback(X[:16] * 1000, Y[:16], frequency=2)
    assert "No epoch has ended yet" in str(watch)
    assert all(np.array_equal(a, b) for a, b in zip(fit([watch]), fit([])))
    assert watch.epochs == [2, 4]
    assert {name: len(series) for name, series in watch.gradients.items()} == {"dense": 2, "dense_1": 2}
    assert watch.weights["dense"][0] != watch.weights["dense"][1]
    assert list(watch.findings) == [2, 4]
    assert "From epoch 2 on: Inputs reach" in " ".join(str(watch).split())
    with pytest.raises(ValueError, match="DiagnosticsCallback expects frequency to be a positive integer; got 0"):
        explain.DiagnosticsCallback(X, Y, frequency=0)
