"""Fashion-MNIST's shape: Flatten(input_shape=[28, 28]), evaluate, argmax of predict, a plot of the history."""

import keras
import matplotlib
import numpy as np
from keras import layers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
patterns = rng.random((10, 28, 28))


def some(count):
    labels = rng.integers(0, 10, count)
    images = (255 * np.clip(patterns[labels] + rng.normal(0, 0.4, (count, 28, 28)), 0, 1)).astype("uint8")
    return images, labels.astype("uint8")


(X_train_full, y_train_full), (X_test, y_test) = some(600), some(100)
X_valid, X_train = X_train_full[:100] / 255.0, X_train_full[100:] / 255.0
y_valid, y_train = y_train_full[:100], y_train_full[100:]
X_test = X_test / 255.0
class_names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]

model = keras.models.Sequential()
model.add(layers.Flatten(input_shape=[28, 28]))
model.add(layers.Dense(30, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
model.summary()
print(model.layers[1].name, model.get_layer(model.layers[1].name) is model.layers[1])
weights, biases = model.layers[1].get_weights()
print(weights.shape, biases.shape, model.input_shape, model.output_shape)

model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
history = model.fit(X_train, y_train, epochs=3, validation_data=(X_valid, y_valid), verbose=1)
print(history.params, history.epoch, list(history.history))

figure, axes = plt.subplots(figsize=(8, 5))
for name, values in history.history.items():
    axes.plot(history.epoch, values, label=name)
axes.legend()
figure.canvas.draw()
print([line.get_label() for line in axes.lines])

test_loss, test_accuracy = model.evaluate(X_test, y_test, verbose=0)
print(f"{test_loss:.3f} {test_accuracy:.3f}")
X_new = X_test[:3]
y_proba = model.predict(X_new)
print(y_proba.round(2))
y_pred = np.argmax(y_proba, axis=-1)
print(y_pred, np.array(class_names)[y_pred], type(history.history["loss"][0]).__name__)
RESULT = {**history.history, "test": [test_loss, test_accuracy], "probabilities": y_proba}
