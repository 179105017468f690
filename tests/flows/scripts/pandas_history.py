"""Frames in, a frame of the history out, plotted by pandas."""

import keras
import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("Agg")

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
data = pd.DataFrame(rng.normal(size=(120, 3)), columns=["width", "height", "depth"])
data["price"] = 2 * data["width"] - data["depth"] + 0.1 * rng.normal(size=120)
features, target = data.drop(columns="price"), data["price"]

model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1)])
model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
history = model.fit(features, target, validation_split=0.25, epochs=3, verbose=0)
frame = pd.DataFrame(history.history)
frame["epoch"] = history.epoch
print(frame.round(3).tail())
axes = frame.plot(x="epoch", figsize=(8, 5))
axes.grid(True)
print([line.get_label() for line in axes.lines])
predicted = model.predict(features[:4], verbose=0).flatten()
print(predicted.round(3))
RESULT = {**history.history, "predicted": predicted}
