"""XOR with a hidden layer of tanh, an output of sigmoid."""

import keras
import numpy as np
from keras import Sequential
from keras.layers import Dense, Input
from keras.optimizers import SGD

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])

results = {}
for hidden in ("sigmoid", "tanh"):
    keras.utils.set_random_seed(1)
    model = Sequential([Input((2,)), Dense(4, activation=hidden), Dense(1, activation="sigmoid")], name=f"xor_{hidden}")
    model.compile(loss="binary_crossentropy", optimizer=SGD(learning_rate=0.5, momentum=0.9), metrics=["accuracy"])
    history = model.fit(X, y, epochs=30, batch_size=1, verbose=0)
    scores = model.evaluate(X, y, verbose=0)
    print(f"{model.name}: {model.metrics_names[1]}: {scores[1] * 100:.2f}%")
    print((model.predict(X, verbose=0) > 0.5).astype(int).ravel())
    for x, p in zip(X, model.predict(X, verbose=0)):
        print(x, f"{p[0]:.2f}")
    results[hidden] = history.history["loss"]
    for layer in model.layers:
        w, b = layer.get_weights()
        print(layer.name, w.shape, b.shape, layer.activation.__name__)
RESULT = results
