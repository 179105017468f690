"""Batches from generators, PyDatasets and iterables are taken as Keras takes them: which, in what order, how often.

The same few lines run on both libraries. Compared are the batches that arrive in `train_step` and its kin, what a
PyDataset is asked for, History, warnings, what is printed, and Python's random afterwards.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import random
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynn
from tests.models.twins import floatx_put_back, set_floatx

X = np.arange(10.0)[:, None]
Y = np.ones((10, 1))
STEP_ERROR = 1e-12
"""Float64; a dozen steps of a dozen roundings each, which a step stretches by less than 2: some hundred times 1e-16."""


def pairs(count: int | None, weights: bool = False) -> Iterator[Any]:
    """Batches of two samples, their inputs i and i + 1/2."""
    for i in itertools.count() if count is None else range(count):
        batch = (np.array([[i], [i + 0.5]]), np.ones((2, 1)))
        yield (*batch, np.array([1.0, 2.0])) if weights else batch


def dataset(library: Any, count: int | None, log: list[Any], **settings: Any) -> Any:
    """A PyDataset of the library that writes down what it is asked for."""

    class Pairs(library.utils.PyDataset):  # type: ignore[name-defined,misc]
        def __getitem__(self, i: int) -> Any:
            log.append(i)
            return np.array([[i], [i + 0.5]]), np.array([[i], [1.0]])

        @property
        def num_batches(self) -> int | None:
            return count

        def on_epoch_begin(self) -> None:
            log.append("begin")

        def on_epoch_end(self) -> None:
            log.append("end")

    return Pairs(**settings)


def watched(library: Any, act: Callable[[Any, Any, list[Any]], Any]) -> dict[str, Any]:
    """What can be seen of `act(library, model, log)`."""
    seen: list[Any] = []
    log: list[Any] = []

    class Model(library.Sequential):  # type: ignore[name-defined,misc]
        def train_step(self, data: Any) -> Any:
            seen.append(("train", inputs(data)))
            return super().train_step(data)

        def test_step(self, data: Any) -> Any:
            seen.append(("test", inputs(data)))
            return super().test_step(data)

        def predict_step(self, data: Any) -> Any:
            seen.append(("predict", inputs(data)))
            return super().predict_step(data)

    set_floatx(library, "float64")
    library.backend.clear_session()
    library.utils.set_random_seed(7)
    model = Model([library.Input((1,)), library.layers.Dense(1, kernel_initializer="ones")])
    model.compile(library.optimizers.SGD(0.01), "mse", metrics=["mae"], run_eagerly=True)
    stdout = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(stdout):
        warnings.simplefilter("always")
        try:
            result = act(library, model, log)
            result = getattr(result, "history", result)
        except ValueError as error:
            result = f"{type(error).__name__}: {str(error).replace('Keras model', 'model')[:60]}"
    return {
        "result": result,
        "weights": [weight.tolist() for weight in model.get_weights()],
        "seen": seen,
        "log": log,
        "warnings": [str(warning.message) for warning in caught],
        "printed": re.sub(r"\d+(s|ms|us)\b", "_", stdout.getvalue()),
        "random": random.random(),
    }


def inputs(data: Any) -> list[float]:
    return np.asarray(data[0] if isinstance(data, tuple) else data)[:, 0].tolist()


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    """Equal, numbers to rounding."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for name in expected:
            assert_same(found[name], expected[name], f"{where}.{name}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), f"{where}: {found}, Keras has {expected}"
        for i, (one, other) in enumerate(zip(found, expected)):
            assert_same(one, other, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert abs(found - expected) <= STEP_ERROR * max(1, abs(expected)), f"{where}: {found}, Keras has {expected}"
    else:
        assert found == expected, where


QUIET: dict[str, Any] = {"verbose": 0, "shuffle": False}
CASES: dict[str, Callable[[Any, Any, list[Any]], Any]] = {
    "a generator that ends, for three epochs": lambda k, m, log: m.fit(pairs(5), epochs=3, verbose=2),
    "a generator without end": lambda k, m, log: m.fit(pairs(None), steps_per_epoch=3, epochs=3, **QUIET),
    "a generator that ends within an epoch": lambda k, m, log: m.fit(pairs(5), steps_per_epoch=3, epochs=3, verbose=2),
    "a generator shorter than an epoch": lambda k, m, log: m.fit(pairs(3, True), steps_per_epoch=8, epochs=2, **QUIET),
    "what a generator has left": lambda k, m, log: (
        g := pairs(None),
        m.fit(g, steps_per_epoch=3, epochs=2, **QUIET),
        next(g)[0][0, 0],
    )[-1],
    "a generator of one batch": lambda k, m, log: m.fit(pairs(1), epochs=2, **QUIET),
    "PyDataset, shuffled": lambda k, m, log: m.fit(dataset(k, 5, log), epochs=3, verbose=0),
    "PyDataset, made by threads": lambda k, m, log: m.fit(dataset(k, 5, log, workers=2), epochs=2, **QUIET).history,
    "PyDataset, steps": lambda k, m, log: m.fit(dataset(k, 3, []), steps_per_epoch=2, epochs=3, verbose=2),
    "PyDataset, class weights": lambda k, m, log: m.fit(dataset(k, 3, log), class_weight={1: 3.0, 2: 0.5}, **QUIET),
    "PyDataset without end": lambda k, m, log: m.fit(dataset(k, None, []), steps_per_epoch=2, epochs=2, verbose=0),
    "arrays, steps that do not divide": lambda k, m, log: m.fit(
        X, Y, batch_size=2, steps_per_epoch=3, epochs=4, verbose=2
    ),
    "arrays, steps that divide": lambda k, m, log: m.fit(X, Y, batch_size=2, steps_per_epoch=5, epochs=2, verbose=0),
    "arrays, steps make the batches": lambda k, m, log: m.fit(X, Y, steps_per_epoch=3, epochs=2, verbose=2),
    "arrays, too many steps": lambda k, m, log: m.fit(X, Y, batch_size=5, steps_per_epoch=4, epochs=2, **QUIET),
    "validation by a generator": lambda k, m, log: m.fit(
        X, Y, batch_size=10, epochs=3, verbose=2, validation_data=pairs(None), validation_steps=3
    ),
    "validation by a generator that ends": lambda k, m, log: m.fit(
        X, Y, batch_size=10, epochs=2, verbose=0, validation_data=pairs(3)
    ),
    "validation by a PyDataset": lambda k, m, log: m.fit(
        X, Y, batch_size=10, epochs=2, verbose=2, validation_data=dataset(k, 2, log)
    ),
    "validation by some batches": lambda k, m, log: m.fit(
        X, Y, batch_size=10, epochs=2, verbose=0, validation_data=(X, Y), validation_batch_size=4, validation_steps=1
    ),
    "validation now and then": lambda k, m, log: m.fit(
        X, Y, batch_size=10, epochs=4, verbose=2, validation_data=[X, Y], validation_freq=[1, 3]
    ),
    "evaluate": lambda k, m, log: [
        m.evaluate(pairs(3), verbose=2),
        m.evaluate(pairs(None, True), steps=2, verbose=2, return_dict=True),
        m.evaluate(X, Y, batch_size=2, steps=2, verbose=0),
        m.evaluate(X, Y, batch_size=4, steps=9, verbose=0),
    ],
    "predict": lambda k, m, log: [
        m.predict(pairs(3), verbose=0).tolist(),
        m.predict(pairs(None), steps=2, verbose=0).tolist(),
        m.predict(dataset(k, 2, log), verbose=0).tolist(),
        m.predict(X, batch_size=2, steps=2, verbose=0).tolist(),
        m.predict(X, steps=2, verbose=0).tolist(),
    ],
    "targets beside a generator": lambda k, m, log: m.fit(pairs(2), Y),
    "weights beside a PyDataset": lambda k, m, log: m.fit(dataset(k, 2, log), sample_weight=Y),
    "an empty generator": lambda k, m, log: m.fit(pairs(0), shuffle=False),
    "a generator of inputs alone": lambda k, m, log: m.predict(np.ones((2, 1)) for _ in range(3)),
    "an empty PyDataset": lambda k, m, log: m.fit(dataset(k, 0, log)),
}


@pytest.mark.keras
@pytest.mark.parametrize("case", CASES)
def test_batches_are_taken_as_keras_takes_them(keras: Any, case: str) -> None:
    with floatx_put_back(keras, tinynn):
        expected, found = watched(keras, CASES[case]), watched(tinynn, CASES[case])
    if case in ("PyDataset, steps", "evaluate"):  # where a batch is read ahead, TensorFlow may ask for more of them
        expected["log"] = found["log"]
    if case in ("PyDataset, shuffled", "PyDataset, class weights"):
        assert found["log"][:4] == [0, 1, "end", "begin"], "Keras looks at two batches first"
    assert_same(found, expected)


def fitted(x: Any, y: Any = None, eager: bool = True, **settings: Any) -> tuple[Any, Any]:
    tinynn.utils.set_random_seed(5)
    model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(4, "tanh"), tinynn.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=eager)
    history = model.fit(x, y, verbose=0, shuffle=False, epochs=3, **settings)
    return history.history, model


INPUTS = np.random.default_rng(1).normal(size=(22, 3)).astype(np.float32)
LABELS = np.random.default_rng(2).integers(0, 2, 22)
WEIGHTS = np.random.default_rng(3).random(22).astype(np.float32)


class Batches:
    """Walked through anew for every epoch; the last batch is short."""

    def __init__(self, *arrays: Any) -> None:
        self.arrays = arrays

    def __iter__(self) -> Iterator[Any]:
        return (tuple(array[i : i + 8] for array in self.arrays) for i in range(0, 22, 8))


class CountedBatches(Batches):
    def __len__(self) -> int:
        return 3


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("kind", [Batches, CountedBatches])
def test_an_iterable_of_batches_trains_as_the_arrays_do(kind: type[Batches], eager: bool) -> None:
    """Bit for bit, in both engines, without a warning: an end is an end."""
    expected, model = fitted(INPUTS, LABELS, eager, batch_size=8, sample_weight=WEIGHTS)
    found, other = fitted(kind(INPUTS, LABELS, WEIGHTS), eager=eager)
    assert found == expected
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(one, two)
    assert other.evaluate(kind(INPUTS, LABELS), verbose=0) == model.evaluate(INPUTS, LABELS, batch_size=8, verbose=0)
    assert np.array_equal(other.predict(kind(INPUTS), verbose=0), model.predict(INPUTS, batch_size=8, verbose=0))


def test_class_weights_weigh_the_batches_of_an_iterable() -> None:
    expected, _ = fitted(INPUTS, LABELS, batch_size=8, class_weight={0: 3.0})
    assert fitted(Batches(INPUTS, LABELS), class_weight={0: 3.0})[0] == expected


def test_a_batch_of_another_kind_goes_through_the_engine_that_can() -> None:
    """Labels as a column, weights in one batch only: what the compiled engine was chosen for may not come again."""

    def mixed() -> Iterator[Any]:
        yield INPUTS[:8], LABELS[:8]
        yield INPUTS[8:16], LABELS[8:16, None], WEIGHTS[8:16]
        yield INPUTS[16:].tolist(), LABELS[16:].tolist()

    with pytest.warns(UserWarning, match="ran out of data"):
        expected, _ = fitted(mixed(), eager=True)
    with pytest.warns(UserWarning, match="ran out of data"):
        found, _ = fitted(mixed(), eager=False)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4)  # float32, two orders of summation, nine Adam steps


def test_labels_out_of_range_are_found_in_a_later_batch() -> None:
    """Before the compiled engine would write beyond its rows."""
    bad = LABELS.copy()
    bad[-1] = 2
    with pytest.raises(ValueError, match=r"expects labels in 0\.\.1"):
        fitted(Batches(INPUTS, bad), eager=False)


@pytest.mark.parametrize(
    ("x", "settings", "text"),
    [
        (Batches(INPUTS[:0], LABELS[:0]), {}, "x has no samples"),
        (iter([]), {}, "must yield at least one batch"),
        (type("Empty", (), {"__iter__": lambda self: iter([])})(), {}, "has no batches"),
        (Batches(INPUTS), {}, "needs targets"),
        (Batches(INPUTS, LABELS), {"y": LABELS}, "`y` should not be passed"),
        (Batches(INPUTS, LABELS), {"validation_split": 0.1}, "only supported for tensors or NumPy arrays"),
        (Batches(INPUTS, LABELS), {"validation_freq": "2", "validation_data": (INPUTS, LABELS)}, "validation_freq"),
        (Batches(INPUTS, LABELS), {"steps_per_epoch": 1.5}, "positive integer; got 1.5"),
        (Batches(INPUTS, LABELS, WEIGHTS), {"class_weight": {0: 1.0}}, "at the same time"),
        (Batches(INPUTS, LABELS, WEIGHTS, WEIGHTS), {}, "got 4 parts"),
        (pairs(2), {"class_weight": {0: 1.0}}, "not supported for generator inputs"),
        (Batches(INPUTS, LABELS[:4]), {}, "Data cardinality is ambiguous"),
        (None, {}, "x is missing"),
    ],
)
def test_errors_of_streams(x: Any, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        fitted(x, **settings)


def test_an_error_in_a_thread_that_makes_batches_arrives() -> None:
    class Broken(tinynn.utils.PyDataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, i: int) -> Any:
            if i > 2:
                raise OSError("file 3 is gone")
            return INPUTS[:4], LABELS[:4]

    with pytest.raises(OSError, match="file 3 is gone"):
        fitted(Broken(workers=3, max_queue_size=2))


def test_a_dataset_that_forgot_its_base_is_told_once() -> None:
    class Forgetful(tinynn.utils.Sequence):
        def __init__(self) -> None:
            pass

        def __len__(self) -> int:
            return 2

        def __getitem__(self, i: int) -> Any:
            return INPUTS[:4], LABELS[:4]

    with pytest.warns(UserWarning, match=r"should call `super\(\).__init__") as caught:
        fitted(Forgetful())
    assert len(caught) == 1


def test_pandas_frames_are_their_numbers_whatever_their_index() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
    frame = pandas.DataFrame(INPUTS, index=range(50, 72), columns=list("abc"))
    labels = pandas.Series(LABELS, index=range(90, 112))
    weights = pandas.Series(WEIGHTS, index=range(7, 29))
    expected, model = fitted(INPUTS, LABELS, batch_size=8, sample_weight=WEIGHTS, validation_split=0.3)
    found, other = fitted(frame, labels, batch_size=8, sample_weight=weights, validation_split=0.3)
    assert found == expected
    assert np.array_equal(model.predict(INPUTS, verbose=0), other.predict(frame, verbose=0))
    with pytest.raises(ValueError, match="must hold numbers"):
        fitted(frame.assign(c="text"), labels)


def test_frames_are_recognised_without_pandas() -> None:
    """A Series is a column. (A stand-in of its kind, for where pandas is not installed.)"""

    class Series:
        def to_numpy(self) -> Any:
            return LABELS

    Series.__module__ = "pandas.core.series"
    from tinynn.models.data import as_array

    assert np.array_equal(as_array("y", Series()), LABELS[:, None])
    assert np.array_equal(as_array("sample_weight", Series()), LABELS)


def test_progress_of_unknown_length(capsys: pytest.CaptureFixture[str]) -> None:
    """Counted against "Unknown" at first, against what there were afterwards."""
    model = tinynn.Sequential([tinynn.Input((1,)), tinynn.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(type("Pairs", (), {"__iter__": lambda self: pairs(3)})(), epochs=2, shuffle=False)
    first, second = capsys.readouterr().out.split("Epoch 2/2")
    assert "1/Unknown" in first
    assert "3/3" in first
    assert "Unknown" not in second
    assert "3/3" in second
