"""The six models. Each is written once, for a `keras` that is Keras the first time and tinynn the second."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from parity import data
from parity.data import Data

Module = Any
"""`keras` or `tinynn`: what a tutorial imports as keras."""


@dataclass(frozen=True)
class Recipe:
    """A model, its data and how it is trained."""

    name: str
    title: str
    about: str
    data: Callable[[], Data]
    build: Callable[[Module], Any]
    compile: Callable[[Module], dict[str, Any]]
    batch_size: int
    epochs: int
    quick_epochs: int
    quick_rows: int | None = None
    validation_split: float = 0.0

    def steps_per_epoch(self, made: Data) -> int:
        """Batches in an epoch on these data."""
        return math.ceil(math.floor(len(made.x) * (1 - self.validation_split)) / self.batch_size)

    def shortened(self) -> Recipe:
        """What --quick trains."""
        whole = self.data
        return replace(self, data=lambda: whole().head(self.quick_rows), epochs=self.quick_epochs)

    def what_quick_leaves_out(self) -> str:
        """'3 of 30 epochs' and the like."""
        rows = f" on {self.quick_rows:,} rows" if self.quick_rows else ""
        return f"{self.title} {self.quick_epochs} of {self.epochs} epochs{rows}"


def _medical_trial(keras: Module) -> Any:
    return keras.Sequential(
        [
            keras.Input(shape=(1,)),
            keras.layers.Dense(units=16, activation="relu"),
            keras.layers.Dense(units=32, activation="relu"),
            keras.layers.Dense(units=2, activation="softmax"),
        ]
    )


def _four_layers(keras: Module) -> Any:
    model = keras.Sequential()
    model.add(keras.Input(shape=(32,)))
    model.add(keras.layers.Dense(32, activation="relu"))
    model.add(keras.layers.Dense(64, activation="relu"))
    model.add(keras.layers.Dense(64, activation="relu"))
    model.add(keras.layers.Dense(4, activation="softmax"))
    return model


def _xor(keras: Module) -> Any:
    return keras.Sequential(
        [
            keras.layers.Input((3,)),
            keras.layers.Dense(4, activation="tanh"),
            keras.layers.Dense(3, activation="tanh"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def _images(side: int) -> Callable[[Module], Any]:
    def build(keras: Module) -> Any:
        return keras.models.Sequential(
            [
                keras.layers.Input(shape=[side, side]),
                keras.layers.Flatten(),
                keras.layers.Dense(300, activation="relu"),
                keras.layers.Dense(100, activation="relu"),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )

    return build


def _regression(keras: Module) -> Any:
    return keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(24), keras.layers.Activation("sigmoid"), keras.layers.Dense(1)]
    )


def _classes_by_number(optimizer: Callable[[Module], Any]) -> Callable[[Module], dict[str, Any]]:
    return lambda keras: {
        "optimizer": optimizer(keras),
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="medical",
            title="medical trial",
            about="1-16-32-2 ReLU, softmax; 2,100 ages; Adam 1e-4, sparse cross-entropy, batch 10, validation_split 0.1",
            data=data.medical_trial,
            build=_medical_trial,
            compile=_classes_by_number(lambda keras: keras.optimizers.Adam(learning_rate=0.0001)),
            batch_size=10,
            epochs=30,
            quick_epochs=2,
            validation_split=0.1,
        ),
        Recipe(
            name="four-layers",
            title="four layers",
            about="32-32-64-64-4 ReLU, softmax; 2,000 rows of made blobs; SGD, categorical cross-entropy, batch 32",
            data=data.blobs,
            build=_four_layers,
            compile=lambda keras: {
                "optimizer": "sgd",
                "loss": "categorical_crossentropy",
                "metrics": ["categorical_accuracy"],
            },
            batch_size=32,
            epochs=5,
            quick_epochs=2,
        ),
        Recipe(
            name="xor",
            title="XOR of 3 signs",
            about="3-4-3-2 tanh, softmax; 10,000 rows; Adam, sparse cross-entropy, batch 32",
            data=data.xor_of_three_signs,
            build=_xor,
            compile=_classes_by_number(lambda keras: "adam"),
            batch_size=32,
            epochs=10,
            quick_epochs=2,
            quick_rows=1_600,
        ),
        Recipe(
            name="digits",
            title="digits",
            about="Flatten-300-100-10 ReLU, softmax; 1,797 real 8 x 8 images; SGD 0.01, sparse cross-entropy, batch 32, "
            "validation_split 0.1",
            data=data.digits,
            build=_images(8),
            compile=_classes_by_number(lambda keras: keras.optimizers.SGD(learning_rate=0.01)),
            batch_size=32,
            epochs=10,
            quick_epochs=2,
            validation_split=0.1,
        ),
        Recipe(
            name="fashion",
            title="Fashion-MNIST",
            about="Flatten-300-100-10 ReLU, softmax; 12,000 real 28 x 28 images, 2,000 to validate on; SGD, sparse "
            "cross-entropy, batch 32",
            data=data.fashion_mnist,
            build=_images(28),
            compile=_classes_by_number(lambda keras: "sgd"),
            batch_size=32,
            epochs=3,
            quick_epochs=2,
            quick_rows=1_600,
        ),
        Recipe(
            name="regression",
            title="regression",
            about="6-24-1 sigmoid; 2,000 made rows; RMSprop, mean squared error, mae, batch 16, validation_split 0.2",
            data=data.smooth_surface,
            build=_regression,
            compile=lambda keras: {"optimizer": keras.optimizers.RMSprop(), "loss": "mse", "metrics": ["mae"]},
            batch_size=16,
            epochs=10,
            quick_epochs=2,
            validation_split=0.2,
        ),
    )
}
