"""A generator, a PyDataset, class weights, sample weights, single batches."""

import keras
import numpy as np

keras.utils.set_random_seed(17)
rng = np.random.default_rng(17)
X = rng.normal(size=(90, 4)).astype("float32")
y = (X[:, 0] > 0.8).astype("float32")[:, None]


def batches():
    while True:
        for start in range(0, 90, 30):
            yield X[start : start + 30], y[start : start + 30]


class Dataset(keras.utils.PyDataset):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def __len__(self):
        return -(-90 // self.size)

    def __getitem__(self, index):
        rows = slice(index * self.size, (index + 1) * self.size)
        return X[rows], y[rows]


model = keras.Sequential(
    [keras.Input((4,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.Recall(name="recall")])
first = model.fit(batches(), steps_per_epoch=3, epochs=2, validation_data=(X, y), verbose=2)
second = model.fit(Dataset(25), epochs=1, shuffle=False, verbose=2)
third = model.fit(X, y, class_weight={0: 0.3, 1: 2.0}, epochs=1, batch_size=30, verbose=2)
fourth = model.fit(X, y, sample_weight=np.where(y[:, 0] > 0, 3.0, 1.0), epochs=1, batch_size=45, verbose=2)
print([f"{float(v):.4f}" for v in model.train_on_batch(X[:30], y[:30])])
print([f"{float(v):.4f}" for v in model.test_on_batch(X[:30], y[:30])])
print(model.predict_on_batch(X[:3]).shape, model.predict(Dataset(25), verbose=0).shape)
model.compile("sgd", "mse", weighted_metrics=["mae"], metrics=["mse"])
fifth = model.fit(X, y, sample_weight=np.linspace(0, 1, 90), epochs=1, verbose=2)
RESULT = {
    name: run.history[key]
    for number, run in enumerate([first, second, third, fourth, fifth])
    for key in run.history
    for name in [f"{number} {key}"]
}
