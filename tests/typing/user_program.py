"""A program as users write it, for type checkers: `make lint` runs mypy --strict over it, a test runs it.

`assert_type` says what an editor has to know. Where it says Any, tinynn takes or gives anything, as Keras does.
"""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import tinynn as keras
from tinynn import callbacks, layers, losses, metrics, ops, optimizers, regularizers
from tinynn.wrappers import MLPClassifier


class Scaled(layers.Layer):
    """A layer of one's own."""

    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.gain = self.add_weight(shape=(input_shape[-1] or 1,), initializer="ones", name="gain")

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return ops.multiply(inputs, self.gain) * self.factor


class Watch(callbacks.Callback):
    """A callback of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.losses.append((logs or {})["loss"])


def main() -> float:
    """Build, train, look, wrap; the last loss."""
    keras.utils.set_random_seed(0)
    x: npt.NDArray[np.float32] = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int64)

    model = keras.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(8, activation="relu", kernel_regularizer=regularizers.L2(1e-4)),
            Scaled(0.5),
            layers.Dropout(0.1),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    assert_type(model, keras.Sequential)
    schedule = optimizers.schedules.ExponentialDecay(1e-2, decay_steps=10, decay_rate=0.9)
    model.compile(optimizers.Adam(schedule), losses.BinaryCrossentropy(), metrics=[metrics.BinaryAccuracy()])
    watch = Watch()
    model.fit(x, y, epochs=2, validation_split=0.25, callbacks=[watch], verbose=0)
    outputs = model.predict(x, verbose=0)
    assert_type(outputs, npt.NDArray[Any])
    assert_type(model.count_params(), int)
    assert_type(model.get_weights(), list[npt.NDArray[Any]])
    assert_type(model.layers, list[layers.Layer])

    weight = keras.Variable([1.0, 2.0])
    with keras.GradientTape() as tape:
        loss = ops.sum(ops.square(weight))
    tape.gradient(loss, weight)
    assert_type(weight.name, str)

    estimator = MLPClassifier((4,), epochs=2, random_state=0)
    assert_type(estimator.fit(x, y), MLPClassifier)
    assert_type(estimator.predict_proba(x), npt.NDArray[Any])
    late = keras.wrappers.MLPRegressor((4,), epochs=2).fit(x, x[:, 0])
    assert_type(late, keras.wrappers.MLPRegressor)
    return watch.losses[-1]


if __name__ == "__main__":
    print(main())
