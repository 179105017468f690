"""tinynn and Keras: the same program, through `fit(verbose=0)` over whole epochs, so that all their overhead counts."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from benchmarks.engines.engine import Engine
from benchmarks.errors import SetupError
from benchmarks.workloads import SEED, Array


class KerasApi(Engine):
    """What a user of either writes."""

    keras: Any
    model: Any
    jit: bool

    def prepare(self, weights: list[Array], dtype: str) -> None:
        keras, workload = self.keras, self.workload
        keras.config.set_floatx(dtype)
        keras.backend.clear_session()
        keras.utils.set_random_seed(SEED)  # which settles the order of the samples in fit
        with self.scope():
            hidden = [keras.layers.Dense(units, activation=workload.activation) for units in workload.sizes[1:-1]]
            last = keras.layers.Dense(workload.sizes[-1], activation="softmax")
            self.model = keras.Sequential([keras.layers.Input((workload.sizes[0],)), *hidden, last])
            self.model.set_weights(weights)
            optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[workload.optimizer]
            self.model.compile(
                optimizer=optimizer(learning_rate=workload.learning_rate),
                loss=workload.loss,
                metrics=["accuracy"],
                jit_compile=self.jit,
            )

    def fit(self, epochs: int) -> float:
        with self.scope():
            history = self.model.fit(self.x, self.y, batch_size=self.workload.batch, epochs=epochs, verbose=0)
        return float(history.history["loss"][-1])

    def weights(self) -> list[Array]:
        return [np.asarray(w) for w in self.model.get_weights()]

    def predict(self, x: Array) -> Array:
        with self.scope():
            outputs: Array = self.model.predict(x, verbose=0)
        return outputs

    def call(self, x: Array) -> Array:
        with self.scope():
            return np.asarray(self.model(x))

    def evaluate(self) -> float:
        with self.scope():
            found = self.model.evaluate(self.x, self.y, batch_size=self.workload.batch, verbose=0)
        return float(found[0])

    def scope(self) -> Any:
        """Where models are made and run."""
        return contextlib.nullcontext()


class Tinynn(KerasApi):
    """tinynn on one of its engines."""

    def __init__(self, jit: bool) -> None:
        self.jit = jit

    def import_library(self) -> dict[str, Any]:
        import tinynn

        self.keras = tinynn
        return {}

    def note(self) -> str:
        ran, wanted = self.model.engine, "compiled" if self.jit else "reference"
        if not str(ran).startswith(wanted):
            raise RuntimeError(f"tinynn ran on another engine than asked: {ran}")
        return ""


class Keras(KerasApi):
    """Keras on TensorFlow."""

    def __init__(self, jit: bool = False, device: str = "CPU") -> None:
        self.jit, self.device = jit, device
        self.tensorflow: Any = None

    def import_library(self) -> dict[str, Any]:
        import tensorflow

        self.tensorflow = tensorflow
        gpus = tensorflow.config.list_physical_devices("GPU")
        if self.device == "CPU":
            tensorflow.config.set_visible_devices([], "GPU")
        elif not gpus:
            raise SetupError("TensorFlow finds no GPU")
        import keras

        self.keras = keras
        names = [tensorflow.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
        return {"gpus": names}

    def scope(self) -> Any:
        return self.tensorflow.device(f"/{self.device}:0")

    def note(self) -> str:
        places = {variable.value.device for variable in self.model.variables}
        if not all(f"device:{self.device}:0" in place for place in places):
            raise RuntimeError(f"variables lie on {sorted(places)}; expected {self.device}")
        return ""


class Accelerated(Keras):
    """Keras on TensorFlow, its `fit`, `evaluate` and `predict` run by tinynn: `tinynn.accelerate`."""

    def import_library(self) -> dict[str, Any]:
        import tinynn

        self.tinynn = tinynn
        return super().import_library()

    def prepare(self, weights: list[Array], dtype: str) -> None:
        super().prepare(weights, dtype)
        self.tinynn.accelerate(self.model)

    def note(self) -> str:
        if "fit" not in vars(self.model):
            raise RuntimeError("Keras ran its model itself")
        return super().note()
