"""Layers around Dense: values, derivatives, configurations and errors as Keras's; short runs from the seed alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.models.twins import Run, assert_twins, floatx_put_back, set_floatx
from tinynn import layers

TABLE = np.random.default_rng(0).normal(size=(5, 6))
CUBE = np.random.default_rng(1).normal(size=(4, 2, 6))
UPSTREAM = np.random.default_rng(2)


def double(x: Any, times: float = 2.0) -> Any:
    return x * times


def seeded(k: Any, floatx: str) -> None:
    set_floatx(k, floatx)
    k.backend.clear_session()
    k.utils.set_random_seed(3)


# name -> (the layer, what goes in, whether it is training)
LAYERS: dict[str, tuple[Callable[[Any], Any], Any, bool]] = {
    "BatchNormalization": (lambda k: k.layers.BatchNormalization(momentum=0.7), TABLE, True),
    "BatchNormalization, not training": (lambda k: k.layers.BatchNormalization(), TABLE, False),
    "BatchNormalization, axis 1": (lambda k: k.layers.BatchNormalization(axis=1, gamma_initializer="ones"), CUBE, True),
    "BatchNormalization, three axes": (lambda k: k.layers.BatchNormalization(beta_initializer="ones"), CUBE, True),
    "BatchNormalization, no scale": (lambda k: k.layers.BatchNormalization(scale=False, epsilon=0.1), TABLE, True),
    "BatchNormalization, no center": (lambda k: k.layers.BatchNormalization(center=False), TABLE, True),
    "BatchNormalization, frozen": (lambda k: k.layers.BatchNormalization(trainable=False), TABLE, True),
    "LayerNormalization": (lambda k: k.layers.LayerNormalization(), TABLE, True),
    "LayerNormalization, two axes": (lambda k: k.layers.LayerNormalization(axis=[1, 2]), CUBE, True),
    "LayerNormalization, axis 1": (lambda k: k.layers.LayerNormalization(axis=1, scale=False), CUBE, True),
    "LayerNormalization, no center": (lambda k: k.layers.LayerNormalization(center=False, epsilon=0.1), CUBE, True),
    "GroupNormalization": (lambda k: k.layers.GroupNormalization(groups=3), TABLE, True),
    "GroupNormalization, three axes": (lambda k: k.layers.GroupNormalization(groups=2), CUBE, True),
    "GroupNormalization, axis 1": (lambda k: k.layers.GroupNormalization(groups=-1, axis=1, scale=False), CUBE, True),
    "RMSNormalization": (lambda k: k.layers.RMSNormalization(), TABLE, True),
    "RMSNormalization, two axes": (lambda k: k.layers.RMSNormalization(axis=(1, 2), epsilon=0.1), CUBE, True),
    "UnitNormalization": (lambda k: k.layers.UnitNormalization(), TABLE, True),
    "UnitNormalization, axis 1": (lambda k: k.layers.UnitNormalization(axis=1), CUBE, True),
    "AlphaDropout": (lambda k: k.layers.AlphaDropout(0.4), TABLE, True),
    "AlphaDropout of rows": (lambda k: k.layers.AlphaDropout(0.5, noise_shape=(None, 1), seed=3), TABLE, True),
    "AlphaDropout, not training": (lambda k: k.layers.AlphaDropout(0.4), TABLE, False),
    "AlphaDropout of nothing": (lambda k: k.layers.AlphaDropout(0), TABLE, True),
    "GaussianNoise": (lambda k: k.layers.GaussianNoise(0.4), CUBE, True),
    "GaussianNoise, not training": (lambda k: k.layers.GaussianNoise(0.4, seed=1), TABLE, False),
    "GaussianDropout": (lambda k: k.layers.GaussianDropout(0.4), TABLE, True),
    "ActivityRegularization": (lambda k: k.layers.ActivityRegularization(0.1, 0.2), TABLE, True),
    "Identity": (lambda k: k.layers.Identity(), CUBE, True),
    "Reshape": (lambda k: k.layers.Reshape((3, -1)), TABLE, True),
    "Permute": (lambda k: k.layers.Permute((2, 1)), CUBE, True),
    "RepeatVector": (lambda k: k.layers.RepeatVector(3), TABLE, True),
    "Lambda": (lambda k: k.layers.Lambda(double, arguments={"times": 3.0}), TABLE, True),
    "Rescaling": (lambda k: k.layers.Rescaling(0.1, offset=-1), TABLE, True),
    "Rescaling by a list": (lambda k: k.layers.Rescaling([1.0, 2.0, 3.0, 4.0, 5.0, 0.1]), CUBE, True),
    "Normalization": (lambda k: adapted(k.layers.Normalization()), TABLE, True),
    "Normalization of all": (lambda k: adapted(k.layers.Normalization(axis=None)), TABLE, True),
    "Normalization, the way back": (lambda k: adapted(k.layers.Normalization(invert=True)), TABLE, True),
    "Normalization, given": (lambda k: k.layers.Normalization(mean=[0.1] * 6, variance=[2.0] * 6), TABLE, True),
    "Normalization, one number": (lambda k: k.layers.Normalization(axis=(1, 2), mean=3, variance=4.0), CUBE, True),
    "Normalization, two axes": (lambda k: adapted(k.layers.Normalization(axis=(1, 2)), CUBE), CUBE, True),
    "Normalization, batches": (lambda k: adapted(k.layers.Normalization(), [TABLE[:2], TABLE[2:]]), TABLE, True),
}


def adapted(layer: Any, data: Any = TABLE) -> Any:
    layer.adapt([part.astype(layer.dtype) for part in data] if isinstance(data, list) else data.astype(layer.dtype))
    return layer


def seen(k: Any, name: str, floatx: str) -> dict[str, Any]:
    """Output, losses, weights afterwards, and derivatives by the input and each trained weight."""
    import tensorflow as tf

    seeded(k, floatx)
    make, x, training = LAYERS[name]
    layer, x = make(k), x.astype(floatx)
    if not layer.built:
        layer.build(x.shape)
    random = np.random.default_rng(5)
    for weight in layer.trainable_weights:  # other than ones and zeros
        weight.assign(random.uniform(0.5, 2, weight.shape).astype(floatx))
    told = {"training": training} if "Dropout" in name or "Noise" in name or "Batch" in name else {}
    if k is tinynn:
        with tinynn.GradientTape() as tape:
            handle = tape.watch(x)
            out = layer(handle, **told)
            losses = list(layer.losses)
    else:
        with tf.GradientTape() as tape:
            handle = tf.constant(x)
            tape.watch(handle)
            out = layer(handle, **told)
            losses = list(layer.losses)
    upstream = np.random.default_rng(7).normal(size=tuple(out.shape)).astype(floatx)
    sources = [handle, *layer.trainable_weights]
    if k is not tinynn:
        sources = [handle, *(weight.value for weight in layer.trainable_weights)]
    found = tape.gradient([out, *losses], sources, output_gradients=[upstream, *[np.ones((), floatx)] * len(losses)])
    return {
        "out": np.asarray(out.numpy() if hasattr(out, "numpy") else out),
        **{f"loss {i}": np.asarray(loss) for i, loss in enumerate(losses)},
        **{weight.path: weight.numpy() for weight in layer.variables},
        **{f"derivative {i}": np.asarray(d) for i, d in enumerate(found)},
    }


@pytest.mark.keras
@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_derivatives_are_keras_s(keras: Any, name: str, floatx: str) -> None:
    with floatx_put_back(keras, tinynn):
        ours, theirs = seen(tinynn, name, floatx), seen(keras, name, floatx)
    assert list(ours) == list(theirs)
    for where, value in theirs.items():
        assert (ours[where].dtype, ours[where].shape) == (value.dtype, value.shape), where
        if value.dtype.kind != "f":
            assert np.array_equal(ours[where], value)
            continue
        # Sums of at most 12 terms; deviations of these data are above 0.1, so that differences lose a digit at most. Noise is a
        # logarithm and a sine of the C library's, good to 3 ulp.
        bound = 12 * 10 * np.finfo(value.dtype).eps * max(1.0, np.abs(value).max(initial=0.0))
        assert np.abs(ours[where] - value).max(initial=0.0) <= bound, (where, ours[where], value)


ARGUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("ActivityRegularization", {"l1": 0.1}),
    ("AlphaDropout", {"rate": 0.1, "seed": 3, "noise_shape": (None, 1)}),
    ("BatchNormalization", {}),
    (
        "BatchNormalization",
        {"axis": 1, "momentum": 0.5, "beta_regularizer": "l2", "gamma_constraint": "non_neg", "center": False},
    ),
    ("GaussianDropout", {"rate": 0.1}),
    ("GaussianNoise", {"stddev": 0.1, "name": "noise"}),
    ("GroupNormalization", {"groups": 2}),
    ("Identity", {"dtype": "float64"}),
    ("LayerNormalization", {"axis": [1, 2], "gamma_regularizer": "l1"}),
    ("LayerNormalization", {}),
    ("Normalization", {"axis": None}),
    ("Normalization", {"mean": [1.0, 2.0], "variance": [1.0, 3.0], "invert": True}),
    ("Permute", {"dims": [2, 1]}),
    ("RMSNormalization", {}),
    ("RepeatVector", {"n": 3}),
    ("Rescaling", {"scale": 2}),
    ("Rescaling", {"scale": [1.0, 2.0], "offset": -1.0}),
    ("Reshape", {"target_shape": [2, -1]}),
    ("UnitNormalization", {"axis": (1, 2), "trainable": False}),
    (
        "Dense",
        {
            "units": 3,
            "kernel_regularizer": "l1",
            "bias_regularizer": "l2",
            "activity_regularizer": "L1L2",
            "kernel_constraint": "max_norm",
            "bias_constraint": "NonNeg",
        },
    ),
]


@pytest.mark.keras
@pytest.mark.parametrize(("name", "arguments"), ARGUMENTS)
def test_configs_are_keras_s_and_make_the_layer_again(keras: Any, name: str, arguments: dict[str, Any]) -> None:
    configs = []
    with floatx_put_back(keras, tinynn):
        for k in (tinynn, keras):
            seeded(k, "float32")
            configs.append(getattr(k.layers, name)(**arguments).get_config())
    assert configs[0] == configs[1]
    kind = getattr(layers, name)
    assert kind.from_config(configs[0]).get_config() == configs[0]


def test_arrays_in_a_rescaling_survive_their_description() -> None:
    layer = layers.Rescaling(np.array([1.0, 2.0]), np.float32(0.5))
    again = layers.Rescaling.from_config(layer.get_config())
    assert np.array_equal(again(np.ones((1, 2))), [[1.5, 2.5]])


@pytest.mark.keras
@pytest.mark.parametrize(
    "wrong",
    [
        lambda k: k.layers.AlphaDropout(2.0),
        lambda k: k.layers.GaussianDropout(-1.0),
        lambda k: k.layers.GaussianNoise(2.0),
        lambda k: k.layers.ActivityRegularization(l1=-1.0),
        lambda k: k.layers.Reshape((-1, -1)),
        lambda k: k.layers.Reshape((-2, 2)),
        lambda k: k.layers.Reshape((4, 2))(TABLE),
        lambda k: k.layers.Reshape((-1, 4))(TABLE),
        lambda k: k.layers.Permute((0, 1)),
        lambda k: k.layers.Permute((2, 1))(TABLE),
        lambda k: k.layers.RepeatVector(0),
        lambda k: k.layers.RepeatVector(1.5),
        lambda k: k.layers.RepeatVector(2)(CUBE),
        lambda k: k.layers.Normalization(mean=1.0),
        lambda k: k.layers.Normalization(mean=[1.0], variance=1.0),
        lambda k: k.layers.Normalization(mean=[[1.0]], variance=[[1.0]]),
        lambda k: k.layers.Normalization(axis=3)(TABLE),
        lambda k: k.layers.Normalization(axis=0).build((None, 3)),
        lambda k: k.layers.Normalization().adapt([]),
        lambda k: k.layers.Normalization().adapt([1.0, 2.0]),
        lambda k: k.layers.Normalization().adapt(3),
        lambda k: (lambda layer: (layer.adapt(TABLE), layer.adapt(CUBE[..., 0])))(k.layers.Normalization()),
        lambda k: k.layers.LayerNormalization(axis="a"),
        lambda k: k.layers.LayerNormalization().build((2, None)),
        lambda k: k.layers.UnitNormalization(axis="a"),
        lambda k: k.layers.GroupNormalization(0),
        lambda k: k.layers.GroupNormalization(4)(TABLE),
        lambda k: k.layers.GroupNormalization()(TABLE),
        lambda k: k.layers.BatchNormalization().build((2, None)),
        lambda k: (lambda layer: (layer(TABLE), layer(TABLE[:, :3])))(k.layers.BatchNormalization()),
        lambda k: k.layers.BatchNormalization(axis=5).compute_output_shape((None, 4)),
        lambda k: k.layers.Dense(2, kernel_regularizer="l3"),
        lambda k: k.layers.Dense(2, kernel_constraint="max"),
        lambda k: k.layers.Layer(trainable="no"),
        lambda k: k.layers.Layer(dtype="foo"),
    ],
)
def test_errors_are_of_keras_s_kinds(keras: Any, wrong: Callable[[Any], Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as theirs:
        wrong(keras)
    with pytest.raises(theirs.type):
        wrong(tinynn)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: layers.BatchNormalization(synchronized=True), "synchronized=True is not there"),
        (lambda: layers.BatchNormalization(renorm=True), "renorm=True is not there"),
        (lambda: layers.AlphaDropout(1.0)(TABLE, training=True), "leaves nothing of its inputs"),
        (lambda: layers.GaussianDropout(1.0)(TABLE, training=True), "infinite noise"),
        (lambda: layers.Dense(2, lora_rank=2), "lora_rank is not there"),
        (lambda: layers.Dense(2, kernel_regularizer="l3"), 'Unknown regularizer "l3"'),
        (lambda: layers.LayerNormalization(rms_scaling=True), "use RMSNormalization"),
        (lambda: layers.Lambda.from_config(layers.Lambda(lambda x: x).get_config()), "would run code from a file"),
        (lambda: layers.Lambda.from_config(layers.Lambda(double).get_config()), 'custom_objects={"double": double}'),
        (lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(TABLE), "nothing to adapt"),
    ],
)
def test_errors_say_how_to_mend(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        wrong()


# Lambda -----------------------------------------------------------------------------------------------------------------


def test_a_lambda_finds_its_shape_and_comes_back_by_name() -> None:
    layer = layers.Lambda(lambda x: x[:, :2])
    assert layer.compute_output_shape((None, 6)) == (None, 2)
    assert layers.Lambda(double, output_shape=(3,)).compute_output_shape((None, 6)) == (None, 3)
    assert layers.Lambda(double, output_shape=lambda s: (s[0], 7)).compute_output_shape((None, 6)) == (None, 7)
    again = layers.Lambda.from_config(layers.Lambda(double).get_config(), custom_objects={"double": double})
    assert np.array_equal(again(TABLE[:1]), double(TABLE[:1].astype(np.float32)))


def test_a_lambda_is_told_of_training_if_it_asks() -> None:
    layer = layers.Lambda(lambda x, training=None: x * (2 if training else 1))
    assert np.array_equal(layer(np.ones((1, 1)), training=True), [[2]])
    assert np.array_equal(layer(np.ones((1, 1))), [[1]])


def test_statistics_are_in_force_as_soon_as_they_are_set() -> None:
    layer = layers.Normalization()
    layer.adapt(np.array([[1.0], [3.0]], np.float32))
    other = layers.Normalization()
    other.build((None, 1))
    other.set_weights(layer.get_weights())
    assert np.array_equal(other(np.array([[3.0]])), [[1.0]])


# Short runs -------------------------------------------------------------------------------------------------------------


def stack(k: Any) -> list[Any]:
    return [
        k.Input((6,)),
        k.layers.BatchNormalization(momentum=0.8),
        k.layers.Dense(5, activation="tanh", kernel_regularizer="l2", activity_regularizer=k.regularizers.L1(0.02)),
        k.layers.GaussianNoise(0.1),
        k.layers.LayerNormalization(beta_regularizer="l1"),
        k.layers.AlphaDropout(0.2),
        k.layers.ActivityRegularization(l2=0.01),
        k.layers.Reshape((5, 1)),
        k.layers.GaussianDropout(0.2),
        k.layers.Flatten(),
        k.layers.RMSNormalization(),
        k.layers.Dense(
            3,
            activation="softmax",
            kernel_constraint=k.constraints.MaxNorm(0.9),
            bias_constraint="non_neg",
            bias_regularizer=k.regularizers.L1L2(0.01, 0.02),
        ),
    ]


@pytest.mark.keras
@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_run_with_all_of_them_is_keras_s(keras: Any, floatx: str, optimizer: str) -> None:
    random = np.random.default_rng(4)
    x, y = random.normal(size=(11, 6)).astype(floatx), random.integers(0, 3, 11)
    validation = random.normal(size=(5, 6)).astype(floatx), random.integers(0, 3, 5)
    fit = {"epochs": 2, "validation_data": validation}
    found = assert_twins(keras, Run(stack, x, y, optimizer=optimizer, floatx=floatx, fit=fit))
    assert list(found.history) == ["loss", "val_loss"]


@pytest.mark.keras
def test_summaries_are_keras_s(keras: Any) -> None:
    printed = []
    with floatx_put_back(keras, tinynn):
        for k in (tinynn, keras):
            seeded(k, "float32")
            lines: list[str] = []
            k.Sequential(
                [*stack(k), k.layers.RepeatVector(2), k.layers.Permute((2, 1)), k.layers.Lambda(double)]
            ).summary(print_fn=lines.append, show_trainable=True)
            printed.append(lines)
    assert printed[0] == printed[1]


@pytest.mark.keras
def test_freezing_batch_normalization_is_keras_s(keras: Any) -> None:
    """A frozen one takes its running statistics, in training too, and leaves them as they are."""
    seen_by = []
    with floatx_put_back(keras, tinynn):
        for k in (tinynn, keras):
            seeded(k, "float64")
            layer = k.layers.BatchNormalization()
            layer(TABLE, training=True)
            layer.trainable = False
            frozen = np.asarray(layer(TABLE, training=True))
            layer.trainable = True
            seen_by.append(
                [frozen, *layer.get_weights(), [v.path for v in layer.trainable_weights], layer.count_params()]
            )
    for ours, theirs in zip(*seen_by, strict=True):
        assert ours == theirs if isinstance(ours, (list, int)) else np.allclose(ours, theirs, rtol=1e-13, atol=1e-13)
