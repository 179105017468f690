"""What a beginner gets wrong: the type of the exception is Keras's; `HELP` lists the messages."""

import keras
import numpy as np

HELP = {}
X, y = np.zeros((8, 3), "float32"), np.array([0, 1, 2, 0, 1, 2, 0, 1])


def attempt(name, function):
    try:
        function()
    except Exception as error:
        kind = type(error)
        print(name, "->", kind.__name__ if kind.__module__ == "builtins" else "an error of its own")
        HELP[name] = str(error)
    else:
        print(name, "-> no error")


def compiled(loss="sparse_categorical_crossentropy", metrics=None, optimizer="sgd", units=3):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation="softmax")])
    model.compile(optimizer, loss, metrics=metrics)
    return model


def fit(**kwargs):
    compiled(**kwargs).fit(X, y, verbose=0)


def uncompiled():
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).fit(X, y, verbose=0)


attempt("metric by a wrong name", lambda: fit(metrics=["accuracy", "recal"]))
attempt("metric as a string", lambda: fit(metrics="accurcy"))
attempt("loss by a wrong name", lambda: fit(loss="sparse_categorical_crossentrop"))
attempt("optimizer by a wrong name", lambda: fit(optimizer="adamm"))
attempt("activation by a wrong name", lambda: keras.layers.Dense(3, activation="rellu"))
attempt("initializer by a wrong name", lambda: keras.layers.Dense(3, kernel_initializer="glorot"))
attempt("regularizer by a wrong name", lambda: keras.layers.Dense(3, kernel_regularizer="l3"))
attempt("a misspelt argument of a layer", lambda: keras.layers.Dense(3, activaton="relu"))
attempt("a misspelt argument of fit", lambda: compiled().fit(X, y, epoch=3))
attempt("a misspelt argument of compile", lambda: compiled().compile("sgd", lss="mse"))
attempt("units below one", lambda: keras.layers.Dense(0))
attempt("units as a string", lambda: keras.layers.Dense("three"))
attempt("fit before compile", uncompiled)
attempt("another number of labels", lambda: compiled().fit(X, y[:5], verbose=0))
attempt("inputs of another width", lambda: compiled().predict(np.zeros((4, 7)), verbose=0))
attempt("a class instead of a layer", lambda: keras.Sequential([keras.layers.Dense]))
attempt(
    "two layers of one name",
    lambda: keras.Sequential([keras.layers.Dense(1, name="a"), keras.layers.Dense(1, name="a")]),
)
attempt("a layer of another name", lambda: compiled().get_layer("dens"))
attempt("validation_split of all", lambda: compiled().fit(X, y, validation_split=1.0, verbose=0))
attempt("weights of another shape", lambda: compiled().layers[0].set_weights([np.zeros((2, 2)), np.zeros(3)]))
attempt("the parameters of an unbuilt layer", lambda: keras.layers.Dense(1).count_params())
attempt("callback as a class", lambda: compiled().fit(X, y, callbacks=[keras.callbacks.EarlyStopping], verbose=0))
attempt("dropout above one", lambda: keras.layers.Dropout(1.5))
attempt("momentum above one", lambda: keras.optimizers.SGD(momentum=2.0))
attempt("two ways to clip", lambda: keras.optimizers.SGD(clipnorm=1.0, clipvalue=1.0))
