"""Networks to be explained: a small one to be worked by hand, and random ones."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinynn
from parity.example import Example
from parity.strategies import examples
from tinynn._typing import Array

AXES = ("layers", "loss", "inputs", "weights", "sample_weight", "dtype", "seed", "batches")
random_examples = examples(AXES)


def two_three_two(activation: str = "tanh", **compile_arguments: Any) -> tuple[Any, Array, Array]:
    """The network of textbooks, two samples, in float64."""
    tinynn.config.set_floatx("float64")
    tinynn.backend.clear_session()
    layers = tinynn.layers
    model = tinynn.Sequential(
        [tinynn.Input((2,)), layers.Dense(3, activation=activation), layers.Dense(2, activation="softmax")]
    )
    weights = np.random.default_rng(4)
    model.set_weights([weights.normal(size=w.shape) for w in model.get_weights()])
    settings = {
        "optimizer": "sgd",
        "loss": "sparse_categorical_crossentropy",
        "jit_compile": False,
        **compile_arguments,
    }
    model.compile(**settings)
    return model, np.array([[0.5, -1.0], [1.5, 0.25]]), np.array([0, 1])


def built(example: Example) -> tuple[Any, Array, Array, Array | None]:
    """The compiled model of an example, and its data: one batch of all samples."""
    tinynn.config.set_floatx(example.dtype)
    tinynn.backend.clear_session()
    tinynn.utils.set_random_seed(example.seed)
    model = example.build(tinynn, jit_compile=False)
    return (model, *example.data())


def everything() -> tuple[Any, Array, Array]:
    """One of many a kind of layer, with penalties, in float32."""
    tinynn.config.set_floatx("float32")
    tinynn.backend.clear_session()
    tinynn.utils.set_random_seed(7)
    layers = tinynn.layers
    model = tinynn.Sequential(
        [
            tinynn.Input((2, 3)),
            layers.Flatten(),
            layers.Dense(8, activation="relu", kernel_regularizer="l2", activity_regularizer="l1"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(5, use_bias=False),
            layers.LayerNormalization(),
            layers.LeakyReLU(),
            layers.PReLU(),
            layers.Reshape((5, 1)),
            layers.Dense(2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3),
            layers.Softmax(),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(6, 2, 3)), rng.integers(0, 3, 6)
