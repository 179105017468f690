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
@pytest.mark.parametrize(("dtype", "eps"), [("float64", 1.1e-16), ("float32", 6e-8)])
@pytest.mark.parametrize(
    ("activation", "head", "loss"),
    [
        ("tanh", "softmax", "sparse_categorical_crossentropy"),
        ("relu", "sigmoid", "binary_crossentropy"),
        ("gelu", None, "mean_squared_error"),
    ],
)
def test_kerass_tape_agrees(keras: Any, activation: str, head: str | None, loss: str, dtype: str, eps: float) -> None:
    """About a hundred roundings an entry, and differences that may be ten times smaller than what they are taken of."""

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
        set_floatx(keras, dtype)
        compare(keras, made, loss, head, dtype, 1e3 * eps)


def compare(keras: Any, made: Any, loss: str, head: str | None, dtype: str, tolerance: float) -> None:
    import tensorflow as tf

    tinynn.config.set_floatx(dtype)
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
        inputs = tf.constant(x, dtype)
        tape.watch(inputs)
        hidden = theirs.layers[0](inputs)
        normalized = theirs.layers[1](hidden)
        outputs = theirs.layers[2](normalized)
        total = theirs.compute_loss(
            x=inputs, y=tf.constant(y), y_pred=outputs, sample_weight=tf.constant(weight, dtype)
        )
    assert found.loss == pytest.approx(float(total), rel=tolerance)
    sources = [*theirs.trainable_variables, inputs, hidden, normalized]
    names = [*found.gradients, "x", found.layers[0] + "/a", found.layers[1] + "/a"]
    for name, expected in zip(names, tape.gradient(total, sources), strict=True):
        gradient = found[name].gradient
        assert gradient is not None
        np.testing.assert_allclose(
            gradient, expected.numpy(), rtol=0, atol=tolerance * np.abs(gradient).max(), err_msg=name
        )
