"""Several epochs in one call of the loop are the epochs one by one, to the bit: weights, slots, counters and every log."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import layers, optimizers
from tinynn._typing import Array
from tinynn.callbacks import Callback
from tinynn.engine import machine
from tinynn.engine.compiled import CompiledEngine
from tinynn.models import data as data_module
from tinynn.models.data import ArrayBatches

SAMPLES, BATCH, EPOCHS = 23, 5, 6


class Listener(Callback):  # type: ignore[misc]
    """Does nothing, but has to be told of each epoch."""


def model(*inner: Any, optimizer: Any = "adam", width: int = 3, metrics: Sequence[Any] = ("accuracy", "mae")) -> Any:
    built = tinynn.Sequential([tinynn.Input((width,)), *inner, layers.Dense(1, activation="sigmoid")])
    built.compile(optimizer, "binary_crossentropy", metrics=list(metrics))
    return built


MODELS: dict[str, Callable[[], Any]] = {
    "dropout": lambda: model(layers.Dense(8, activation="relu"), layers.Dropout(0.3)),
    "batch normalization": lambda: model(layers.Dense(4), layers.BatchNormalization(), layers.ReLU()),
    "a schedule": lambda: model(optimizer=optimizers.SGD(optimizers.schedules.ExponentialDecay(0.5, 3, 0.9), momentum=0.9)),
    "accumulation and averages": lambda: model(
        layers.Dense(4, kernel_regularizer="l2", kernel_constraint="max_norm"),
        optimizer=optimizers.AdamW(0.1, gradient_accumulation_steps=3, use_ema=True, ema_overwrite_frequency=2),
    ),
}  # fmt: skip


def state_of(trained: Any) -> list[Array]:
    counters = [layer.seed_generator.state for layer in trained.layers if hasattr(layer, "seed_generator")]
    kept = [*trained.variables, *trained.optimizer.variables, *counters]
    return [np.array(variable) for variable in [*kept, *(v for m in trained.metrics for v in m.variables)]]


def data_for(trained: Any) -> tuple[Array, Array]:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(SAMPLES, trained.input_shape[-1])).astype("float32")
    return x, generator.integers(0, 2, SAMPLES)


def fitted(make: Callable[[], Any], calls: list[int], callbacks: Sequence[Callback] = (), **arguments: Any) -> Any:
    tinynn.utils.set_random_seed(7)
    trained = make()
    x, y = data_for(trained)
    calls.clear()
    history = trained.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=list(callbacks), **arguments)
    assert trained.engine.startswith("compiled")
    return trained, history


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of epochs in the calls of the loop."""
    seen: list[int] = []
    train = CompiledEngine._train

    def counting(self: Any, aim: Any, data: Any, orders: Any, begin: int, end: int) -> Array:
        seen.append(len(orders))
        return train(self, aim, data, orders, begin, end)

    monkeypatch.setattr(CompiledEngine, "_train", counting)
    return seen


@pytest.mark.parametrize("seeded", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_epochs_at_one_go_are_the_epochs_one_by_one(
    name: str, seeded: bool, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not seeded:  # an order of its own for every epoch, the same ones for both models
        seeds = itertools.cycle(range(EPOCHS))
        monkeypatch.setattr(data_module, "shuffle_seed", lambda: next(seeds))
    at_once, history = fitted(MODELS[name], calls)
    assert calls == [EPOCHS]
    one_by_one, expected = fitted(MODELS[name], calls, [Listener()])
    assert calls == [1] * EPOCHS
    assert history.history == expected.history
    assert history.epoch == expected.epoch == list(range(EPOCHS))
    assert len(set(history.history["loss"])) == EPOCHS
    for found, wanted in zip(state_of(at_once), state_of(one_by_one), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_team_of_threads_runs_several_epochs(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYNN_NUM_THREADS", str(workers))
    found = []
    for at_once in (True, False):
        tinynn.utils.set_random_seed(7)
        trained = model(layers.Dense(512, activation="relu"), layers.Dense(512), width=64)
        generator = np.random.default_rng(3)
        x, y = generator.normal(size=(2000, 64)).astype("float32"), generator.integers(0, 2, 2000)
        batches = ArrayBatches(x, y, batch_size=600)
        orders = [generator.permutation(2000) for _ in range(2)]
        engine = trained._choose_engine(batches, training=True)
        assert engine._team(600) == workers
        logs = []
        for some in [orders] if at_once else [[order] for order in orders]:
            trained.reset_metrics()
            for _ in engine.train_epochs(batches, some):
                logs.append(trained.get_metrics_result())
        found.append((logs, state_of(trained)))
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(one, other)


class Own(tinynn.Sequential):  # type: ignore[misc]
    def reset_metrics(self) -> None:
        self.resets = getattr(self, "resets", 0) + 1
        super().reset_metrics()


def own() -> Any:
    built = Own([tinynn.Input((3,)), layers.Dense(1, activation="sigmoid")])
    built.compile("sgd", "binary_crossentropy")
    return built


@pytest.mark.parametrize(
    ("what", "make", "arguments"),
    [
        ("a metric with counts", lambda: model(metrics=["AUC"]), {}),
        ("validation", model, {"validation_split": 0.2}),
        ("steps", model, {"steps_per_epoch": 5}),
        ("an order from outside", model, {"shuffle": np.random.default_rng(0).permutation}),
        ("a method of its own", own, {}),
    ],
)
def test_where_something_is_done_between_epochs_they_come_one_by_one(
    what: str, make: Any, arguments: dict[str, Any], calls: list[int]
) -> None:
    trained, history = fitted(make, calls, **arguments)
    assert calls == [1] * EPOCHS
    assert len(history.history["loss"]) == EPOCHS
    assert getattr(trained, "resets", EPOCHS) == EPOCHS


def test_long_epochs_come_one_by_one(calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CompiledEngine, "batches_in", lambda self, seconds, batch: 9)
    fitted(model, calls)  # of 5 batches an epoch
    assert calls == [1] * EPOCHS
    monkeypatch.setattr(CompiledEngine, "batches_in", lambda self, seconds, batch: 10)
    fitted(model, calls)
    assert calls == [2, 2, 2]


def test_steps_before_an_interrupt_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is heard when the loop comes back: weights, the count of steps and dropout's counter belong together."""
    code_for = machine.code_for

    def interrupted(real: Any) -> Any:
        def run(session: Any) -> None:
            code_for(real)(session)
            raise KeyboardInterrupt

        return run

    undisturbed, _ = fitted(MODELS["dropout"], [])
    monkeypatch.setattr(machine, "code_for", interrupted)
    tinynn.utils.set_random_seed(7)
    trained = MODELS["dropout"]()
    x, y = data_for(trained)
    with pytest.raises(KeyboardInterrupt):
        trained.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    assert int(trained.optimizer.iterations.value) == 5 * EPOCHS
    for found, wanted in zip(
        [*trained.variables, *trained.optimizer.variables],
        [*undisturbed.variables, *undisturbed.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(found, wanted)


def test_nan_is_said_once_with_its_epoch() -> None:
    trained = model(optimizer=optimizers.SGD(1e38))
    x, y = data_for(trained)
    with pytest.warns(RuntimeWarning, match="loss is nan at epoch") as told:
        history = trained.fit(x * 1e30, y, epochs=EPOCHS, verbose=0)
    assert len([w for w in told if "nan at epoch" in str(w.message)]) == 1
    assert len(history.history["loss"]) == EPOCHS
