"""Keras's tape says the same of weights, inputs and activations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import explain


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("activation", "head", "loss"),
    [
        ("tanh", "softmax", "sparse_categorical_crossentropy"),
        ("relu", "sigmoid", "binary_crossentropy"),
        ("gelu", None, "mean_squared_error"),
    ],
)
def test_kerass_tape_agrees(keras: Any, activation: str, head: str | None, loss: str) -> None:
    def made(library: Any) -> Any:
        layers = library.layers
        units = 3 if head == "softmax" else 1
        model = library.Sequential(
            [
                library.Input((4,)),
                layers.Dense(5, activation=activation, kernel_regularizer=library.regularizers.L2(0.1)),
                layers.LayerNormalization(),
                layers.Dense(units, activation=head),
            ]
        )
        model.compile("sgd", loss, run_eagerly=True)
        return model

    with floatx_put_back(keras):
        set_floatx(keras, "float64")
        compare(keras, made, loss, head)


def compare(keras: Any, made: Any, loss: str, head: str | None) -> None:
    import tensorflow as tf

    tinynn.config.set_floatx("float64")
    rng = np.random.default_rng(3)
    x, weight = rng.normal(size=(6, 4)), rng.uniform(0.5, 2, size=6)
    y = rng.integers(0, 3 if head == "softmax" else 2, 6)
    y = y if head == "softmax" else y[:, None].astype(float)
    ours, theirs = made(tinynn), made(keras)
    values = [rng.normal(size=w.shape) for w in ours.get_weights()]
    ours.set_weights(values)
    theirs.set_weights(values)
    found = explain.trace(ours, x, y, weight)
    with tf.GradientTape(persistent=True) as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        hidden = theirs.layers[0](inputs)
        normalized = theirs.layers[1](hidden)
        outputs = theirs.layers[2](normalized)
        total = theirs.compute_loss(x=inputs, y=tf.constant(y), y_pred=outputs, sample_weight=tf.constant(weight))
    assert found.loss == pytest.approx(float(total), rel=1e-13)
    sources = [*theirs.trainable_variables, inputs, hidden, normalized]
    names = [*found.gradients, "x", found.layers[0] + "/a", found.layers[1] + "/a"]
    for name, expected in zip(names, tape.gradient(total, sources), strict=True):
        gradient = found[name].gradient
        assert gradient is not None
        np.testing.assert_allclose(
            gradient, expected.numpy(), rtol=1e-11, atol=1e-13 * np.abs(gradient).max(), err_msg=name
        )
