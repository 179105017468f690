"""A search over hyper-parameters, each run ended by EarlyStopping."""

import keras
import numpy as np

rng = np.random.default_rng(11)
X = rng.normal(size=(160, 5)).astype("float32")
y = (X @ np.array([1.0, -2.0, 0.5, 0.0, 0.0]) > 0).astype("int32")


def build(units, rate, dropout):
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model = keras.Sequential()
    model.add(keras.Input(shape=(5,)))
    for n in units:
        model.add(keras.layers.Dense(n, activation="relu", kernel_initializer="he_normal"))
        if dropout:
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


best, results = None, {}
for units, rate, dropout in [((8,), 0.1, 0.0), ((16, 8), 0.05, 0.2)]:
    model = build(units, rate, dropout)
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True, verbose=1)
    history = model.fit(
        X[:120], y[:120], epochs=12, batch_size=40, validation_data=(X[120:], y[120:]), callbacks=[stop], verbose=0
    )
    loss, accuracy = model.evaluate(X[120:], y[120:], verbose=0)
    print(units, rate, dropout, "epochs", len(history.history["loss"]), "stopped", stop.stopped_epoch)
    print(f"  best epoch {stop.best_epoch} val_loss {stop.best:.3f}; evaluate {loss:.3f} {accuracy:.3f}")
    results[f"{units}"] = history.history["val_loss"]
    if best is None or accuracy > best[0]:
        best = (accuracy, units, [layer.name for layer in model.layers])
print(best[1:], f"{best[0]:.3f}")
RESULT = results
