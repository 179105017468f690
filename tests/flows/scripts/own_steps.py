"""train_step overridden, and a loop written by hand."""

import keras
import numpy as np
from tensorflow import GradientTape

keras.utils.set_random_seed(21)
X = np.random.default_rng(2).normal(size=(64, 3)).astype("float32")
y = (X.sum(axis=1, keepdims=True) > 0).astype("float32")


class Trained(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.drop = keras.layers.Dropout(0.25)
        self.out = keras.layers.Dense(1, activation="sigmoid")
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
        self.loss_fn = keras.losses.BinaryCrossentropy()

    def call(self, inputs, training=False):
        return self.out(self.drop(self.hidden(inputs), training=training))

    def train_step(self, data):
        x, y = data
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.loss_fn(y, y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        self.mae_metric.update_state(y, y_pred)
        return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

    def test_step(self, data):
        x, y = data
        y_pred = self(x, training=False)
        self.loss_tracker.update_state(self.loss_fn(y, y_pred))
        self.mae_metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}

    @property
    def metrics(self):
        return [self.loss_tracker, self.mae_metric]


model = Trained()
model.compile(optimizer=keras.optimizers.Adam(0.01))
history = model.fit(X, y, epochs=2, batch_size=16, validation_data=(X, y), verbose=2)
model.summary()
print(model.evaluate(X, y, verbose=0, return_dict=True).keys())

# By hand
keras.utils.set_random_seed(22)
net = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
optimizer = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_metric, val_metric = keras.metrics.SparseCategoricalAccuracy(), keras.metrics.SparseCategoricalAccuracy()
labels, losses = y[:, 0].astype("int32"), []
for epoch in range(2):
    for step in range(4):
        x_batch, y_batch = X[16 * step : 16 * step + 16], labels[16 * step : 16 * step + 16]
        with GradientTape() as tape:
            logits = net(x_batch, training=True)
            loss_value = loss_fn(y_batch, logits)
        grads = tape.gradient(loss_value, net.trainable_weights)
        optimizer.apply(grads, net.trainable_weights)
        train_metric.update_state(y_batch, logits)
        losses.append(float(loss_value))
    val_metric.update_state(labels, net(X, training=False))
    print(
        f"epoch {epoch} train {float(train_metric.result()):.4f} val {float(val_metric.result()):.4f} {losses[-1]:.3f}"
    )
    train_metric.reset_state()
    val_metric.reset_state()
print(int(optimizer.iterations), [tuple(v.shape) for v in net.trainable_variables])
with GradientTape(persistent=True) as tape:
    z = keras.ops.convert_to_tensor(X[:2])
    tape.watch(z)
    out = keras.ops.sum(keras.ops.square(z))
print(np.asarray(tape.gradient(out, z)).round(3))
RESULT = {**history.history, "losses": losses, "weights": net.get_weights()[0]}
