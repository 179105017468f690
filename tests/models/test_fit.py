"""fit, evaluate, predict and the single steps do what Keras's do, from nothing but the seed: see `twins`."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.models import twins
from tests.models.twins import Run, assert_twins, made
from tinynn.callbacks import Callback, LambdaCallback
from tinynn.kernels import adam, rmsprop, sgd
from tinynn.models.data import ArrayBatches

ROWS = 10  # a batch of 4, another, and a short one of 2
X = np.random.default_rng(3).normal(size=(ROWS, 3))
LABELS = np.random.default_rng(4).integers(0, 3, ROWS)
ONE_HOT = np.eye(3)[LABELS]
YES_NO = LABELS % 2
TAGS = (np.arange(3 * ROWS).reshape(ROWS, 3) % 3 == 1).astype(np.int64)
TARGETS = np.random.default_rng(5).normal(size=(ROWS, 2))
WEIGHTS = np.random.default_rng(6).random(ROWS)

# What a model ends in and learns: (last layers, y, loss, metrics).
Head = tuple[Callable[[Any], list[Any]], Any, Any, list[str]]
HEADS: dict[str, Head] = {
    "softmax, class numbers": (
        lambda k: [k.layers.Dense(3, activation="softmax")],
        LABELS,
        "sparse_categorical_crossentropy",
        ["accuracy", "sparse_categorical_crossentropy"],
    ),
    "softmax, column of class numbers": (
        lambda k: [k.layers.Dense(3, activation="softmax")],
        LABELS[:, None].astype(np.float64),
        "crossentropy",
        ["acc"],
    ),
    "softmax layer, one-hot": (
        lambda k: [k.layers.Dense(3), k.layers.Activation("softmax")],
        ONE_HOT,
        "categorical_crossentropy",
        ["accuracy", "mse"],
    ),
    "softmax, one-hot, smoothed": (
        lambda k: [k.layers.Dense(3, activation="softmax")],
        ONE_HOT,
        ("CategoricalCrossentropy", {"label_smoothing": 0.1}),
        ["categorical_accuracy"],
    ),
    "logits, class numbers, summed": (
        lambda k: [k.layers.Dense(3)],
        LABELS,
        ("SparseCategoricalCrossentropy", {"from_logits": True, "reduction": "sum"}),
        ["accuracy"],
    ),
    "probabilities without their logits, one-hot": (
        lambda k: [k.layers.Dense(3, activation="sigmoid"), k.layers.Flatten()],
        ONE_HOT,
        "categorical_crossentropy",
        ["accuracy", "categorical_crossentropy"],
    ),
    "probabilities without their logits, class numbers": (
        lambda k: [k.layers.Dense(3, activation="softmax"), k.layers.Flatten()],
        LABELS,
        "sparse_categorical_crossentropy",
        ["accuracy"],
    ),
    "probability without its logit": (
        lambda k: [k.layers.Dense(1, activation="sigmoid"), k.layers.Flatten()],
        YES_NO[:, None],
        "binary_crossentropy",
        ["accuracy", "binary_crossentropy"],
    ),
    "sigmoids taken for a softmax, one-hot": (  # Keras goes back to the logits of any activation that has some
        lambda k: [k.layers.Dense(3, activation="sigmoid")],
        ONE_HOT,
        "categorical_crossentropy",
        ["categorical_crossentropy"],
    ),
    "sigmoid, zeros and ones": (
        lambda k: [k.layers.Dense(1, activation="sigmoid")],
        YES_NO,
        "binary_crossentropy",
        ["accuracy", "mae"],
    ),
    "one logit, smoothed": (
        lambda k: [k.layers.Dense(1)],
        YES_NO[:, None].astype(np.float64),
        ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}),
        ["mse"],
    ),
    "sigmoids, tags": (
        lambda k: [k.layers.Dense(3, activation="sigmoid")],
        TAGS,
        "binary_crossentropy",
        ["binary_accuracy", "accuracy"],
    ),
    "two numbers, squared error": (lambda k: [k.layers.Dense(2)], TARGETS, "mse", ["mae"]),
    "two numbers, absolute error": (
        lambda k: [k.layers.Dense(2, activation="tanh")],
        TARGETS,
        "mean_absolute_error",
        ["mse", "mae"],
    ),
    "one number, mean by weight": (
        lambda k: [k.layers.Dense(1)],
        TARGETS[:, 0],
        ("MeanSquaredError", {"reduction": "mean_with_sample_weight"}),
        [],
    ),
}

BODIES: dict[str, Callable[[Any], list[Any]]] = {
    "linear": lambda k: [k.Input((3,))],
    "deferred": lambda k: [],
    "relu": lambda k: [k.Input((3,)), k.layers.Dense(4, activation="relu")],
    "input_shape": lambda k: [
        k.layers.Dense(4, activation="tanh", input_shape=(3,)),
        k.layers.Dense(3, activation="sigmoid"),
    ],
    "input_dim, dropout": lambda k: [k.layers.Dense(5, activation="tanh", input_dim=3), k.layers.Dropout(0.4)],
    "deferred, no bias, dropout twice": lambda k: [
        k.layers.Dropout(0.1),
        k.layers.Dense(4, use_bias=False, kernel_initializer="he_uniform"),
        k.layers.Activation("relu"),
        k.layers.Dropout(0.2),
        k.layers.Dense(3),
    ],
    "flatten": lambda k: [k.layers.Flatten(), k.layers.Dense(4, activation="tanh")],
}

OPTIMIZERS: dict[str, Any] = {
    "sgd": "sgd",
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}),
    "rmsprop": "rmsprop",
    "rmsprop, momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5}),
    "rmsprop, centered": ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "centered": True}),
    "rmsprop, both": ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.3, "epsilon": 1e-3}),
    "adam": "adam",
    "amsgrad": ("Adam", {"learning_rate": 0.02, "beta_1": 0.8, "amsgrad": True}),
}


def run(head: str, body: str = "linear", optimizer: str = "sgd", compile: Any = None, **settings: Any) -> Run:
    """A run of two epochs with this head; settings that are no field of `Run` go to fit."""
    last, y, loss, metrics = HEADS[head]
    fields = {name: settings.pop(name) for name in ("floatx", "seed", "run_eagerly") if name in settings}
    return Run(
        layers=lambda k: [*BODIES[body](k), *last(k)],
        x=X,
        y=y,
        loss=loss,
        optimizer=OPTIMIZERS[optimizer],
        compile={"metrics": metrics, **(compile or {})},
        fit={"epochs": 2, **settings},
        **fields,
    )


@pytest.fixture(autouse=True)
def no_complaint_about_input_shape(recwarn: Any) -> Iterator[None]:
    """Keras and tinynn advise against input_shape= in a layer; the text is compared in test_sequential."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Do not pass an `input_shape`")
        yield


# Everything once -------------------------------------------------------------------------------------------------------

GRID = [
    run("softmax, class numbers", "relu", "adam", validation_split=0.2),
    run("softmax, class numbers", "deferred", "sgd", batch_size=5, floatx="float32", class_weight={0: 0.5, 2: 3.0}),
    run("softmax, column of class numbers", "input_dim, dropout", "rmsprop", shuffle="batch"),
    run("softmax layer, one-hot", "input_shape", "nesterov", class_weight={0: 2.0, 1: 0.25}, batch_size=3),
    run("softmax, one-hot, smoothed", "flatten", "momentum", floatx="float32", validation_split=0.35),
    run(  # a sum over a batch shows how large the batches of validation are
        "logits, class numbers, summed",
        "deferred, no bias, dropout twice",
        "amsgrad",
        batch_size=3,
        validation_split=0.5,
        validation_batch_size=2,
    ),
    run("probabilities without their logits, one-hot", "linear", "adam", floatx="float32", shuffle=False),
    run("probabilities without their logits, class numbers", "linear", "rmsprop", batch_size=8),
    run("probability without its logit", "relu", "momentum"),
    run("sigmoids taken for a softmax, one-hot", "linear", "adam"),
    run("sigmoid, zeros and ones", "relu", "rmsprop, centered", validation_data=(X[:5] + 0.1, YES_NO[:5])),
    run("one logit, smoothed", "linear", "rmsprop, both", batch_size=ROWS, sample_weight=WEIGHTS),
    run("sigmoids, tags", "input_dim, dropout", "adam", floatx="float32", initial_epoch=1, epochs=3),
    run("two numbers, squared error", "relu", "rmsprop, momentum", batch_size=100, validation_split=0.2),
    run("two numbers, absolute error", "input_shape", "sgd", sample_weight=WEIGHTS, shuffle="batch", batch_size=5),
    run("one number, mean by weight", "deferred", "nesterov", floatx="float32", sample_weight=WEIGHTS),
    run("one number, mean by weight", "linear", "momentum", run_eagerly=False, validation_split=0.2),
    run(
        "two numbers, squared error",
        "deferred, no bias, dropout twice",
        "adam",
        compile={"metrics": ["mae", "mae"], "weighted_metrics": ["mse", "mae", "mse"], "loss_weights": [0.5]},
        sample_weight=WEIGHTS,
        validation_data=(X[:5], TARGETS[:5], WEIGHTS[:5]),
        validation_batch_size=2,
        validation_freq=2,
        epochs=3,
    ),
]


@pytest.mark.keras
@pytest.mark.parametrize(
    "recipe",
    [*GRID[:8], *(pytest.param(recipe, marks=pytest.mark.slow) for recipe in GRID[8:])],
    ids=lambda recipe: f"{recipe.loss}-{recipe.optimizer}-{recipe.floatx}",
)
def test_a_run_from_the_seed_alone_is_keras_s_run(keras: Any, recipe: Run) -> None:
    assert_twins(keras, recipe)


@st.composite
def recipes(draw: Any) -> Run:
    head = draw(st.sampled_from(sorted(HEADS)))
    fit: dict[str, Any] = {"batch_size": draw(st.integers(1, ROWS + 1)), "epochs": draw(st.integers(1, 2))}
    fit["shuffle"] = draw(st.sampled_from([True, False, "batch"]))
    validation_data = (X[:5] + 0.1, HEADS[head][1][:5])
    fit |= draw(
        st.sampled_from(
            [
                {},
                {"validation_split": 0.15},
                {"validation_data": validation_data},
                {"sample_weight": WEIGHTS},
                {"initial_epoch": 1, "epochs": 2},
            ]
        )
    )
    return run(
        head,
        draw(st.sampled_from(sorted(BODIES))),
        draw(st.sampled_from(sorted(OPTIMIZERS))),
        floatx=draw(st.sampled_from(["float64", "float32"])),
        seed=draw(st.integers(0, 2**32 - 1)),
        **fit,
    )


@pytest.mark.slow
@pytest.mark.keras
@settings(max_examples=5)
@given(recipe=recipes())
def test_any_run_from_the_seed_alone_is_keras_s_run(keras: Any, recipe: Run) -> None:
    assert_twins(keras, recipe)


@pytest.mark.keras
def test_nan_in_the_data_spreads_as_in_keras(keras: Any) -> None:
    """Accuracy goes on counting: NaN is no largest entry, so a row of NaN counts as class 0."""
    x = X.copy()
    x[6, 1] = np.nan
    recipe = replace(run("softmax, class numbers", "relu", shuffle=False), x=x)
    with pytest.warns(RuntimeWarning, match=r"x\[6, 1\] is nan"):
        ours = assert_twins(keras, recipe)
    assert np.isnan(ours.history["loss"]).all()
    assert 0 < ours.history["accuracy"][-1] < 1


# The comparison itself -------------------------------------------------------------------------------------------------
#
# Held against tinynn as it should be, which the runs above show to be Keras, a tinynn with an error in it turns red.


def assert_differs(recipe: Run, expected: twins.Outcome) -> None:
    with pytest.raises(AssertionError, match=r"differs from Keras's by"):
        twins.assert_same(replace(recipe), expected)


def scaled(function: Any, by: float) -> Any:
    """A kernel with its second argument, the gradient, multiplied."""
    return lambda params, grads, *rest: function(params, grads * params.dtype.type(by), *rest)


@pytest.mark.parametrize(
    ("optimizer", "kernel", "name"),
    [("sgd", sgd, "step"), ("rmsprop", rmsprop, "step"), ("momentum", sgd, "momentum_step"), ("adam", adam, "step")],
)
@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_the_comparison_sees_a_gradient_off_by_a_thousandth(
    monkeypatch: pytest.MonkeyPatch, optimizer: str, kernel: Any, name: str, floatx: str
) -> None:
    recipe = run("softmax, class numbers", "relu", optimizer, floatx=floatx)
    expected = twins.outcome(tinynn, recipe)
    monkeypatch.setattr(kernel, name, scaled(getattr(kernel, name), 1.001))
    assert_differs(recipe, expected)


def test_the_comparison_sees_two_batches_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = run("softmax, class numbers", "relu", floatx="float32")
    expected = twins.outcome(tinynn, recipe)
    order = ArrayBatches.order

    def swapped(self: ArrayBatches) -> Any:
        found = order(self)
        if found is not None:
            found = np.concatenate([np.roll(found[:8], 4), found[8:]])
        return found

    monkeypatch.setattr(ArrayBatches, "order", swapped)
    assert_differs(recipe, expected)


@pytest.mark.parametrize(("optimizer", "factor"), [("adam", 1000**-0.5), ("rmsprop", 2.0)])
def test_the_comparison_sees_an_epsilon_moved(monkeypatch: pytest.MonkeyPatch, optimizer: str, factor: float) -> None:
    """1e-7 where it does not belong: for Adam, Algorithm 1's place, a factor sqrt(1 - beta_2^t); for RMSprop, twice that."""
    recipe = run("softmax, class numbers", "relu", optimizer)
    expected = twins.outcome(tinynn, recipe)
    kernel = {"adam": adam, "rmsprop": rmsprop}[optimizer]
    right = kernel.step
    monkeypatch.setattr(kernel, "step", lambda *arguments: right(*arguments[:-1], arguments[-1] * factor))
    assert_differs(recipe, expected)


# Single batches, and what comes back -----------------------------------------------------------------------------------


def on_batches(library: Any, recipe: Run) -> list[Any]:
    """The single steps by all their ways to be asked."""
    model = made(library, recipe)
    x, y = recipe.x[:6], recipe.y[:6]
    return [
        model.train_on_batch(x, y),
        model.train_on_batch(x, y, sample_weight=WEIGHTS[:6]),
        model.train_on_batch(x, y, class_weight={0: 2.0, 1: 0.5}, return_dict=True),
        model.test_on_batch(x, y),
        model.test_on_batch(x, y, sample_weight=WEIGHTS[:6], return_dict=True),
        model.predict_on_batch(x),
        model.evaluate(x, y, verbose=0),
        model.evaluate(x, y, sample_weight=WEIGHTS[:6], verbose=0, return_dict=True),
    ]


@pytest.mark.keras
@pytest.mark.parametrize("metrics", [["accuracy"], []])
def test_single_batches_give_keras_s_numbers_and_types(keras: Any, metrics: list[str]) -> None:
    recipe = run("softmax, class numbers", "relu", "adam", compile={"metrics": metrics})
    with twins.floatx_put_back(tinynn, keras):
        theirs = on_batches(keras, recipe)
        for run_eagerly in (True, False):
            ours = on_batches(tinynn, replace(recipe, run_eagerly=run_eagerly))
            assert [type(value) for value in ours] == [type(value) for value in theirs]
            for found, expected in zip(ours, theirs):
                if isinstance(found, dict):
                    assert list(found) == list(expected)
                    found, expected = list(found.values()), list(expected.values())
                if isinstance(found, list):
                    assert [type(value) for value in found] == [type(value) for value in expected]
                # Three steps of Adam in float64: some hundred roundings of numbers around 1.
                assert np.allclose(found, expected, rtol=0, atol=1e-13)


def heard_of(k: Any, at_once: int, data: str, **settings: Any) -> Any:
    """What callbacks for batches hear, and the numbers of the run."""
    twins.set_floatx(k, "float64")
    k.utils.set_random_seed(3)
    model = k.Sequential([k.Input((3,)), k.layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"], steps_per_execution=at_once, run_eagerly=k is not tinynn)
    heard: list[Any] = []

    class Ear(k.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            heard.append(("train", batch))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append(("trained", batch, sorted(logs)))

        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            heard.append(("test", batch))

        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append(("tested", batch, sorted(logs)))

        def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
            heard.append(("predict", batch))

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append(("predicted", batch, np.shape(logs["outputs"])))

    class Batches(k.utils.PyDataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return -(-len(X) // 4)

        def __getitem__(self, i: int) -> Any:
            return X[4 * i : 4 * i + 4], TARGETS[4 * i : 4 * i + 4]

    given_ = (X, TARGETS) if data == "arrays" else (Batches(),)
    history = model.fit(
        *given_,
        batch_size=4 if data == "arrays" else None,
        epochs=2,
        verbose=0,
        shuffle=False,
        callbacks=[Ear()],
        validation_data=(X, TARGETS),
        validation_batch_size=4,
        **settings,
    )
    model.predict(X, batch_size=4, verbose=0, callbacks=[Ear()])
    numbers = [*history.history.values(), *model.get_weights(), int(model.optimizer.iterations.numpy())]
    return numbers, heard, model.steps_per_execution, model.get_compile_config()["steps_per_execution"]


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize(
    ("at_once", "data", "settings"),
    [
        (2, "arrays", {}),
        (4, "arrays", {}),
        (50, "arrays", {}),
        (2, "arrays", {"steps_per_epoch": 1}),
        (3, "batches", {}),
    ],
)
def test_several_steps_per_execution_are_keras_s(keras: Any, at_once: int, data: str, settings: dict[str, Any]) -> None:
    """One call of each hook for all of them, as if the last ones were always full; the numbers stay the same."""
    with twins.floatx_put_back(tinynn, keras):
        ours, theirs = (heard_of(k, at_once, data, **settings) for k in (tinynn, keras))
    assert ours[1:] == theirs[1:]
    for found, expected in zip(ours[0], theirs[0], strict=True):
        assert np.allclose(found, expected, rtol=0, atol=1e-13)  # as above


def test_steps_per_execution_changes_no_number() -> None:
    with twins.floatx_put_back(tinynn):
        runs = [heard_of(tinynn, n, "arrays")[0] for n in (1, 2, 7)]
    for other in runs[1:]:
        for one, two in zip(runs[0], other, strict=True):
            assert np.array_equal(one, two)
    with pytest.raises(ValueError, match="compile expects steps_per_execution to be a positive integer; got 0"):
        tinynn.Sequential([tinynn.layers.Dense(1)]).compile(steps_per_execution=0)


@pytest.mark.keras
def test_history_is_keras_s(keras: Any) -> None:
    recipe = run("two numbers, squared error")
    with twins.floatx_put_back(tinynn, keras):
        histories = [
            made(library, recipe).fit(X, TARGETS, batch_size=4, epochs=2, verbose=0) for library in (tinynn, keras)
        ]
    ours, theirs = histories
    assert ours.params == theirs.params
    assert type(ours).__name__ == type(theirs).__name__
    assert {type(value) for values in ours.history.values() for value in values} == {float}
    assert ours.model.history is ours


@pytest.mark.keras
def test_a_model_trains_on_where_it_stopped(keras: Any) -> None:
    """A second fit goes on with the optimizer's slots and steps; compiling again starts these anew."""

    def both(library: Any) -> tuple[list[float], int, int]:
        model = made(library, run("two numbers, squared error", "relu", "adam"))
        first = model.fit(X, TARGETS, batch_size=4, epochs=2, verbose=0)
        second = model.fit(X, TARGETS, batch_size=4, epochs=4, initial_epoch=2, verbose=0)
        steps = int(model.optimizer.iterations.numpy())
        model.compile("adam", "mse")
        third = model.fit(X, TARGETS, batch_size=4, verbose=0)
        assert second.epoch == [2, 3]
        losses = [*first.history["loss"], *second.history["loss"], *third.history["loss"]]
        return losses, steps, int(model.optimizer.iterations.numpy())

    with twins.floatx_put_back(tinynn, keras):
        ours, theirs = both(tinynn), both(keras)
    assert np.allclose(ours[0], theirs[0], rtol=0, atol=1e-12)
    assert ours[1:] == theirs[1:] == (12, 3)


@pytest.mark.keras
def test_the_learning_rate_can_be_set_between_fits(keras: Any) -> None:
    def both(library: Any) -> list[float]:
        model = made(library, run("two numbers, squared error", "linear", "momentum"))
        losses = model.fit(X, TARGETS, batch_size=4, verbose=0).history["loss"]
        model.optimizer.learning_rate = 0.5
        losses = losses + model.fit(X, TARGETS, batch_size=4, verbose=0).history["loss"]
        model.optimizer.learning_rate.assign(0.001)
        return losses + model.fit(X, TARGETS, batch_size=4, verbose=0).history["loss"]

    with twins.floatx_put_back(tinynn, keras):
        assert np.allclose(both(tinynn), both(keras), rtol=1e-12, atol=0)


@pytest.mark.keras
@pytest.mark.parametrize("verbose", [2, "2", True, False, 0, 3])
def test_what_fit_prints_is_what_keras_prints(keras: Any, capsys: Any, verbose: Any) -> None:
    def printed(library: Any) -> str:
        model = made(library, run("two numbers, squared error", floatx="float32", run_eagerly=library is not tinynn))
        model.fit(X, TARGETS, batch_size=ROWS, epochs=2, verbose=verbose)
        # The bar is wiped by as many blanks as the line was long, which depends on the durations.
        return re.sub(" +\n", "\n", twins.without_durations(capsys.readouterr().out).replace("\b", ""))

    with twins.floatx_put_back(tinynn, keras):
        assert printed(tinynn) == printed(keras)


# What users write themselves -------------------------------------------------------------------------------------------


@pytest.mark.keras
def test_own_losses_and_metrics_train_as_in_keras(keras: Any) -> None:
    """A function, a scalar function, a class; a metric object under a name of its own."""

    def losses(library: Any) -> list[Any]:
        ops = library.ops

        def fourth_power(y_true: Any, y_pred: Any) -> Any:
            return ops.mean(ops.square(ops.square(y_true - y_pred)), axis=-1) / 2.0

        def one_number(y_true: Any, y_pred: Any) -> Any:
            return ops.max(ops.abs(y_true - y_pred)) + 0.1 * ops.mean(y_pred)

        class Huberish(library.losses.Loss):  # type: ignore[misc, name-defined]
            def call(self, y_true: Any, y_pred: Any) -> Any:
                error = ops.abs(y_true - y_pred)
                return ops.mean(ops.where(error < 0.5, ops.square(error), error - 0.25), axis=-1)

        return [fourth_power, one_number, Huberish(name="huberish")]

    def histories(library: Any) -> list[dict[str, list[float]]]:
        found = []
        for loss in losses(library):
            mse = library.metrics.MeanSquaredError(name="second_moment")
            metrics = [mse, loss] if callable(loss) and not isinstance(loss, library.losses.Loss) else [mse]
            model = made(library, replace(run("two numbers, squared error", "relu"), compile={}))
            model.compile("rmsprop", loss, metrics=metrics, run_eagerly=library is not tinynn)
            found.append(model.fit(X, TARGETS, batch_size=4, epochs=2, sample_weight=WEIGHTS, verbose=0).history)
        return found

    with twins.floatx_put_back(tinynn, keras):
        for ours, theirs in zip(histories(tinynn), histories(keras), strict=True):
            assert list(ours) == list(theirs)
            for name, values in ours.items():
                assert np.allclose(values, theirs[name], rtol=1e-12, atol=0), name


@pytest.mark.keras
@pytest.mark.parametrize("when", ["frozen before compile", "frozen after compile", "in the middle", "model frozen"])
def test_frozen_layers_stay_as_they_are(keras: Any, when: str) -> None:
    def frozen(library: Any) -> tuple[Any, list[Any], int]:
        body = "input_shape" if when == "in the middle" else "relu"
        model = made(library, run("two numbers, squared error", body, "momentum"))
        before = model.get_weights()
        frozen = {"model frozen": model, "in the middle": model.layers[1]}.get(when, model.layers[0])
        frozen.trainable = False
        if when == "frozen before compile":
            model.compile("sgd", "mse", run_eagerly=True)
        with warns_if(when == "model frozen", UserWarning, "The model does not have any trainable weights"):
            history = model.fit(X, TARGETS, batch_size=4, epochs=2, verbose=0).history
        changed = [bool(np.any(old != new)) for old, new in zip(before, model.get_weights())]
        expected = {"model frozen": [False] * 4, "in the middle": [True, True, False, False, True, True]}
        assert changed == expected.get(when, [False, False, True, True])
        return history["loss"], model.get_weights(), len(model.trainable_variables)

    with twins.floatx_put_back(tinynn, keras):
        ours, theirs = frozen(tinynn), frozen(keras)
    assert np.allclose(ours[0], theirs[0], rtol=1e-13)
    assert all(np.allclose(one, other, rtol=0, atol=1e-13) for one, other in zip(ours[1], theirs[1]))
    assert ours[2] == theirs[2]


def warns_if(condition: bool, kind: type[Warning], text: str) -> Any:
    import contextlib

    return pytest.warns(kind, match=text) if condition else contextlib.nullcontext()


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("run_eagerly", [True, False])
def test_a_layer_in_two_models_trains_in_both(floatx: str, run_eagerly: bool) -> None:
    """Each model's step reads and writes the shared kernel, whichever of them packed it last: see `tinynn.buffer.pack`."""
    tinynn.config.set_floatx(floatx)
    tinynn.utils.set_random_seed(1)
    shared = tinynn.layers.Dense(4, activation="tanh")
    one = tinynn.Sequential([tinynn.Input((3,)), shared, tinynn.layers.Dense(2)])
    two = tinynn.Sequential([tinynn.Input((3,)), shared, tinynn.layers.Dense(3)])
    expected = [variable.numpy().astype(np.float64) for variable in shared.weights]
    for step, (model, y) in enumerate(((one, TARGETS), (two, ONE_HOT)) * 2, start=1):
        if not model.compiled:
            model.compile(tinynn.optimizers.SGD(0.1), "mse", run_eagerly=run_eagerly)
        last = model.layers[-1]
        x = X.astype(floatx)
        hidden = np.tanh(x @ expected[0] + expected[1])
        d_out = 2 * (hidden @ last.kernel.numpy() + last.bias.numpy() - y) / y.size
        d_in = (d_out @ last.kernel.numpy().T) * (1 - hidden**2)
        expected = [expected[0] - 0.1 * x.T @ d_in, expected[1] - 0.1 * d_in.sum(axis=0)]
        model.train_on_batch(X, y)
        for variable, value in zip(shared.weights, expected):
            # A step sums 10 products of numbers below 4 and scales them by 0.1.
            assert np.allclose(variable.numpy(), value, rtol=0, atol=64 * step * np.finfo(floatx).eps)
        assert np.allclose(model.predict(X, verbose=0), model(X), rtol=0, atol=16 * np.finfo(floatx).eps)


# Interrupted runs ------------------------------------------------------------------------------------------------------


class StopHere(Callback):
    """Ctrl-C at one of the hooks, at its n-th call."""

    def __init__(self, hook: str, at: int) -> None:
        super().__init__()
        self.calls = 0

        def interrupt(*_: Any, **__: Any) -> None:
            self.calls += 1
            if self.calls == at:
                raise KeyboardInterrupt

        setattr(self, hook, interrupt)


HOOKS = [
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_end",
    "on_epoch_end",
]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("run_eagerly", [True, False])
def test_an_interrupted_fit_leaves_a_usable_model(hook: str, run_eagerly: bool) -> None:
    recipe = run("softmax, class numbers", "input_dim, dropout", "adam", run_eagerly=run_eagerly)
    model = made(tinynn, recipe)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, LABELS, batch_size=4, epochs=3, validation_split=0.3, verbose=0, callbacks=[StopHere(hook, 1)])
    done = int(model.optimizer.iterations.numpy())
    assert np.isfinite(model.evaluate(X, LABELS, verbose=0)).all()
    assert np.allclose(model.predict(X, verbose=0).sum(axis=1), 1)
    history = model.fit(X, LABELS, batch_size=4, epochs=2, verbose=0)
    assert history.epoch == [0, 1]
    assert int(model.optimizer.iterations.numpy()) == done + 2 * 3
    # Nothing is left on the thread's list of open tapes: operations give plain arrays again.
    assert type(model(X)) is np.ndarray


def test_an_interrupted_fit_counts_the_steps_it_took() -> None:
    """Interrupted after the third batch, a run is that of three train_on_batch calls."""
    recipe = run("two numbers, squared error", "relu", "momentum")
    interrupted, stepped = made(tinynn, recipe), made(tinynn, recipe)
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(
            X, TARGETS, batch_size=4, shuffle=False, verbose=0, callbacks=[StopHere("on_train_batch_end", 3)]
        )
    for i in range(3):
        stepped.train_on_batch(X[4 * i : 4 * i + 4], TARGETS[4 * i : 4 * i + 4])
    for one, other in zip(interrupted.get_weights(), stepped.get_weights(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_stop_training_ends_the_run_after_the_batch(run_eagerly: bool) -> None:
    model = made(tinynn, run("two numbers, squared error", "relu", run_eagerly=run_eagerly))

    def stop(batch: int, logs: Any) -> None:
        model.stop_training = batch == 1

    history = model.fit(
        X, TARGETS, batch_size=4, epochs=5, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=stop)]
    )
    assert int(model.optimizer.iterations.numpy()) == 2
    assert history.epoch == [0]


# Seeds -----------------------------------------------------------------------------------------------------------------


def test_fit_draws_nothing_from_the_global_generators() -> None:
    model = made(tinynn, run("two numbers, squared error", "relu"))
    before = random.getstate(), np.random.get_state()[1].copy()
    model.fit(X, TARGETS, verbose=0)
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_the_same_seed_gives_the_same_bits(run_eagerly: bool) -> None:
    recipe = run("softmax, class numbers", "input_dim, dropout", "adam", floatx="float32", run_eagerly=run_eagerly)
    one, other = (twins.outcome(tinynn, recipe) for _ in range(2))
    assert one.history == other.history
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, other.weights, strict=True))
    different = twins.outcome(tinynn, replace(recipe, seed=12))
    assert different.history != one.history
