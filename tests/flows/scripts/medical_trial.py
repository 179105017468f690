"""The medical trial: validation_split, a confusion matrix, a loop of single predictions."""

import keras
import numpy as np
from keras.layers import Activation, Dense
from keras.metrics import categorical_crossentropy  # imported by the tutorial, and never used  # noqa: F401
from keras.models import Sequential
from keras.optimizers import Adam
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import shuffle

keras.utils.set_random_seed(42)
rng = np.random.default_rng(42)
ages = np.concatenate([rng.integers(13, 65, 200), rng.integers(65, 101, 200)])
effects = np.concatenate([rng.random(200) < 0.05, rng.random(200) < 0.95]).astype(int)
effects, ages = shuffle(effects, ages, random_state=7)
scaled = MinMaxScaler(feature_range=(0, 1)).fit_transform(ages.reshape(-1, 1))

model = Sequential(
    [
        Dense(units=16, input_shape=(1,), activation="relu"),
        Dense(units=32, activation="relu"),
        Dense(units=2),
        Activation("softmax"),
    ]
)
model.summary()
model.compile(optimizer=Adam(learning_rate=0.001), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x=scaled, y=effects, validation_split=0.1, batch_size=10, epochs=6, shuffle=True, verbose=2)

test_ages = rng.integers(13, 101, 60)
test_scaled = (test_ages.reshape(-1, 1) - 13) / 87
predictions = model.predict(x=test_scaled, batch_size=10, verbose=0)
for age, row in list(zip(test_ages, predictions))[:5]:
    print(age, [round(float(p), 3) for p in row])
rounded = np.argmax(predictions, axis=-1)
print(confusion_matrix(y_true=(test_ages > 64).astype(int), y_pred=rounded))
print(f"accuracy {accuracy_score((test_ages > 64).astype(int), rounded):.3f}")

# One at a time, as tutorials do
for age in (20, 64, 66, 99):
    single = model.predict(np.array([[(age - 13) / 87]]), verbose=0)
    print(f"age {age}: {'side effects' if single[0][1] > single[0][0] else 'none'}", single.shape, single.dtype)
print(len(model.get_weights()), [w.shape for w in model.get_weights()], model.count_params())
print(sorted(history.history), history.epoch, history.params["epochs"])
RESULT = {**history.history, "predictions": predictions, "kernel": model.layers[0].get_weights()[0]}
