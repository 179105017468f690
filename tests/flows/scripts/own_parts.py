"""An own layer, loss, metric, optimizer and callback, in one model."""

import keras
import numpy as np
from keras import ops

keras.utils.set_random_seed(8)


class Linear(keras.layers.Layer):
    def __init__(self, units=32, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True, name="w"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="b")

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, self.w) + self.b)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "activation": keras.activations.serialize(self.activation)}


class Scaled(keras.losses.Loss):
    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        error = ops.abs(y_pred - ops.cast(y_true, y_pred.dtype))
        return self.scale * ops.mean(ops.where(error < 1.0, 0.5 * ops.square(error), error - 0.5), axis=-1)


class WithinTolerance(keras.metrics.Metric):
    def __init__(self, tolerance=0.5, name="within", **kwargs):
        super().__init__(name=name, **kwargs)
        self.tolerance = tolerance
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.seen = self.add_weight(name="seen", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        near = ops.abs(y_pred - ops.cast(y_true, y_pred.dtype)) < self.tolerance
        self.hits.assign_add(ops.sum(ops.cast(near, "float32")))
        self.seen.assign_add(ops.cast(ops.size(near), "float32"))

    def result(self):
        return self.hits / ops.maximum(self.seen, 1.0)


class SignSGD(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.01, name="sign_sgd", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)

    def build(self, var_list):
        super().build(var_list)
        self.past = [self.add_variable_from_reference(v, name="past") for v in var_list]

    def update_step(self, gradient, variable, learning_rate):
        past = self.past[self._get_variable_index(variable)]
        self.assign(past, 0.5 * past + 0.5 * gradient)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * ops.sign(past))


class Notes(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        print("begin", sorted(self.params))

    def on_epoch_end(self, epoch, logs=None):
        print(epoch, sorted(logs), f"rate {float(self.model.optimizer.learning_rate):.3f}")

    def on_train_batch_end(self, batch, logs=None):
        self.batches = getattr(self, "batches", 0) + 1

    def on_train_end(self, logs=None):
        print("batches", self.batches)


def mean_error(y_true, y_pred):
    return ops.mean(y_pred - y_true)


X = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
y = (X[:, :1] - 2 * X[:, 1:2]).astype("float32")
model = keras.Sequential([keras.Input((4,)), Linear(6, "relu"), keras.layers.Lambda(lambda x: x * 2.0), Linear(1)])
model.compile(SignSGD(0.02), Scaled(2.0), metrics=[WithinTolerance(), mean_error])
model.summary()
notes = Notes()
history = model.fit(X, y, batch_size=16, epochs=3, verbose=2, callbacks=[notes])
print(model.evaluate(X, y, verbose=0, return_dict=True).keys())
config = model.layers[0].get_config()
print({name: config[name] for name in ("name", "units", "activation")})
again = Linear.from_config(config)
print(again.name, again.units, again.activation.__name__)
print([v.path for v in model.trainable_variables])


# A plain function as the loss, and a layer that adds its own loss
class Sparse(keras.layers.Layer):
    def call(self, inputs):
        self.add_loss(0.01 * ops.sum(ops.abs(inputs)))
        return inputs


other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), Sparse(), keras.layers.Dense(1)])
other.compile("sgd", lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred), axis=-1), run_eagerly=True)
more = other.fit(X, y, epochs=2, verbose=0)
RESULT = {**history.history, "more": more.history["loss"], "weights": model.get_weights()[0]}
