"""Layers: values and shapes as Keras's, derivatives of their variables, configurations, and layers that users write."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tests.oracles import complex_step_gradient
from tests.strategies import arrays, sizes
from tinynn import GradientTape, layers, ops

CUBE = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)

CALLS: dict[str, Callable[[Any], Any]] = {
    "Dense": lambda k: (
        k.layers.Dense(4, seeded(k)(1))(CUBE[:, 0]) if False else k.layers.Dense(4, activation="tanh")(CUBE[:, 0])
    ),
    "Dense, three axes": lambda k: k.layers.Dense(4, activation="softmax")(CUBE),
    "Dense, no bias": lambda k: k.layers.Dense(2, use_bias=False)(CUBE[:, 0]),
    "Dense, integers": lambda k: k.layers.Dense(2)((CUBE[:, 0] * 9).astype(np.int64)),
    "Dense, float64 inputs": lambda k: k.layers.Dense(2)(CUBE[:, 0].astype(np.float64)),
    "Dense, float64 layer": lambda k: k.layers.Dense(2, dtype="float64")(CUBE[:, 0]),
    "Dense, one row": lambda k: k.layers.Dense(2)(CUBE[:1, 0]),
    **{
        f"Activation {name}": lambda k, name=name: k.layers.Activation(name)(CUBE)
        for name in ("linear", "relu", "tanh", "sigmoid", "softmax")
    },
    "Flatten": lambda k: k.layers.Flatten()(CUBE),
    "Flatten, a vector": lambda k: k.layers.Flatten()(CUBE[:, 0, 0]),
    "Flatten, rows": lambda k: k.layers.Flatten()(CUBE[:, 0]),
    "Flatten, integers": lambda k: k.layers.Flatten()(np.arange(8).reshape(2, 2, 2)),
    "Dropout, not training": lambda k: k.layers.Dropout(0.5)(CUBE),
    "Dropout": lambda k: k.layers.Dropout(0.3, seed=5)(CUBE, training=True),
    "Dropout twice": lambda k: (lambda layer: (layer(CUBE, training=True), layer(CUBE, training=True))[1])(
        k.layers.Dropout(0.5, seed=5)
    ),
    "Dropout from the seed alone": lambda k: k.layers.Dropout(0.5)(CUBE, training=True),
    "Dropout of rows": lambda k: k.layers.Dropout(0.5, noise_shape=(None, 1, 1), seed=1)(CUBE, training=True),
    "Dropout of nothing": lambda k: k.layers.Dropout(0)(CUBE, training=True),
    "Dropout of everything": lambda k: k.layers.Dropout(1.0)(CUBE, training=True),
}


def seeded(k: Any) -> None:
    k.backend.clear_session()
    k.utils.set_random_seed(3)


@pytest.mark.keras
@pytest.mark.parametrize("call", CALLS)
def test_layers_give_keras_s_values_from_the_seed(keras: Any, call: str) -> None:
    found = []
    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        for k in (tinynn, keras):
            seeded(k)
            found.append(np.asarray(CALLS[call](k)))
    ours, theirs = found
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    # Sums of three products and a function good to 4 ulp.
    assert np.allclose(ours, theirs, rtol=8 * np.finfo(ours.dtype).eps if ours.dtype.kind == "f" else 0, atol=4e-7)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Dense", {"units": 3}),
        (
            "Dense",
            {"units": 3, "activation": "relu", "use_bias": False, "kernel_initializer": "he_normal", "name": "mine"},
        ),
        ("Dense", {"units": 3, "trainable": False, "dtype": "float64", "bias_initializer": "ones"}),
        ("Activation", {"activation": "softmax"}),
        ("Dropout", {"rate": 0.25}),
        ("Dropout", {"rate": 0.25, "seed": 7, "noise_shape": (None, 1)}),
        ("Flatten", {}),
        ("InputLayer", {"shape": (3,)}),
        ("InputLayer", {"shape": (3, 2), "batch_size": 4, "dtype": "int32", "name": "pixels"}),
    ],
)
def test_configs_are_keras_s_and_make_the_layer_again(keras: Any, name: str, arguments: dict[str, Any]) -> None:
    configs = []
    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        for k in (tinynn, keras):
            k.backend.clear_session()
            configs.append(getattr(k.layers, name)(**arguments).get_config())
    assert configs[0] == configs[1]
    kind = getattr(layers, name)
    assert kind.from_config(configs[0]).get_config() == configs[0]


@pytest.mark.keras
def test_the_defaults_of_arguments_are_keras_s(keras: Any) -> None:
    for name in layers.__all__:
        if name == "Layer":
            continue
        theirs = {p.name: p.default for p in inspect.signature(getattr(keras.layers, name)).parameters.values()}
        for parameter in inspect.signature(getattr(layers, name)).parameters.values():
            assert theirs[parameter.name] == parameter.default, (name, parameter.name)


# Derivatives -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [None, "tanh", "sigmoid", "softmax", "relu"])
@pytest.mark.parametrize("axes", [2, 3])
@given(data=st.data(), batch=sizes, fan_in=sizes, units=st.integers(2, 4))
def test_gradients_of_dense_match_the_complex_step(
    activation: Any, axes: int, data: Any, batch: int, fan_in: int, units: int
) -> None:
    tinynn.config.set_floatx("float64")
    shape = (batch, fan_in) if axes == 2 else (batch, 2, fan_in)
    x, upstream = data.draw(arrays(shape)), data.draw(arrays((*shape[:-1], units)))
    kernel = data.draw(arrays((fan_in, units), bound=1.0))
    bias = data.draw(arrays((units,), bound=1.0)) + 0.0625
    layer = layers.Dense(units, activation=activation)
    layer.build(shape)
    layer.set_weights([kernel, bias])
    with GradientTape() as tape:
        watched = tape.watch(x)
        out = layer(watched)
    found = tape.gradient(out, [watched, layer.kernel, layer.bias], output_gradients=upstream)

    def forward(x: Any, kernel: Any, bias: Any) -> Any:
        z = x @ kernel + bias
        if activation == "tanh":
            return np.tanh(z)
        if activation == "sigmoid":
            return 1 / (1 + np.exp(-z))
        if activation == "relu":
            return np.where(z.real > 0, z, 0)
        if activation == "softmax":
            e = np.exp(z - z.real.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        return z

    places = [x, kernel, bias]
    for i, d in enumerate(found):

        def moved(value: Any, i: int = i) -> Any:
            return forward(*[value if j == i else other for j, other in enumerate(places)])

        expected = complex_step_gradient(moved, places[i], upstream)
        # At most 12 rows, 6 inputs and 4 units meet in an entry, each product below 16.
        assert np.allclose(d, expected, rtol=0, atol=12 * 6 * 4 * 16 * 4 * np.finfo(float).eps)


def test_dropout_passes_gradients_where_it_passes_values() -> None:
    tinynn.config.set_floatx("float64")
    layer = layers.Dropout(0.5, seed=1)
    x = np.ones((5, 5))
    with GradientTape() as tape:
        watched = tape.watch(x)
        out = layer(watched, training=True)
    upstream = np.random.default_rng(0).normal(size=(5, 5))
    assert np.array_equal(tape.gradient(out, watched, output_gradients=upstream), upstream * out.value)
    assert set(np.unique(out.value)) == {0, 2}


# Frozen, counted, built ------------------------------------------------------------------------------------------------


@pytest.mark.keras
def test_freezing_reaches_variables_and_layers_within_as_in_keras(keras: Any) -> None:
    def flags(k: Any) -> list[Any]:
        k.backend.clear_session()
        inner = k.Sequential([k.Input((2,)), k.layers.Dense(2), k.layers.Dense(1)])
        outer = k.Sequential([k.Input((2,)), inner, k.layers.Dense(1)])
        steps = [
            (inner, False),
            (inner.layers[1], True),
            (outer, False),
            (outer.layers[1], True),
            (outer, True),
            (inner, True),
        ]
        seen = []
        for layer, value in steps:
            layer.trainable = value
            parts = [outer, inner, *inner.layers, outer.layers[1]]
            seen.append(
                [part.trainable for part in parts] + [[v.path for v in part.trainable_variables] for part in parts]
            )
            seen.append([v.trainable for v in outer.variables])
        return seen

    assert flags(tinynn) == flags(keras)


def test_a_variable_that_wants_no_training_gets_none() -> None:
    class Scale(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(shape=(), initializer="ones", name="factor")
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen", dtype="int64")

        def call(self, inputs: Any) -> Any:
            self.seen.assign_add(1)
            return inputs * self.factor

    layer = Scale()
    layer(np.ones((2, 2)))
    assert [v.name for v in layer.trainable_variables] == ["factor"]
    layer.trainable = False
    layer.trainable = True
    assert [v.name for v in layer.non_trainable_variables] == ["seen"]
    assert layer.seen.dtype == "int64"
    assert int(layer.seen) == 1
    assert layer.count_params() == 2
    assert [v.path for v in layer.weights] == [f"{layer.name}/factor", f"{layer.name}/seen"]


# Written by users ------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_an_own_layer_trains_as_in_keras(keras: Any, floatx: str) -> None:
    """build and call in Keras's manner: the tape finds the derivative, the model the variables."""

    def history(k: Any) -> Any:
        set_floatx(k, floatx)
        seeded(k)

        class Gated(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self, units: int, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.units = units
                self.inner = k.layers.Dense(units, activation="tanh")

            def build(self, input_shape: Any) -> None:
                self.gate = self.add_weight(
                    shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="gate"
                )
                self.inner.build(input_shape)

            def call(self, inputs: Any, training: bool = False) -> Any:
                strength = k.ops.sigmoid(k.ops.matmul(inputs, self.gate))
                return self.inner(inputs) * strength * (2.0 if training else 1.0)

            def compute_output_shape(self, input_shape: Any) -> Any:
                return (*input_shape[:-1], self.units)

        model = k.Sequential([k.Input((3,)), Gated(4), k.layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=k is not tinynn)
        x = np.random.default_rng(0).normal(size=(8, 3))
        y = np.random.default_rng(1).normal(size=(8, 1))
        losses = model.fit(x, y, batch_size=4, epochs=3, verbose=0).history["loss"]
        return losses, model.predict(x, verbose=0), model.count_params()

    with floatx_put_back(tinynn, keras):
        ours, theirs = history(tinynn), history(keras)
    eps = np.finfo(floatx).eps
    assert np.allclose(ours[0], theirs[0], rtol=64 * eps, atol=0)
    assert np.allclose(ours[1], theirs[1], rtol=0, atol=512 * eps)
    assert ours[2] == theirs[2]


def test_an_own_model_trains() -> None:
    class Residual(tinynn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = layers.Dense(3, activation="tanh")
            self.last = layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.last(inputs + self.hidden(inputs))

    tinynn.utils.set_random_seed(0)
    model = Residual()
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(32, 3))
    history = model.fit(x, x.sum(axis=1), epochs=30, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert [layer.name for layer in model.layers] == [model.hidden.name, model.last.name]
    assert len(model.trainable_variables) == 4
    assert model.predict(x, verbose=0).shape == (32, 1)


@pytest.mark.keras
@pytest.mark.parametrize("hears", [True, False])
def test_training_reaches_layers_within_layers_as_in_keras(keras: Any, hears: bool) -> None:
    """A model whose call has `training` hands it on without a word; one whose call has not leaves dropout asleep."""

    def outputs(k: Any) -> list[Any]:
        seeded(k)

        class Hearing(k.Model):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.drop = k.layers.Dropout(0.5, seed=1)
                self.stack = k.Sequential([k.Input((4,)), k.layers.Dropout(0.5, seed=2), k.layers.Dense(4)])

            def call(self, inputs: Any, training: Any = None) -> Any:
                return self.stack(self.drop(inputs))

        class Deaf(Hearing):
            def call(self, inputs: Any) -> Any:
                return self.stack(self.drop(inputs))

        model, x = (Hearing if hears else Deaf)(), np.ones((6, 4), np.float32)
        model.compile("sgd", "mse", run_eagerly=True)
        seen = [np.asarray(model(x)), np.asarray(model(x, training=True)), np.asarray(model(x, training=False))]
        seen += [
            np.asarray(model.drop(x)),
            np.asarray(model.stack(x, training=None)),
            np.asarray(model.stack(x, training=True)),
            model.predict(x, verbose=0),
        ]
        seen += [model.evaluate(x, x, verbose=0), model.train_on_batch(x, np.zeros_like(x))]
        return seen

    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        for ours, theirs in zip(outputs(tinynn), outputs(keras), strict=True):
            assert np.allclose(ours, theirs, rtol=0, atol=2e-6)


def test_an_own_train_step_has_the_last_word() -> None:
    class Signs(tinynn.Sequential):
        def train_step(self, data: Any) -> dict[str, Any]:
            x, y = data[0], data[1]
            with GradientTape() as tape:
                loss = ops.mean(ops.square(self(x, training=True) - y))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply([np.sign(gradient) for gradient in gradients], self.trainable_variables)
            return {"loss": loss, "steps": self.optimizer.iterations.numpy()}

    model = Signs([tinynn.Input((2,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(tinynn.optimizers.SGD(0.5), "mse")
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), batch_size=2, verbose=0)
    assert history.history == {"loss": [0.25], "steps": [2.0]}
    assert model.get_weights()[0].tolist() == [[0], [0]]
