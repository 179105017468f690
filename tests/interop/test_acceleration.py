"""`accelerate`: after every run the Keras model is what it would be had Keras run it, and says what Keras would have said.

Each test does the same to two models from one seed, one of them accelerated. Both round differently, by a thousand ulp at
most over the dozens of steps taken here; a wrong order, mask or rate is off by far more.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynn
from parity.engines import Engine, fresh_session
from tinynn.engine.compiled import CompiledEngine
from tinynn.interop.libraries import generators_of

pytestmark = pytest.mark.keras

ages = np.random.default_rng(0).integers(13, 101, (60, 1))
X = ((ages - 13) / 87).astype("float32")
Y = ((ages[:, 0] >= 65) ^ (np.random.default_rng(1).random(60) < 0.05)).astype("int32")


def medical(k: Any, built: bool = True, **compiled: Any) -> Any:
    """The medical trial's network, with dropout; Keras's plain run is eager, which is the cheaper way for so few steps."""
    L = k.layers
    layers = [L.Dense(16, "relu"), L.Dropout(0.2), L.Dense(32, "relu"), L.Dense(2, "softmax")]
    model = k.Sequential([*([k.Input((1,))] if built else []), *layers])
    settings = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    model.compile(**{**settings, "run_eagerly": True, **compiled})
    return model


def done(
    k: Any, make: Callable[[Any], Any], use: Callable[[Any], Any], fast: bool, dtype: str = "float32"
) -> dict[str, Any]:
    """What is left of doing something with a model, and what it says meanwhile."""
    printed = io.StringIO()
    with fresh_session(Engine("Keras", k), dtype, 7), contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make(k)
        if fast:
            assert tinynn.accelerate(model) is model
        result = use(model)
        found = {
            "result": result,
            "history": model.history.history if model.history is not None else {},
            "epochs": model.history.epoch if model.history is not None else [],
            "weights": model.get_weights(),
            "optimizer": {v.path.partition("/")[2]: v.numpy() for v in model.optimizer.variables},
            "streams": [generator.state.numpy() for generator in generators_of(model)],
            "metrics": {f"{m.name} {v.name}": v.numpy() for m in model.metrics for v in m.variables},
            "draws": (random.random(), np.random.rand()),
            "stopped": model.stop_training,
        }
    found["printed"] = re.sub(r"\d+(s|ms|us)\b|/step", "", printed.getvalue())
    return found


def assert_same(found: Any, expected: Any, bound: float, where: str = "") -> None:
    """The same things at the same places; numbers to rounding, integers exactly."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for name in expected:
            assert_same(found[name], expected[name], bound, f"{where} {name}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), where
        for i, (a, b) in enumerate(zip(found, expected)):
            assert_same(a, b, bound, f"{where} [{i}]")
    elif isinstance(expected, (float, np.ndarray, np.generic)) and np.asarray(expected).dtype.kind == "f":
        assert type(found) is type(expected), where
        assert np.shape(found) == np.shape(expected), where
        assert np.asarray(found).dtype == np.asarray(expected).dtype, where
        largest = np.abs(expected).max() if np.size(expected) else 0.0
        np.testing.assert_allclose(found, expected, rtol=bound, atol=bound * largest, err_msg=where)
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, err_msg=where)
    else:
        assert found == expected, where


def check(
    k: Any, use: Callable[[Any], Any], make: Callable[[Any], Any] = medical, dtype: str = "float32"
) -> dict[str, Any]:
    """Do it with Keras and with tinynn, and see that all is the same. Returns what was left by tinynn."""
    theirs, ours = (done(k, make, use, fast, dtype) for fast in (False, True))
    assert_same(ours, theirs, 1000 * float(np.finfo(dtype).eps))
    return ours


def test_a_run_with_callbacks_is_keras_s(keras: Any, tmp_path: Path) -> None:
    """Validation split, class weights, dropout; stopping with the best weights put back, the rate halved, rows written."""

    def use(model: Any) -> Any:
        k, log = keras.callbacks, tmp_path / "log.csv"
        monitors = [
            k.EarlyStopping(monitor="val_accuracy", patience=2, restore_best_weights=True, verbose=1),
            k.ReduceLROnPlateau(monitor="val_accuracy", patience=1, factor=0.5, verbose=1),
            k.CSVLogger(log),
        ]
        model.fit(
            X,
            Y,
            batch_size=10,
            epochs=6,
            verbose=2,
            validation_split=0.2,
            class_weight={0: 1.0, 1: 2.0},
            callbacks=monitors,
        )
        return log.read_text().count("\n"), model.evaluate(X, Y, verbose=2), model.predict(X[:3], verbose=0)

    found = check(keras, use)
    assert found["stopped"]
    assert len(found["epochs"]) < 6
    assert "Restoring model weights" in found["printed"]
    assert "ReduceLROnPlateau reducing learning rate" in found["printed"]


def test_epochs_that_nobody_hears_of_run_at_one_go(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    train = CompiledEngine.train_epochs
    monkeypatch.setattr(
        CompiledEngine,
        "train_epochs",
        lambda self, data, orders: (calls.append(len(orders)), train(self, data, orders))[1],
    )
    check(keras, lambda model: model.fit(X, Y, batch_size=25, epochs=4, verbose=0).epoch)
    assert calls == [4]
    heard = [keras.callbacks.EarlyStopping("loss")]
    check(keras, lambda model: model.fit(X, Y, batch_size=25, epochs=4, verbose=0, callbacks=heard).epoch)
    assert calls == [4]


def test_float64_and_many_settings_are_keras_s(keras: Any) -> None:
    """Momentum, schedule, clipping, penalty, sample weights, weighted metrics, shuffle="batch", runs one after another."""

    def make(k: Any) -> Any:
        rate = k.optimizers.schedules.ExponentialDecay(0.1, 5, 0.8)  # float32 in both, and the same to the bit
        optimizer = k.optimizers.SGD(rate, momentum=0.9, nesterov=True, clipnorm=0.5)
        L = k.layers
        hidden = L.Dense(5, "tanh", kernel_regularizer=k.regularizers.L2(0.01))
        model = k.Sequential([k.Input((1,)), hidden, L.Dropout(0.1), L.Dense(4, "gelu"), L.Dropout(0.1), L.Dense(1)])
        model.compile(optimizer, k.losses.Huber(delta=0.3), metrics=["mae"], weighted_metrics=["mse"], run_eagerly=True)
        return model

    def use(model: Any) -> Any:
        x, y, weights = X.astype("float64"), ages / 50.0, np.linspace(0, 2, 60)
        first = model.fit(
            x, y, batch_size=16, epochs=3, initial_epoch=1, sample_weight=weights, shuffle="batch", verbose=2
        ).history
        model.fit(
            x, y, epochs=3, steps_per_epoch=2, validation_data=(x[:9], y[:9], weights[:9]), validation_freq=2, verbose=0
        )
        named = model.evaluate(x, y, sample_weight=weights, return_dict=True, verbose=0)
        return first, named, model.evaluate(x, y, steps=1, verbose=0), model.predict(x, batch_size=7, verbose=2)

    check(keras, use, make, "float64")


def test_batches_of_a_dataset_and_a_model_that_is_not_built(keras: Any) -> None:
    import tensorflow as tf

    def use(model: Any) -> Any:
        batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).repeat()
        halved = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 * rate)  # looks at the optimizer alone
        model.fit(batches, steps_per_epoch=2, epochs=2, callbacks=[halved], verbose=2)
        model.fit(((X[i : i + 10], Y[i : i + 10]) for i in range(0, 60, 10)), verbose=2)
        return model.input_shape[1:], [metric.name for metric in model.metrics]

    found = check(keras, use, lambda k: medical(k, built=False))
    assert found["result"] == ((1,), ["loss", "compile_metrics"])


def test_a_model_that_is_built_later_keeps_its_own_weights(keras: Any) -> None:
    """Between `accelerate` and `fit` the Keras model is called, which builds it, and given another rate."""

    def use(model: Any) -> Any:
        model(X[:2])
        model.optimizer.learning_rate = 0.05
        return model.fit(X, Y, epochs=1, verbose=0).history

    check(keras, use, lambda k: medical(k, built=False))


def test_callbacks_of_your_own_see_and_change_the_keras_model(keras: Any, tmp_path: Path) -> None:
    """Weights, slots, counters and metrics as they are at that moment; what is changed counts from there on."""

    def use(model: Any) -> Any:
        seen: list[Any] = []

        class Meddler(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                assert self.model is model
                optimizer = self.model.optimizer
                seen.append([float(self.model.get_weights()[0].sum()), int(optimizer.iterations.numpy()), dict(logs)])
                seen.append([generator.state.numpy() for generator in generators_of(self.model)])
                seen.append([float(metric.result()) for metric in self.model.metrics[:1]])
                if batch == 2:
                    optimizer.learning_rate = 0.5 * optimizer.learning_rate

            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                if epoch == 1:
                    self.model.set_weights([0.9 * weight for weight in self.model.get_weights()])

            def on_test_end(self, logs: Any = None) -> None:
                seen.append(dict(logs))

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                seen.append([self.model.evaluate(X, Y, verbose=0), self.model.predict(X[:2], verbose=0)])
                if epoch == 1:
                    self.model.save(tmp_path / "model.keras")
                self.model.stop_training = epoch == 2

        model.fit(X, Y, batch_size=20, epochs=5, callbacks=[Meddler()], validation_data=(X, Y), verbose=0)
        loaded = keras.models.load_model(tmp_path / "model.keras")
        return seen, loaded.get_weights(), [variable.numpy() for variable in loaded.optimizer.variables]

    found = check(keras, use)
    assert found["epochs"] == [0, 1, 2]
    assert found["stopped"]


def test_a_run_that_ends_with_an_error_leaves_what_was_trained(keras: Any) -> None:
    def use(model: Any) -> Any:
        def end(epoch: int, logs: Any) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=3, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=end)], verbose=0)
        steps = int(model.optimizer.iterations.numpy())
        with pytest.raises(
            Exception, match="no more"
        ):  # not in a callback, before which the model is brought up to date
            model.fit(broken(), verbose=0)
        return steps, int(model.optimizer.iterations.numpy())

    def broken() -> Iterator[Any]:
        for rows in (slice(0, 10), slice(10, 20), slice(20, 30)):
            yield X[rows], Y[rows]
        raise RuntimeError("no more")

    assert check(keras, use)["result"] == (4, 7)


def test_what_is_changed_between_runs_counts(keras: Any) -> None:
    """Weights, the rate, a new `compile`, a frozen layer; and Keras takes over from where tinynn stopped."""

    def use(model: Any) -> Any:
        model.fit(X, Y, epochs=1, verbose=0)
        model.set_weights([0.5 * weight for weight in model.get_weights()])
        model.optimizer.learning_rate = 0.01
        model.fit(X, Y, epochs=1, verbose=0)
        model.layers[0].trainable = False
        for optimizer in ("sgd", "rmsprop"):  # the second time nothing else is new
            model.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=True)
            model.fit(X, Y, epochs=1, verbose=0)
        assert tinynn.interop.restore(model) is model
        assert "fit" not in vars(model)
        return model.fit(X, Y, epochs=1, verbose=0).history

    check(keras, use)


def test_a_graph_run_of_keras_s_has_the_same_numbers_too(keras: Any) -> None:
    """Without run_eagerly, as users have it; a few epochs, for tracing takes Keras seconds."""

    def use(model: Any) -> Any:
        return model.fit(X, Y, batch_size=10, epochs=8, validation_split=0.1, verbose=2).history

    check(keras, use, lambda k: medical(k, run_eagerly=False))


def test_a_callback_begins_at_a_later_epoch(keras: Any) -> None:
    """As BackupAndRestore does, by an attribute of the model."""

    class Resume(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_begin(self, logs: Any = None) -> None:
            self.model._initial_epoch = 2

    def use(model: Any) -> Any:
        return model.fit(X, Y, batch_size=20, epochs=4, callbacks=[Resume()], verbose=2).history

    assert check(keras, use)["epochs"] == [2, 3]


@pytest.mark.parametrize("save_freq", ["epoch", 1])
def test_keras_s_backups_and_checkpoints_go_on(keras: Any, save_freq: Any) -> None:
    """Interrupted in its second epoch, resumed by a model that has lost all it knew; the best one is kept besides."""

    def use(model: Any) -> Any:
        def stop(batch: int, logs: Any) -> None:
            if int(model.optimizer.iterations.numpy()) == 3:
                raise KeyboardInterrupt

        def fit(*others: Any) -> Any:
            backup = keras.callbacks.BackupAndRestore(folder + "/backup", save_freq=save_freq, double_checkpoint=True)
            best = keras.callbacks.ModelCheckpoint(folder + "/best.keras", monitor="val_loss", save_best_only=True)
            settings = {"batch_size": 24, "epochs": 3, "validation_split": 0.2, "verbose": 0}
            return model.fit(X, Y, callbacks=[backup, best, *others], **settings).history

        with tempfile.TemporaryDirectory() as folder:
            with pytest.raises(KeyboardInterrupt):
                fit(keras.callbacks.LambdaCallback(on_train_batch_end=stop))
            for variable in (*model.variables, *model.optimizer.variables):
                variable.assign(0 * variable)
            history = fit()
            kept = keras.models.load_model(folder + "/best.keras")
            return history, kept.get_weights(), [variable.numpy() for variable in kept.optimizer.variables]

    assert check(keras, use)["epochs"] == [1, 2]


@contextlib.contextmanager
def no_keras_training(keras: Any) -> Iterator[None]:
    """Keras's own loop is not to be entered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "make_train_function", lambda *_: pytest.fail("Keras trained"))
        yield


def test_keras_does_not_train_itself(keras: Any) -> None:
    model = tinynn.accelerate(medical(keras))
    with no_keras_training(keras):
        model.fit(X, Y, verbose=0)
    assert str(type(model.history)).endswith("keras.src.callbacks.history.History'>")
    with no_keras_training(keras), pytest.raises(pytest.fail.Exception):
        tinynn.interop.restore(model).fit(X, Y, verbose=0)


def refused(k: Any) -> dict[str, tuple[Any, str]]:
    """Models and why not."""
    L = k.layers

    def compiled(*layers: Any, **settings: Any) -> Any:
        model = k.Sequential([k.Input((4,)), *layers], name="m")
        model.compile(**{"optimizer": "sgd", "loss": "mse", **settings})
        return model

    class Own(k.Sequential):  # type: ignore[misc, name-defined]
        pass

    class OwnLayer(L.Layer):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x

    own = Own([k.Input((4,)), L.Dense(1)], name="m")
    own.compile("sgd", "mse")
    counting = compiled(L.Dense(1))
    counting.count = k.metrics.Mean(name="count")
    x = k.Input((4,))
    branch = k.Model(x, L.Add(name="sum")([L.Dense(3, name="one")(x), L.Dense(3, name="two")(x)]), name="m")
    branch.compile("sgd", "mse")
    return {
        "layer": (
            compiled(L.Reshape((4, 1)), L.Conv1D(2, 3, name="conv")),
            r"layer 'conv' \(Conv1D\) has no counterpart",
        ),
        "own layer": (compiled(OwnLayer(name="mine"), L.Dense(1)), r"layer 'mine' \(OwnLayer\) is a class of your own"),
        "engine": (
            compiled(L.Dense(2), L.Reshape((1, 2), name="r")),
            r"engine has no twin for: outputs of shape \(None, 1, 2\)",
        ),
        "loss": (compiled(L.Dense(1), loss=lambda a, b: a - b), r"loss '<lambda>' is your own"),
        "optimizer": (
            compiled(L.Dense(1), optimizer=k.optimizers.LossScaleOptimizer(k.optimizers.SGD())),
            r"optimizer 'LossScaleOptimizer' has no counterpart",
        ),
        "class": (own, r"model 'm' is of a class of your own, Own"),
        "half": (compiled(L.Dense(1, dtype="float16", name="half")), r"layer 'half' \(Dense\) computes in float16"),
        "metric": (counting, r"metric 'count' was not given to compile"),
        "branch": (branch, r"layer 'two' \(Dense\) of model 'm' does not follow the layer before it"),
    }


def test_what_cannot_be_accelerated_is_named_at_once(keras: Any) -> None:
    for what, (model, message) in refused(keras).items():
        with pytest.raises(ValueError, match=f"cannot accelerate model 'm', because .*{message}") as caught:
            tinynn.accelerate(model)
        assert isinstance(caught.value, tinynn.interop.CannotConvert), what
        assert "fit" not in vars(model), what
    with pytest.raises(ValueError, match=r"accelerate expects a compiled model, and 'm' is not: model.compile\("):
        tinynn.accelerate(keras.Sequential([keras.layers.Dense(1)], name="m"))
    with pytest.raises(TypeError, match=r"got .* A tinynn model has the compiled engine by itself\."):
        tinynn.accelerate(tinynn.Sequential())


def test_what_only_the_data_show_is_told_by_fit(keras: Any) -> None:
    model = keras.Sequential([keras.layers.Dense(2), keras.layers.Reshape((1, 2), name="r")], name="m")
    model.compile("sgd", "mse")
    tinynn.accelerate(model)
    message = r"cannot run fit of model 'm' on tinynn; tinynn.interop.restore\(model\) lets Keras do it, because .* outputs of"
    with pytest.raises(ValueError, match=message):
        model.fit(X, X, verbose=0)
