"""Regularizers, BatchNormalization, schedules, constraints, noise; callbacks that write no model."""

import keras
import numpy as np
from keras import callbacks, constraints, initializers, layers, optimizers, regularizers

keras.utils.set_random_seed(13)
rng = np.random.default_rng(13)
X = rng.normal(size=(96, 6)).astype("float32")
y = keras.utils.to_categorical((X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int) + (X[:, 2] > 1), num_classes=3)

model = keras.Sequential(
    [
        layers.Input(shape=(6,)),
        layers.Dense(12, kernel_regularizer=regularizers.l2(0.01), use_bias=False, kernel_initializer="he_uniform"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.GaussianNoise(0.1),
        layers.Dense(
            8,
            activation="elu",
            kernel_constraint=constraints.MaxNorm(2.0),
            bias_initializer=initializers.Constant(0.1),
            activity_regularizer=regularizers.L1(1e-3),
        ),
        layers.LeakyReLU(negative_slope=0.1),
        layers.LayerNormalization(),
        layers.Dropout(0.2),
        layers.Dense(3, activation="softmax"),
    ]
)
schedule = optimizers.schedules.ExponentialDecay(0.01, decay_steps=10, decay_rate=0.9, staircase=True)
model.compile(
    optimizer=optimizers.Adam(learning_rate=schedule, clipnorm=1.0),
    loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    metrics=[
        "accuracy",
        keras.metrics.Precision(name="precision"),
        keras.metrics.AUC(name="auc", num_thresholds=50),
        keras.metrics.TopKCategoricalAccuracy(k=2, name="top2"),
    ],
)
model.summary(show_trainable=True)
history = model.fit(X, y, epochs=3, batch_size=32, validation_split=0.25, verbose=2)
print(f"{float(model.optimizer.learning_rate):.6f}", [len(layer.weights) for layer in model.layers])
print(len(model.trainable_weights), len(model.non_trainable_weights))

# The rate changed by callbacks, and some layers frozen
model.layers[0].trainable = False
model.compile(optimizers.SGD(0.05, momentum=0.9, nesterov=True), "categorical_crossentropy", metrics=["accuracy"])
frozen = model.layers[0].get_weights()[0]
more = model.fit(
    X,
    y,
    epochs=4,
    verbose=0,
    validation_data=(X, y),
    callbacks=[
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9 if epoch else rate, verbose=1),
        callbacks.ReduceLROnPlateau(monitor="loss", patience=1, factor=0.5, min_delta=10.0, verbose=1),
        callbacks.TerminateOnNaN(),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, sorted(logs))),
    ],
)
print([round(rate, 5) for rate in more.history["learning_rate"]])
print(np.array_equal(frozen, model.layers[0].get_weights()[0]), len(model.trainable_weights))
RESULT = {**history.history, **{f"more {name}": values for name, values in more.history.items()}}
