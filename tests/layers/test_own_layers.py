"""Layers that users write: what they own, how they are built, described and called, as in Keras."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import layers, ops

ROWS = np.ones((2, 3), np.float32)


@pytest.mark.keras
def test_what_a_layer_owns_and_in_which_order_is_keras_s(keras: Any) -> None:
    def paths(k: Any) -> list[Any]:
        k.backend.clear_session()

        class Nest(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__(name="nest")
                self.blocks: list[Any] = []
                self.out = k.layers.Dense(1)
                self.blocks.append(k.layers.Dense(2))
                self.table = {"a": k.layers.Dense(3), "b": (k.layers.Dense(4),)}
                self.own = k.Variable(np.ones(3, np.float32), name="own")
                self.nested = [[k.layers.Dense(5)]]
                self.blocks += [k.layers.Dense(6)]
                self.table["c"] = k.layers.Dense(7)
                self.fixed = k.Variable(2.0, trainable=False, name="fixed")
                self.again = self.out
                self.seeds = k.random.SeedGenerator(1)

            def build(self, input_shape: Any) -> None:
                self.late = self.add_weight(shape=(2,), name="late")
                self.count = self.add_weight(shape=(), trainable=False, name="count")

            def call(self, inputs: Any) -> Any:
                parts = [
                    *self.blocks,
                    self.out,
                    self.table["a"],
                    self.table["b"][0],
                    self.table["c"],
                    self.nested[0][0],
                ]
                return k.ops.concatenate([part(inputs) for part in parts], axis=-1)

        layer = Nest()
        layer(ROWS)
        found = [[v.path for v in layer.weights], [v.path for v in layer.variables]]
        found += [[v.path for v in layer.trainable_weights], [v.path for v in layer.non_trainable_variables]]
        layer.trainable = False
        found += [len(layer.trainable_weights), [v.trainable for v in layer.variables], layer.count_params()]
        for add in (
            lambda: setattr(layer, "more", k.layers.Dense(1)),
            lambda: layer.blocks.append(k.layers.Dense(1)),
            lambda: setattr(layer, "more", k.Variable(1.0)),
            lambda: layer.add_weight(shape=()),
        ):
            with pytest.raises(ValueError, match="You cannot add new elements of state"):
                add()
        return found

    assert paths(tinynn) == paths(keras)


class Linear(layers.Layer):
    """The first layer of Keras's guide: no compute_output_shape, no get_config."""

    def __init__(self, units: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", name="w")

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, self.w)


def test_a_layer_without_an_output_shape_is_tried_out() -> None:
    noise = layers.GaussianNoise(0.5, seed=1)
    model = tinynn.Sequential([tinynn.Input((3,)), Linear(5), noise, Linear(2)])
    assert model.output_shape == (None, 2)
    assert model.layers[2].w.shape == (5, 2)
    assert Linear.compute_output_shape(model.layers[0], (None, 7, 3)) == (None, 7, 5)
    with pytest.raises(NotImplementedError, match="not built"):
        Linear().compute_output_shape((None, 3))


def test_trying_out_leaves_nothing_behind() -> None:
    class Counting(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Linear(2)
            self.seen = tinynn.Variable(0.0, trainable=False)
            self.seeds = tinynn.random.SeedGenerator(3)

        def call(self, inputs: Any) -> Any:
            self.seen.assign_add(1.0)
            self.add_loss(ops.sum(inputs))
            return self.inner(inputs) + tinynn.random.normal((2,), seed=self.seeds)

    layer = Counting()
    model = tinynn.Sequential([tinynn.Input((3,)), layer])
    assert float(layer.seen) == 0
    assert layer.seeds.state.numpy().tolist() == [3, 0]
    assert layer.losses == []
    assert layer.inner.built
    assert [v.path for v in model.trainable_weights] == ["sequential/counting/linear/w"] or model.name != "sequential"


@pytest.mark.keras
def test_descriptions_made_from_the_arguments_are_keras_s(keras: Any) -> None:
    def configs(k: Any) -> list[Any]:
        k.backend.clear_session()

        class Plain(k.layers.Layer):  # type: ignore[misc, name-defined]
            pass

        class Sized(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self, n: int, rate: float = 0.5, **kwargs: Any) -> None:
                super().__init__(**kwargs)

        class Nameless(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self, n: int) -> None:
                super().__init__()

        class Holding(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self, inner: Any) -> None:
                super().__init__()

        found = [
            made.get_config()
            for made in (Plain(), Plain(activity_regularizer="l2"), Sized(3, name="s", trainable=False), Nameless(4))
        ]
        with pytest.raises(NotImplementedError):
            Holding(k.layers.Dense(1)).get_config()
        assert Sized.from_config(found[2]).get_config() == found[2]
        return found

    assert configs(tinynn) == configs(keras)


def test_build_alone_builds() -> None:
    layer = Linear(4, name="mine")
    with pytest.raises(ValueError, match="isn't built"):
        layer.count_params()
    assert layer.path is None
    layer.build((None, 3))
    assert layer.built
    assert (layer.path, layer.w.path, layer.count_params()) == ("mine", "mine/w", 12)
    assert layer.get_build_config() == {"input_shape": (None, 3)}
    again = Linear(4)
    again.build_from_config(layer.get_build_config())
    again.set_weights(layer.get_weights())
    assert np.array_equal(again(ROWS), layer(ROWS))
    assert (layer.dtype, layer.compute_dtype, layer.variable_dtype) == ("float32",) * 3


@pytest.mark.keras
def test_misuse_is_told_as_in_keras(keras: Any) -> None:
    def errors(k: Any) -> list[tuple[type, str]]:
        class Forgetful(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                self.x = 3

            def call(self, inputs: Any) -> Any:
                return inputs

        k.backend.clear_session()
        layer = k.layers.Dense(2, name="d")
        layer.build((None, 3))
        found = []
        for misuse in (
            lambda: Forgetful()(ROWS),
            lambda: layer.add_weight("w", (1,)),
            lambda: layer.add_weight((1,), "zeros", "float32", True),
            lambda: layer.set_weights([np.ones((1, 1))]),
            lambda: layer.set_weights([np.ones((1, 1)), np.ones(2)]),
            lambda: k.layers.Dense(2, trainable="no"),
            lambda: k.layers.Dense(2, name="a/b"),
        ):
            with pytest.raises((RuntimeError, TypeError, ValueError)) as error:
                misuse()
            found.append((error.type, str(error.value)))
        return found

    assert errors(tinynn) == errors(keras)


def test_a_layer_may_take_several_inputs() -> None:
    class Sum(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.shapes = input_shape

        def call(self, inputs: Any) -> Any:
            return inputs[0] + inputs[1]

    layer = Sum()
    assert np.array_equal(layer([ROWS, ROWS.astype(np.float64)]), 2 * ROWS)
    assert layer.shapes == [(2, 3), (2, 3)]
    assert layer([ROWS, ROWS]).dtype == np.float32


def test_copies_and_pickles_are_layers_of_their_own() -> None:
    model = tinynn.Sequential(
        [tinynn.Input((3,)), layers.Dense(2, kernel_regularizer="l2"), layers.BatchNormalization()]
    )
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert all(map(np.array_equal, again.get_weights(), model.get_weights()))
        again.layers[0].kernel.assign(np.zeros((3, 2)))
        assert model.layers[0].kernel.numpy().any()
        assert again.layers[0].kernel in [w for w in again.weights if w is again.layers[0].kernel]


@pytest.mark.keras
def test_metrics_within_layers_and_descriptions_of_input_specs_are_keras_s(keras: Any) -> None:
    def seen(k: Any) -> Any:
        class Inner(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.dense = k.layers.Dense(2)
                self.one = k.metrics.Mean(name="one")
                self.more = [k.metrics.Sum(name="two")]

        class Outer(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.inner = Inner()
                self.three = k.metrics.Mean(name="three")

        outer = Outer()
        specs = [k.InputSpec(shape=(None, 3), dtype="float32", axes={-1: 3}), k.InputSpec(ndim=2, min_ndim=1)]
        again = [k.InputSpec.from_config(spec.get_config()) for spec in specs]
        names = [metric.name for metric in outer.metrics]
        return names, [spec.get_config() for spec in (*specs, *again)], k.layers.Dense(1).metrics

    assert seen(tinynn) == seen(keras)


def test_an_input_spec_is_checked_at_every_call() -> None:
    class Picky(layers.Layer):
        def __init__(self, **spec: Any) -> None:
            super().__init__(name="picky")
            self.input_spec = layers.InputSpec(**spec)

        def call(self, inputs: Any) -> Any:
            return inputs

    fine = ROWS
    for spec, wrong, message in (
        ({"ndim": 2}, ROWS[0], "expected ndim=2, found ndim=1. Full shape received"),
        ({"min_ndim": 2}, ROWS[0], "expected min_ndim=2, found ndim=1"),
        ({"max_ndim": 2}, ROWS[None], "expected max_ndim=2, found ndim=3"),
        ({"axes": {-1: 3}}, ROWS[:, :2], "expected axis -1 of input shape to have value 3"),
        ({"shape": (None, 3)}, ROWS[:, :2], "found shape=\\(2, 2\\)"),
        ({"dtype": "float32"}, np.ones((2, 3), np.int64), "expected dtype=float32, found dtype=int64"),
    ):
        layer = Picky(**spec)
        layer(fine)
        with pytest.raises(ValueError, match=message):
            layer(wrong)
