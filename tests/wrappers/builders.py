"""Functions that make models, in a module that worker processes can import."""

from __future__ import annotations

import os
from typing import Any

import tinynn as keras


def one_hot_network(X: Any, y: Any, units: int = 8) -> Any:
    """For `SKLearnClassifier`."""
    model = keras.Sequential(
        [
            keras.layers.Input(X.shape[1:]),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(y.shape[1], activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "categorical_crossentropy")
    return model


def line(X: Any, y: Any) -> Any:
    """For `SKLearnRegressor`."""
    model = keras.Sequential([keras.layers.Input(X.shape[1:]), keras.layers.Dense(y.shape[1])])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


def tutorial(n_hidden: int = 1, n_neurons: int = 30, learning_rate: float = 3e-3, n_inputs: int = 64) -> Any:
    """The builder of the books: how many hidden layers, how wide, how fast."""
    model = keras.models.Sequential()
    model.add(keras.layers.Input((n_inputs,)))
    for _ in range(n_hidden):
        model.add(keras.layers.Dense(n_neurons, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=learning_rate),
        metrics=["accuracy"],
    )
    return model


def dies_once(X: Any, y: Any, note: str, units: int = 8) -> Any:
    """As `one_hot_network`, but the first process that calls it is killed, as by a machine that runs out of memory."""
    try:
        os.close(os.open(note, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        keras.utils.set_random_seed(units)
        return one_hot_network(X, y, units)
    os._exit(9)
