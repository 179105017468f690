"""Metrics: Keras's values for all shapes and weights, gathered over batches; which accuracy "accuracy" is; their names."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.losses.targets import PAIRS, weights_for
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import metrics
from tinynn.models.compile_utils import CompileMetrics

CLASSES = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "MeanSquaredError",
    "MeanAbsoluteError",
]
FUNCTIONS = ["binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"]


@pytest.fixture(params=["float32", "float64"])
def keras_in(request: Any, keras: Any) -> Iterator[Any]:
    """Keras and tinynn, computing in the same float type."""
    with floatx_put_back(keras, tinynn):
        set_floatx(keras, request.param)
        set_floatx(tinynn, request.param)
        yield keras


def assert_same(keras: Any, call: Callable[[Any], Any], what: Any) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = np.asarray(call(keras.metrics))
        except Exception:  # where Keras refuses, tinynn may know an answer
            return
        found = np.asarray(call(metrics))
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), what
    assert np.allclose(found, expected, rtol=16 * np.finfo(found.dtype).eps, atol=0, equal_nan=True), what


@pytest.mark.keras
@pytest.mark.parametrize("name", CLASSES)
def test_metrics_gather_over_batches_as_keras_s(keras_in: Any, name: str) -> None:
    for kind, (y_true, y_pred) in PAIRS.items():
        for weights, w in weights_for(kind).items():

            def gathered(k: Any, t: Any = y_true, p: Any = y_pred, w: Any = w) -> Any:
                metric = getattr(k, name)()
                metric.update_state(t, p, sample_weight=w)
                first = np.asarray(metric.result())
                metric.update_state(t[:3], p[:3])
                return np.stack([first, np.asarray(metric.result())])

            assert_same(keras_in, gathered, (kind, weights))


@pytest.mark.keras
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_give_keras_s_values(keras_in: Any, name: str) -> None:
    for kind, (y_true, y_pred) in PAIRS.items():
        assert_same(keras_in, lambda k, t=y_true, p=y_pred: getattr(k, name)(t, p), kind)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_means_and_sums_take_values_as_keras_s(keras_in: Any, name: str) -> None:
    for values in (3.5, np.arange(4.0), np.arange(8.0).reshape(4, 2), np.arange(16).reshape(4, 2, 2), [1, 2, 3, 4]):
        for weight in (None, 2.0, np.arange(4.0), np.arange(4.0)[:, None], np.arange(8.0).reshape(4, 2)):

            def gathered(k: Any, v: Any = values, w: Any = weight) -> Any:
                metric = getattr(k, name)()
                metric.update_state(v, sample_weight=w)
                metric.update_state(1.0)
                return metric.result()

            assert_same(keras_in, gathered, (values, weight))


@pytest.mark.keras
@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS, "Mean", "Sum", "MeanMetricWrapper"])
def test_names_and_defaults_of_arguments_are_keras_s(keras: Any, name: str) -> None:
    ours, theirs = (list(inspect.signature(getattr(k, name)).parameters.values()) for k in (metrics, keras.metrics))
    if name == "MeanMetricWrapper":  # **settings are **kwargs there
        ours, theirs = ours[:-1], theirs[:-1]
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.keras
@pytest.mark.parametrize(
    "name", [*CLASSES, "accuracy", "mse", "MSE", "mae", "MAE", "binary_accuracy", "mean_squared_error"]
)
def test_names_lead_where_keras_s_do(keras: Any, name: str) -> None:
    found, expected = metrics.get(name), keras.metrics.get(name)
    assert type(found).__name__ == type(expected).__name__
    assert found.name == expected.name


# Means in batches ------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_a_mean_does_not_depend_on_how_samples_fall_into_batches(batches: list[int], seed: int) -> None:
    numbers = np.random.default_rng(seed)
    n = sum(batches)
    y_true, y_pred, w = numbers.normal(size=(n, 2)), numbers.normal(size=(n, 2)), numbers.random(n) + 0.1
    whole, parts = metrics.MeanSquaredError(dtype="float64"), metrics.MeanSquaredError(dtype="float64")
    whole.update_state(y_true, y_pred, w)
    start = 0
    for size in batches:
        rows = slice(start, start + size)
        parts.update_state(y_true[rows], y_pred[rows], w[rows])
        start += size
    expected = (w * ((y_true - y_pred) ** 2).mean(axis=1)).sum() / w.sum()
    assert whole.result() == pytest.approx(expected, rel=1e-14)
    assert parts.result() == pytest.approx(expected, rel=1e-14)


def test_reset_and_empty_metrics_are_zero() -> None:
    metric = metrics.Mean()
    assert metric.result() == 0
    metric.update_state([1.0, 3.0])
    assert metric.result() == 2
    assert metric.result().dtype == np.float32
    metric.reset_state()
    assert metric.result() == 0
    assert metric([5.0]) == 5  # update, then result


def test_totals_are_float32_as_in_keras() -> None:
    """2^24 + 1 is no float32: counting on from there stands still, in Keras too."""
    metric = metrics.Sum()
    metric.update_state(2.0**24)
    metric.update_state(1.0)
    assert metric.result() == 2**24
    assert metrics.Sum(dtype="float64")(2.0**24 + 1) == 2**24 + 1


def test_accuracies_by_hand() -> None:
    assert metrics.binary_accuracy([[1.0], [0.0]], [[0.5], [0.5]]).tolist() == [[0], [1]]  # above 0.5, strictly
    assert metrics.BinaryAccuracy(threshold=0.4)([[1.0], [0.0]], [[0.5], [0.5]]) == 0.5
    assert metrics.sparse_categorical_accuracy([0, 1], [[1.0, 1.0], [1.0, 1.0]]).tolist() == [
        1,
        0,
    ]  # the first of equals
    assert metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]).tolist() == [1, 0]
    assert metrics.Accuracy()([1, 2, 3], [1, 0, 3]) == pytest.approx(2 / 3)


# Names given to compile ------------------------------------------------------------------------------------------------

SHAPES = [((4,), (4, 1)), ((4, 1), (4, 1)), ((4,), (4, 3)), ((4, 1), (4, 3)), ((4, 3), (4, 3)), ((4, 2), (4, 2, 3))]
SHAPES += [((4, 2, 3), (4, 2, 3)), ((4, 2), (4, 2, 1)), ((4, 2, 1), (4, 2, 3))]


@pytest.mark.keras
@pytest.mark.parametrize("name", ["accuracy", "acc", "Accuracy", "ACC"])
@pytest.mark.parametrize(("y_true", "y_pred"), SHAPES)
def test_accuracy_is_resolved_by_shapes_as_in_keras(keras: Any, name: str, y_true: Any, y_pred: Any) -> None:
    from keras.src.trainers.compile_utils import CompileMetrics as Theirs

    ours, theirs = CompileMetrics([name]), Theirs([name], None)
    for compiled in (ours, theirs):
        compiled.build(np.zeros(y_true), np.zeros(y_pred))
    assert [type(metric).__name__ for metric in ours.metrics] == [type(metric).__name__ for metric in theirs.metrics]
    assert list(ours.result()) == list(theirs.result()) == [name]


@pytest.mark.keras
@pytest.mark.parametrize(
    ("plain", "weighted"),
    [
        (["mse", "mse", "mse"], None),
        (["mse"], ["mse", "mse", "mae", "mse"]),
        (None, ["accuracy", "accuracy"]),
        ([["mae", "mse"]], []),
        ({"out": ["mse", "mae"]}, None),
        ({"b": "mse", "a": "mae"}, {"a": "mse"}),
        (["mean_squared_error", "MeanSquaredError", "MSE"], None),
    ],
)
def test_metrics_of_one_name_are_told_apart_as_in_keras(keras: Any, plain: Any, weighted: Any) -> None:
    from keras.src.trainers.compile_utils import CompileMetrics as Theirs

    y_true, y_pred = np.zeros((4, 1), np.float32), np.ones((4, 1), np.float32)
    found = []
    for compiled in (CompileMetrics(plain, weighted), Theirs(plain, weighted)):
        compiled.update_state(y_true, y_pred, np.arange(4.0, dtype=np.float32))
        found.append({name: float(value) for name, value in compiled.result().items()})
    assert list(found[0].items()) == list(found[1].items())


def test_sample_weights_count_in_weighted_metrics_alone() -> None:
    compiled = CompileMetrics(["mse"], ["mse"])
    compiled.update_state(np.zeros((2, 1)), np.array([[1.0], [2.0]]), np.array([3.0, 1.0]))
    assert compiled.result() == {"mse": 2.5, "weighted_mse": 7 / 4}


ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: metrics.get("acuracy"), r'Unknown metric "acuracy"\. Did you mean "accuracy"\?'),
    (
        lambda: metrics.get(3.5),
        r"A metric is a name, a Metric, a function, a description or None; got 3\.5 of type float\.",
    ),
    (
        lambda: CompileMetrics("mae"),
        r"Expected `metrics` argument to be a list, tuple, or dict\. Received instead: metrics=mae of type <class 'str'>\. "
        r"Put it into a list: metrics=\['mae'\]\.",
    ),
    (lambda: CompileMetrics(None, "mae"), r"Expected `weighted_metrics` argument to be a list"),
    (lambda: CompileMetrics(["mean_absolut_error"]), r'Did you mean "mean_absolute_error"\?'),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_say_what_was_expected_and_what_came(case: int) -> None:
    call, text = ERRORS[case]
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize("name", [*CLASSES, "Mean", "Sum"])
def test_a_metric_can_be_made_again_from_its_config(name: str) -> None:
    metric = getattr(metrics, name)(name="mine", dtype="float64")
    again = type(metric).from_config(metric.get_config())
    assert again.get_config() == metric.get_config()
    assert (again.name, again.dtype) == ("mine", "float64")


def test_own_metrics_keep_their_state() -> None:
    class Largest(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="largest")
            self.value = self.add_variable(shape=(), initializer="zeros", name="value")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.value.assign(max(float(self.value), float(np.max(y_pred))))

        def result(self) -> Any:
            return self.value.numpy()

    model = tinynn.Sequential([tinynn.Input((1,)), tinynn.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=[Largest()])
    x = np.array([[1.0], [5.0], [2.0]])
    assert model.evaluate(x, x, batch_size=1, verbose=0) == [0.0, 5.0]
    assert model.evaluate(x[:1], x[:1], verbose=0) == [0.0, 1.0]  # reset in between


@pytest.mark.keras
def test_ignored_classes_count_where_there_are_weights_as_in_keras(keras: Any) -> None:
    """With weights the ignored samples have none; without, they count as samples that cost 0."""
    y_true, weights = np.array([0, 1, 2, 1]), np.array([1.0, 2.0, 3.0, 4.0])
    y_pred = np.random.default_rng(0).dirichlet(np.ones(3), 4)
    for w in (None, weights, weights[:, None]):
        ours, theirs = (k.metrics.SparseCategoricalCrossentropy(ignore_class=1) for k in (tinynn, keras))
        for metric in (ours, theirs):
            metric.update_state(y_true, y_pred, sample_weight=w)
        assert float(ours.result()) == pytest.approx(float(theirs.result()), rel=1e-6)
    # -(1 log p + 3 log p') / (1 + 3), by hand
    by_hand = -(np.log(y_pred[0, 0]) + 3 * np.log(y_pred[2, 2])) / 4
    assert float(
        tinynn.metrics.SparseCategoricalCrossentropy(ignore_class=1)(y_true, y_pred, weights)
    ) == pytest.approx(by_hand, rel=1e-6)
