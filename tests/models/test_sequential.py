"""Sequential models are put together, named, counted, frozen and shown as Keras's are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn.buffer import flat_view
from tinynn.engine.recorded import Recorded

X = np.random.default_rng(0).normal(size=(6, 3))
Y = np.random.default_rng(1).normal(size=(6, 1))


def structure(model: Any) -> Any:
    """All there is to see of a model without running it."""
    built = model.built
    return {
        "model": (model.name, built, model.trainable),
        "layers": [(type(layer).__name__, layer.name, layer.built) for layer in model.layers],
        "variables": [(v.path, v.name, tuple(v.shape), str(v.dtype), v.trainable) for v in model.variables],
        "weights": [v.path for v in model.weights],
        "trainable": [v.path for v in model.trainable_variables],
        "trainable weights": [v.path for v in model.trainable_weights],
        "non-trainable": [v.path for v in model.non_trainable_variables],
        "non-trainable weights": [v.path for v in model.non_trainable_weights],
        "arrays": [array.shape for array in model.get_weights()],
        "parameters": (model.count_params(), [layer.count_params() for layer in model.layers]) if built else None,
        "shapes": (model.input_shape, model.output_shape) if built else None,
        "outputs": [tuple(layer.output.shape) for layer in model.layers] if built else None,
        "representations": [
            repr(model),
            *map(repr, model.layers),
            *([repr(model.inputs), repr(model.outputs)] if built else []),
        ],
    }


def popped(k: Any) -> list[Any]:
    model = k.Sequential([k.Input((3,)), k.layers.Dense(4), k.layers.Dense(2)])
    seen = [model.pop().name, structure(model)]
    seen += [model.pop().name, [layer.name for layer in model.layers]]
    model.add(k.layers.Dense(5))
    return [*seen, structure(model)]


def added(k: Any) -> list[Any]:
    model, seen = k.Sequential(name="net"), []
    for layer in (k.Input((3,)), k.layers.Dense(4, name="hidden"), k.layers.Dropout(0.5), k.layers.Dense(2)):
        model.add(layer)
        seen.append((model.built, len(model.layers), [v.path for v in model.weights]))
    return [*seen, structure(model)]


def built_later(k: Any) -> list[Any]:
    model = k.Sequential([k.layers.Flatten(), k.layers.Dense(4), k.layers.Dense(2)])
    seen = [structure(model)]
    model.build((None, 2, 3))
    return [*seen, structure(model)]


def built_by(how: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def build(k: Any) -> Any:
        model = k.Sequential([k.layers.Dense(4), k.layers.Dense(1)])
        model.compile("sgd", "mse")
        how(model)
        return structure(model)

    return build


WAYS: dict[str, Callable[[Any], Any]] = {
    "Input": lambda k: structure(k.Sequential([k.Input((3,)), k.layers.Dense(4), k.layers.Dense(2)])),
    "Input, list": lambda k: structure(k.Sequential([k.Input(shape=[2, 3]), k.layers.Flatten(), k.layers.Dense(2)])),
    "Input with a name and a batch size": lambda k: structure(
        k.Sequential([k.Input((3,), batch_size=6, name="features"), k.layers.Dense(1)])
    ),
    "Input of integers": lambda k: structure(k.Sequential([k.Input((3,), dtype="int32"), k.layers.Dense(1)])),
    "InputLayer": lambda k: structure(k.Sequential([k.layers.InputLayer(shape=(3,)), k.layers.Dense(4)])),
    "InputLayer, old": lambda k: structure(k.Sequential([k.layers.InputLayer(input_shape=(3,)), k.layers.Dense(4)])),
    "input_shape": lambda k: structure(k.Sequential([k.layers.Dense(4, input_shape=(3,)), k.layers.Dense(2)])),
    "input_shape, list": lambda k: structure(k.Sequential([k.layers.Flatten(input_shape=[2, 2]), k.layers.Dense(2)])),
    "input_dim": lambda k: structure(k.Sequential([k.layers.Dense(4, input_dim=3)])),
    "input_shape of a later layer": lambda k: structure(
        k.Sequential([k.layers.Dense(4), k.layers.Dense(2, input_shape=(4,))])
    ),
    "no input": lambda k: structure(k.Sequential([k.layers.Dense(4), k.layers.Dense(2)])),
    "build": built_later,
    "build for a batch": lambda k: (lambda model: (model.build((7, 3)), structure(model)))(
        k.Sequential([k.layers.Dense(4)])
    ),
    "build twice": lambda k: (lambda model: (model.build((None, 3)), model.build((None, 3)), structure(model)))(
        k.Sequential([k.layers.Dense(4)])
    ),
    "a call": built_by(lambda model: model(X)),
    "fit": built_by(lambda model: model.fit(X, Y, batch_size=4, verbose=0)),
    "evaluate": built_by(lambda model: model.evaluate(X, Y, batch_size=4, verbose=0)),
    "predict": built_by(lambda model: model.predict(X, batch_size=4, verbose=0)),
    "train_on_batch": built_by(lambda model: model.train_on_batch(X, Y)),
    "predict_on_batch": built_by(lambda model: model.predict_on_batch(X)),
    "nothing": lambda k: structure(k.Sequential()),
    "an Input alone": lambda k: structure(k.Sequential([k.Input((3,))])),
    "a tuple": lambda k: structure(k.Sequential((k.Input((3,)), k.layers.Dense(3)))),
    "add": added,
    "add, input_shape": lambda k: (
        lambda model: (model.add(k.layers.Dense(4, input_shape=(3,))), model.add(k.layers.Dense(2)), structure(model))
    )(k.Sequential()),
    "pop": popped,
    "pop of a built one": lambda k: (lambda model: (model.build((None, 3)), model.pop().name, structure(model)))(
        k.Sequential([k.layers.Dense(4), k.layers.Dense(2)])
    ),
    "one layer twice": lambda k: (lambda layer: structure(k.Sequential([k.Input((3,)), layer, layer])))(
        k.layers.Dense(3)
    ),
    "a model within": lambda k: structure(
        k.Sequential([k.Input((3,)), k.Sequential([k.layers.Dense(4), k.layers.Dense(2)]), k.layers.Dense(1)])
    ),
    "a built model within": lambda k: structure(
        k.Sequential([k.Input((3,)), k.Sequential([k.Input((3,)), k.layers.Dense(4)]), k.layers.Dense(1)])
    ),
    "a built model first": lambda k: structure(
        k.Sequential([k.Sequential([k.Input((3,)), k.layers.Dense(4)]), k.layers.Dense(1)])
    ),
    "three of a kind": lambda k: [structure(k.Sequential([k.Input((1,)), k.layers.Dense(1)])) for _ in range(3)],
    "names": lambda k: structure(k.Sequential([k.Input((2,)), k.layers.Dense(1, name="1")], name="My Model")),
    "a frozen layer": lambda k: structure(
        k.Sequential([k.Input((2,)), k.layers.Dense(1, trainable=False), k.layers.Dense(1)])
    ),
    "a frozen model": lambda k: structure(k.Sequential([k.Input((2,)), k.layers.Dense(1)], trainable=False)),
    "everything": lambda k: structure(
        k.Sequential(
            [
                k.Input((2, 3)),
                k.layers.Flatten(),
                k.layers.Dense(4, use_bias=False),
                k.layers.Activation("relu"),
                k.layers.Dropout(0.5),
                k.layers.Dense(2, activation="softmax"),
            ]
        )
    ),
}


def seen(k: Any, way: Callable[[Any], Any]) -> tuple[Any, list[str]]:
    """What a way leads to in a library, and the warnings on it."""
    k.backend.clear_session()
    k.utils.set_random_seed(1)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = way(k)
    return found, [str(warning.message) for warning in heard if issubclass(warning.category, UserWarning)]


@pytest.mark.keras
@pytest.mark.parametrize("way", WAYS)
def test_models_come_out_as_keras_s(keras: Any, way: str) -> None:
    """Names, paths, shapes, dtypes, what is trained, representations, and advice."""
    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        assert seen(tinynn, WAYS[way]) == seen(keras, WAYS[way])


def test_build_without_a_shape_changes_nothing() -> None:
    model = tinynn.Sequential([tinynn.layers.Dense(2)])
    model.build()
    assert not model.built
    assert model(X).shape == (6, 2)


# Weights ---------------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_initial_weights_are_keras_s_bit_for_bit(keras: Any, seed: int) -> None:
    def weights(k: Any) -> list[Any]:
        k.utils.set_random_seed(seed)
        initializers = [None, "he_uniform", "lecun_uniform", "random_uniform", "ones"]
        layers = [
            k.layers.Dense(3, kernel_initializer=name or "glorot_uniform", bias_initializer="zeros")
            for name in initializers
        ]
        return k.Sequential([k.Input((4,)), *layers]).get_weights()  # type: ignore[no-any-return]

    for ours, theirs in zip(weights(tinynn), weights(keras), strict=True):
        assert np.array_equal(ours, theirs)


def net(*units: int, **settings: Any) -> Any:
    return tinynn.Sequential([tinynn.Input((3,)), *(tinynn.layers.Dense(n, **settings) for n in units)])


def test_set_weights_takes_what_get_weights_gave() -> None:
    one, other = net(4, 2), net(4, 2)
    other.set_weights(one.get_weights())
    assert np.array_equal(one(X), other(X))
    copies = one.get_weights()
    copies[0][:] = 0
    assert not np.array_equal(copies[0], one.get_weights()[0])  # copies, not views


def test_set_weights_changes_nothing_when_something_does_not_fit() -> None:
    model = net(4, 2)
    before = model.get_weights()
    wrong = [np.ones_like(weight) for weight in before]
    wrong[3] = np.ones(5)
    with pytest.raises(ValueError, match=r"weight shape \(2,\) is not compatible with provided weight shape \(5,\)"):
        model.set_weights(wrong)
    with pytest.raises(ValueError, match=r"weight list of length 3, but the layer was expecting 4 weights"):
        model.set_weights(before[:3])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_weights_are_set_layer_by_layer_and_variable_by_variable() -> None:
    model = net(2)
    model.layers[0].set_weights([np.full((3, 2), 2.0), np.array([1.0, -1.0])])
    assert model(np.ones((1, 3))).tolist() == [[7, 5]]
    model.layers[0].kernel.assign(np.zeros((3, 2)))
    model.layers[0].bias.assign_add(np.array([1.0, 1.0]))
    model.layers[0].bias.assign_sub(np.array([0.0, 2.0]))
    assert model(np.ones((1, 3))).tolist() == [[2, -2]]
    with pytest.raises(ValueError, match=r"variable\.shape=\(2,\), Received: value\.shape=\(3,\)"):
        model.layers[0].bias.assign(np.zeros(3))


# One flat vector -------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    units=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    biased=st.booleans(),
    frozen=st.sets(st.integers(0, 3)),
    floatx=st.sampled_from(["float32", "float64"]),
)
def test_trainable_variables_tile_one_vector(units: list[int], biased: bool, frozen: set[int], floatx: str) -> None:
    """In order and without gaps, after building, after training and after freezing: a step is one loop over it."""
    tinynn.config.set_floatx(floatx)
    model = net(*units, use_bias=biased)
    assert tiles(model)
    model.compile("adam", "mse", run_eagerly=True)
    y = np.zeros((6, units[-1]))
    model.train_on_batch(X, y)
    assert tiles(model)
    for i in frozen & set(range(len(units))):
        model.layers[i].trainable = False
    model.compile("adam", "mse", run_eagerly=True)
    if model.trainable_variables:
        model.train_on_batch(X, y)
        flat = model.trainable_variables
        before = np.concatenate([variable.numpy().ravel() for variable in flat])
        assert before.size == sum(variable.size for variable in flat)


def tiles(model: Any) -> bool:
    flat = flat_view(model.trainable_variables)
    if flat is None:
        return False
    expected = np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])
    flat += 1  # a view: the variables move along
    moved = np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])
    flat -= 1
    return np.array_equal(moved, expected + np.ones(1, expected.dtype))


def test_optimizer_slots_tile_vectors_too() -> None:
    model = net(4, 2)
    model.compile(tinynn.optimizers.Adam(amsgrad=True), "mse", run_eagerly=True)
    model.train_on_batch(X, np.zeros((6, 2)))
    for slots in model.optimizer._slots.values():
        assert flat_view(slots) is not None


# Layers by name --------------------------------------------------------------------------------------------------------


def test_get_layer_by_name_and_place() -> None:
    model = tinynn.Sequential(
        [tinynn.Input((3,)), tinynn.layers.Dense(4, name="first"), tinynn.layers.Dense(2, name="last")]
    )
    assert model.get_layer("last") is model.layers[1]
    assert model.get_layer(index=0) is model.layers[0]
    assert model.get_layer(index=-1) is model.layers[1]
    for arguments, text in (
        ({"name": "lst"}, r"No such layer: lst\. Existing layers are: \['first', 'last'\]\."),
        ({"index": 5}, r"retrieve layer at index 5 but model only has 2 layers\."),
        ({"name": "last", "index": 1}, r"either a layer name or a layer index"),
        ({}, r"either a layer name or a layer index"),
    ):
        with pytest.raises(ValueError, match=text):
            model.get_layer(**arguments)


# Calling ---------------------------------------------------------------------------------------------------------------


def test_a_model_is_a_function_of_plain_arrays() -> None:
    model = net(2, kernel_initializer="ones")
    for x in (np.ones((2, 3)), np.ones((2, 3), np.float32), np.ones((2, 3), np.int64), [[1, 1, 1], [1.0, 1.0, 1.0]]):
        out = model(x)
        assert isinstance(out, np.ndarray)
        assert out.dtype == np.float32
        assert out.tolist() == [[3, 3], [3, 3]]


@pytest.mark.keras
def test_an_axis_of_length_one_is_added_or_dropped_as_in_keras(keras: Any) -> None:
    for shape, width in (((4,), 1), ((4, 3, 1), 3), ((4, 1), 1)):
        outputs = []
        for k in (tinynn, keras):
            model = k.Sequential([k.Input((width,)), k.layers.Dense(2, kernel_initializer="ones")])
            outputs.append(np.asarray(model(np.arange(np.prod(shape)).reshape(shape).astype(np.float32))))
        assert np.array_equal(*outputs)


def test_calls_under_a_tape_are_recorded() -> None:
    model = net(2, kernel_initializer="ones")
    with tinynn.GradientTape() as tape:
        out = model(np.ones((1, 3)))
        assert isinstance(out, Recorded)
        loss = tinynn.ops.sum(out)
    kernel, bias = tape.gradient(loss, model.trainable_variables)
    assert kernel.tolist() == [[1, 1]] * 3
    assert bias.tolist() == [1, 1]


def test_dropout_is_active_only_while_training() -> None:
    tinynn.utils.set_random_seed(0)
    model = tinynn.Sequential([tinynn.Input((50,)), tinynn.layers.Dropout(0.5)])
    x = np.ones((4, 50), np.float32)
    assert np.array_equal(model(x), x)
    assert np.array_equal(model(x, training=False), x)
    assert set(np.unique(model(x, training=True))) == {0, 2}
    assert not np.array_equal(model(x, training=True), model(x, training=True))


# summary ---------------------------------------------------------------------------------------------------------------


def printed(model: Any, **settings: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), **settings)
    return "\n".join(lines)


@st.composite
def recipes(draw: Any) -> Callable[[Any], Any]:
    """Models of any layers, built or not, compiled and trained or not, frozen in parts."""
    kinds = draw(
        st.lists(st.sampled_from(["dense", "dropout", "activation", "flatten", "no bias", "frozen"]), max_size=5)
    )
    units = [draw(st.sampled_from([1, 10, 300, 12345])) for _ in kinds]
    names = [
        draw(st.sampled_from([None, None, f"layer_{i}", f"a_very_long_name_that_does_not_fit_{i}"]))
        for i in range(len(kinds))
    ]
    width, known = draw(st.sampled_from([3, 784])), draw(st.booleans())
    trained = draw(st.booleans()) and known and all(n < 1000 for n in units)

    def make(k: Any) -> Any:
        k.backend.clear_session()
        layers = [k.Input((width,))] if known else []
        for kind, n, name in zip(kinds, units, names):
            layers.append(
                {
                    "dense": lambda n=n, name=name: k.layers.Dense(n, name=name),
                    "no bias": lambda n=n, name=name: k.layers.Dense(n, use_bias=False, name=name),
                    "frozen": lambda n=n, name=name: k.layers.Dense(n, trainable=False, name=name),
                    "dropout": lambda n=n, name=name: k.layers.Dropout(0.2, name=name),
                    "activation": lambda n=n, name=name: k.layers.Activation("relu", name=name),
                    "flatten": lambda n=n, name=name: k.layers.Flatten(name=name),
                }[kind]()
            )
        model = k.Sequential(layers)
        if trained and model.trainable_variables:
            model.compile("adam", "mse", run_eagerly=True)
            model.train_on_batch(np.ones((2, width)), np.zeros((2, model.output_shape[-1])))
        return model

    return make


@pytest.mark.keras
@settings(max_examples=10)
@given(make=recipes(), line_length=st.sampled_from([None, 40, 65, 120]), show_trainable=st.booleans())
def test_summaries_are_keras_s(
    keras: Any, make: Callable[[Any], Any], line_length: int | None, show_trainable: bool
) -> None:
    with floatx_put_back(keras):
        set_floatx(keras, "float32")
        ours, theirs = (
            printed(make(k), line_length=line_length, show_trainable=show_trainable) for k in (tinynn, keras)
        )
    assert ours == theirs


@pytest.mark.keras
def test_summaries_of_models_within_models_are_keras_s(keras: Any) -> None:
    def make(k: Any) -> Any:
        k.backend.clear_session()
        inner = k.Sequential([k.layers.Dense(4), k.layers.Dense(2)], name="inner")
        return k.Sequential([k.Input((3,)), inner, k.layers.Dense(1)])

    for settings_ in ({}, {"expand_nested": True}, {"expand_nested": True, "show_trainable": True}):
        assert printed(make(tinynn), **settings_) == printed(make(keras), **settings_)


def test_summary_prints_to_standard_output() -> None:
    stdout = io.StringIO()
    with redirect_stdout(stdout):
        net(2).summary()
    assert "Total params: 8" in stdout.getvalue()
    assert 'Model: "' in stdout.getvalue()
