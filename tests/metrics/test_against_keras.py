"""Every metric of keras.metrics: names, arguments, state, configs and numbers are Keras's.

Counts of whole numbers are compared exactly; sums of n terms to n eps of their size, for TensorFlow adds in another order;
what follows from logarithms or differences of close numbers (the curves' areas, R^2, correlations) to a bound said there.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import metrics

NEEDED: dict[str, dict[str, Any]] = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 1]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.6},
    "RecallAtPrecision": {"precision": 0.6},
    "SensitivityAtSpecificity": {"specificity": 0.6},
    "SpecificityAtSensitivity": {"sensitivity": 0.6},
}
CLASSES = sorted(
    name
    for name in metrics.__all__
    if inspect.isclass(getattr(metrics, name)) and name not in ("Metric", "MeanMetricWrapper")
)


@pytest.fixture(params=["float32", "float64"])
def keras_in(request: Any, keras: Any) -> Iterator[Any]:
    """Keras and tinynn, computing in the same float type."""
    with floatx_put_back(keras, tinynn):
        set_floatx(keras, request.param)
        set_floatx(tinynn, request.param)
        yield keras


def made(library: Any, name: str, **arguments: Any) -> Any:
    return getattr(library.metrics, name)(**{**NEEDED.get(name, {}), **arguments})


# What there is ---------------------------------------------------------------------------------------------------------


@pytest.mark.keras
def test_public_names_are_keras_s(keras: Any) -> None:
    theirs = {name for name in dir(keras.metrics) if not name.startswith("_")}
    ours = set(metrics.__all__)
    assert theirs - ours == set()
    assert ours - theirs == {"accuracy"}  # what `Accuracy` is the mean of, which Keras keeps to itself


@pytest.mark.keras
def test_names_and_defaults_of_arguments_are_keras_s(keras: Any) -> None:
    for name in metrics.__all__:
        if name in ("accuracy", "MeanMetricWrapper"):  # **settings are **kwargs there
            continue
        ours, theirs = (list(inspect.signature(getattr(k, name)).parameters.values()) for k in (metrics, keras.metrics))
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs], name


@pytest.mark.keras
def test_names_state_direction_and_configs_are_keras_s(keras: Any) -> None:
    y = np.eye(3, dtype=np.float32)
    tinynn.backend.clear_session()
    keras.backend.clear_session()
    for name in [*CLASSES, *CLASSES]:  # the second of each shows which names are counted
        for dtype in (None, "float64"):
            ours, theirs = made(tinynn, name, dtype=dtype), made(keras, name, dtype=dtype)
            if name in ("F1Score", "FBetaScore", "R2Score"):
                ours.update_state(y, y)
                theirs.update_state(y, y)
            assert (ours.name, ours.dtype, repr(ours)) == (theirs.name, theirs.dtype, repr(theirs))
            assert getattr(ours, "_direction", None) == getattr(theirs, "_direction", None), name
            state = [(v.path, v.name, tuple(v.shape), v.dtype) for v in ours.variables]
            assert state == [(v.path, v.name, tuple(v.shape), v.dtype) for v in theirs.variables]
            assert ours.get_config() == theirs.get_config()
            assert metrics.serialize(ours) == keras.metrics.serialize(theirs)


@pytest.mark.keras
def test_what_tinynn_describes_keras_can_read_and_the_other_way_round(keras: Any) -> None:
    for name in CLASSES:
        ours, theirs = made(tinynn, name), made(keras, name)
        assert metrics.deserialize(keras.metrics.serialize(theirs)).get_config() == theirs.get_config()
        assert keras.metrics.deserialize(metrics.serialize(ours)).get_config() == ours.get_config()
    arguments = {"thresholds": [0.7, 0.2], "curve": "pr", "label_weights": [1.0, 2.0], "summation_method": "Majoring"}
    described = keras.metrics.serialize(keras.metrics.AUC(name="mine", **arguments))
    again = metrics.deserialize(described)
    assert again.get_config() == metrics.AUC(name="mine", **arguments).get_config()
    assert again.get_config()["thresholds"] == [0.2, 0.7]


@pytest.mark.keras
def test_names_lead_where_keras_s_do(keras: Any) -> None:
    from keras.src.metrics import ALL_OBJECTS_DICT

    assert {name: cls.__name__ for name, cls in ALL_OBJECTS_DICT.items()} == {
        name: cls.__name__ for name, cls in metrics.registry.KNOWN.names.items()
    }
    for name in ALL_OBJECTS_DICT:
        try:
            expected = keras.metrics.get(name)
        except TypeError:  # needs arguments
            with pytest.raises(TypeError, match="needs"):
                metrics.get(name)
        else:
            assert type(metrics.get(name)).__name__ == type(expected).__name__


# Counts ----------------------------------------------------------------------------------------------------------------

numbers = np.random.default_rng(5)
YES = (numbers.random((12, 3)) < 0.4).astype(np.float32)
SAID = np.round(numbers.random((12, 3)), 2).astype(np.float32)
SAID[0], SAID[1], SAID[2] = 0.0, 1.0, 0.5
W = numbers.integers(1, 5, 12).astype(np.float32)
PAIRS: dict[str, tuple[Any, Any, Any]] = {
    "rows": (YES, SAID, None),
    "rows, weighted": (YES, SAID, W),
    "rows, weight by entry": (YES, SAID, np.arange(36.0).reshape(12, 3)),
    "rows, a column of weights": (YES, SAID, W[:, None]),
    "rows, one weight": (YES, SAID, 2.0),
    "vectors": (YES[:, 0], SAID[:, 0], W),
    "column beside vector": (YES[:, :1], SAID[:, 0], W),
    "vector beside column": (YES[:, 0], SAID[:, :1], W),
    "columns": (YES[:, :1], SAID[:, :1], W[:, None]),
    "truth values, float64": (YES.astype(bool), SAID.astype(np.float64), W),
    "whole numbers": (YES.astype(np.int64), SAID, W.astype(np.int64)),
    "beyond 0 and 1": (YES, SAID * 3 - 1, W),
    "soft labels": (YES * 0.3, SAID, None),
    "NaN": (YES, np.where(SAID > 0.9, np.nan, SAID), W),
    "three axes": (YES.reshape(2, 6, 3), SAID.reshape(2, 6, 3), W.reshape(2, 6)),
    "lists": (YES.tolist(), SAID.tolist(), W.tolist()),
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"thresholds": 0.3},
    {"thresholds": [0.9, 0.1]},
    {"thresholds": [0.0, 0.5, 1.0]},  # even: predictions fall into buckets, and 0 into none
    {"thresholds": [0.1, 0.2, 0.7, 0.71]},
]
WITH_TOP_K: list[dict[str, Any]] = [
    {"top_k": 2},
    {"class_id": 1},
    {"top_k": 2, "class_id": -1, "thresholds": [0.2, 0.6]},
]


def run(library: Any, name: str, arguments: dict[str, Any], batches: list[Any]) -> tuple[list[Any], Any]:
    """The state and the result after some batches."""
    metric = made(library, name, **arguments)
    for y_true, y_pred, weight in batches:
        metric.update_state(y_true, y_pred, sample_weight=weight)
    return [np.asarray(v.numpy()) for v in metric.variables], np.asarray(metric.result())


def assert_same_run(
    keras: Any, name: str, arguments: dict[str, Any], batches: list[Any], ulps: float, what: Any
) -> None:
    """State exactly; result within some ulps of 1 (the areas and shares are sums of numbers up to 1)."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = run(keras, name, arguments, batches)
        except Exception:  # where Keras refuses, tinynn may know an answer
            return
        found = run(tinynn, name, arguments, batches)
    for ours, theirs in zip(found[0], expected[0], strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), what
        assert np.array_equal(ours, theirs), (what, ours, theirs)
    assert_close(found[1], expected[1], ulps, what)


def assert_close(found: Any, expected: Any, ulps: float, what: Any) -> None:
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), (what, found.dtype, expected.dtype)
    room = ulps * np.finfo(found.dtype).eps
    assert np.allclose(found, expected, rtol=room, atol=room, equal_nan=True), (what, found, expected)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"])
def test_counts_are_keras_s(keras_in: Any, name: str) -> None:
    for kind, batch in PAIRS.items():
        for arguments in SETTINGS if kind in ("rows, weighted", "vectors") else SETTINGS[2:4]:
            assert_same_run(keras_in, name, arguments, [batch], 0, (kind, arguments))


@pytest.mark.keras
@pytest.mark.parametrize("name", ["Precision", "Recall"])
def test_precision_and_recall_are_keras_s(keras_in: Any, name: str) -> None:
    for kind, batch in PAIRS.items():
        for arguments in (
            [*SETTINGS, *WITH_TOP_K] if kind in ("rows, weighted", "vectors") else SETTINGS[2:3] + WITH_TOP_K[:1]
        ):
            if kind == "NaN" and "top_k" in arguments:  # where NaN stands among sorted numbers is nobody's promise
                continue
            again = tuple(x if x is None or np.ndim(x) == 0 else x[:1] for x in batch)
            assert_same_run(keras_in, name, arguments, [batch, again], 1, (kind, arguments))


@pytest.mark.keras
@pytest.mark.parametrize(
    "name", ["PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"]
)
def test_points_on_curves_are_keras_s(keras_in: Any, name: str) -> None:
    (asked,) = NEEDED[name]
    for value in (0.0, 0.5, 0.6, 1.0):
        for more in ({}, {"num_thresholds": 1}, {"num_thresholds": 2}, {"num_thresholds": 5, "class_id": 2}):
            assert_same_run(keras_in, name, {asked: value, **more}, [PAIRS["rows, weighted"]], 1, (value, more))


AUCS: list[dict[str, Any]] = [
    {"curve": curve, "summation_method": method, **more}
    for curve, method in [
        *(("ROC", "interpolation"), ("PR", "interpolation"), ("PRGAIN", "interpolation")),
        *(("ROC", "majoring"), ("PR", "minoring"), ("PRGAIN", "majoring")),
    ]
    for more in (
        {},
        {"num_thresholds": 7},
        {"thresholds": [0.8, 0.31, 0.32]},
    )
]
AUCS += [  # Keras traces its code anew for every such metric, so there are few
    {"multi_label": True, "num_labels": 3, "num_thresholds": 9},
    {"multi_label": True, "label_weights": [1.0, 0.5, 2.0], "thresholds": [0.3, 0.4], "curve": "PR"},
]
AUCS += [
    {"from_logits": True},
    {"label_weights": [1.0, 0.5, 2.0]},
    {"thresholds": [0.25, 0.5, 0.75]},
    {"num_thresholds": 2},
]


@pytest.mark.slow
@pytest.mark.keras
def test_areas_under_curves_are_keras_s(keras_in: Any) -> None:
    """Sums of up to 200 parts, each a product of shares good to some ulps; log of a ratio near 1 has them absolutely."""
    for arguments in AUCS:
        batches = [PAIRS["rows"], tuple(x[:5] for x in PAIRS["rows, weighted"])]
        if arguments == {"from_logits": True}:
            batches = [(y, 4 * p - 2, w) for y, p, w in batches]
        assert_same_run(keras_in, "AUC", arguments, batches, 200, arguments)
    for kind, batch in PAIRS.items():
        for arguments in ({"num_thresholds": 5, "curve": "PR"}, {"multi_label": True, "thresholds": [0.3, 0.4]}):
            assert_same_run(keras_in, "AUC", arguments, [batch], 200, (kind, arguments))


@pytest.mark.keras
def test_predictions_on_the_thresholds_fall_into_keras_s_buckets(keras_in: Any) -> None:
    """Where p (T - 1) rounds up or down decides: all multiples of 1/(T-1), and their neighbours, for several T."""
    for count in (3, 5, 11, 50, 200):
        grid = np.arange(count) / (count - 1)
        for dtype in (np.float32, np.float64):
            near = grid.astype(dtype)
            p = np.concatenate([near, np.nextafter(near, dtype(2)), np.nextafter(near, dtype(-1))])
            y = np.arange(len(p)) % 2
            assert_same_run(keras_in, "AUC", {"num_thresholds": count}, [(y, p, None)], 200, count)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["TruePositives", "AUC", "SensitivityAtSpecificity"])
def test_predictions_that_are_no_normal_numbers_are_not_above_zero(keras_in: Any, name: str) -> None:
    """A saturated sigmoid gives them; TensorFlow takes them for zero."""
    dtype = np.dtype(keras_in.config.floatx())
    p = np.array([0.1, 1e-6, 2.0, 0.0, 0.7 / float(np.finfo(dtype).tiny)]) * float(np.finfo(dtype).tiny)
    arguments = {
        "TruePositives": {"thresholds": [0.0, 0.5]},
        "AUC": {"num_thresholds": 5},
        "SensitivityAtSpecificity": {"specificity": 0.5, "num_thresholds": 5},
    }[name]
    for y in (np.ones(5), np.array([1, 0, 1, 0, 1])):
        assert_same_run(keras_in, name, arguments, [(y, p.astype(dtype), None)], 200, name)


# Scores ----------------------------------------------------------------------------------------------------------------

ONE_HOT = np.eye(3, dtype=np.float32)[numbers.integers(0, 3, 12)]
PROBS = numbers.dirichlet(np.ones(3), 12).astype(np.float32)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["F1Score", "FBetaScore"])
def test_f_scores_are_keras_s(keras_in: Any, name: str) -> None:
    for average in (None, "micro", "macro", "weighted"):
        for threshold in (None, 0.4):
            for beta in (0.5, 2.0) if name == "FBetaScore" else (None,):
                arguments = {"average": average, "threshold": threshold, **({"beta": beta} if beta else {})}
                batches = [(ONE_HOT, PROBS, None), (ONE_HOT[:4], PROBS[:4], W[:4]), (YES, np.where(YES, 0, SAID), W)]
                assert_same_run(keras_in, name, arguments, batches, 16, arguments)


@pytest.mark.keras
def test_r2_scores_are_keras_s(keras_in: Any) -> None:
    """1 - a / b with b a difference: the sums' roundings, times what cancels in b (less than 8 here)."""
    y = numbers.integers(0, 9, (12, 3)).astype(np.float32)
    p = y + numbers.integers(-1, 2, (12, 3))
    for aggregation in (None, "uniform_average", "variance_weighted_average"):
        for regressors in (0, 2, 47, 60):
            arguments = {"class_aggregation": aggregation, "num_regressors": regressors}
            batches = [(y, p, None), (y[:4], p[:4], W[:4])]
            assert_same_run(keras_in, "R2Score", arguments, batches, 64, arguments)
    constant = (np.ones((4, 2), np.float32), np.array([[1, 2]] * 4, np.float32), None)
    assert_same_run(keras_in, "R2Score", {"class_aggregation": None}, [constant], 0, "constant targets")


@pytest.mark.keras
def test_intersections_over_unions_are_keras_s(keras_in: Any) -> None:
    labels, found = numbers.integers(0, 3, 12), numbers.integers(-1, 4, 12)
    whole = W.astype(np.int64)
    for w in (None, whole, 2):
        for name in ("IoU", "MeanIoU"):
            for arguments in ({}, {"ignore_class": 1}, {"dtype": "float32"}):
                batches = [(labels, found, w), (labels.reshape(4, 3).astype(np.float32), found.reshape(4, 3), None)]
                assert_same_run(keras_in, name, arguments, batches, 4, (name, arguments))
        for name in ("OneHotIoU", "OneHotMeanIoU"):
            for arguments in ({}, {"ignore_class": 0}):
                assert_same_run(keras_in, name, arguments, [(ONE_HOT, PROBS, w)], 4, (name, arguments))
        for arguments in ({}, {"target_class_ids": [1], "threshold": 0.3}):
            assert_same_run(keras_in, "BinaryIoU", arguments, [(YES[:, 0], SAID[:, 0], w)], 4, arguments)


@pytest.mark.keras
def test_top_k_accuracies_are_keras_s(keras: Any) -> None:
    """Ties, infinities, labels out of range; TensorFlow has it in float32 alone."""
    rows = np.round(numbers.normal(size=(40, 6)), 1).astype(np.float32)
    rows[3, 2], rows[4, 1], rows[5, 5] = np.inf, np.nan, -np.inf
    labels = numbers.integers(-1, 7, 40)
    for k in (1, 2, 5, 9):
        for y, p in ((labels, rows), (labels.reshape(8, 5), rows.reshape(8, 5, 6)), (labels[:, None], rows)):
            expected = np.asarray(keras.metrics.sparse_top_k_categorical_accuracy(y, p, k))
            assert np.array_equal(metrics.sparse_top_k_categorical_accuracy(y, p, k), expected)
        one_hot = np.eye(6, dtype=np.float32)[labels % 6]
        for y, p in ((one_hot, rows), (one_hot.reshape(8, 5, 6), rows.reshape(8, 5, 6))):
            expected = np.asarray(keras.metrics.top_k_categorical_accuracy(y, p, k))
            assert np.array_equal(metrics.top_k_categorical_accuracy(y, p, k), expected)
        ids = np.argsort(-rows, axis=1, kind="stable")
        expected = np.asarray(keras.metrics.sparse_top_k_categorical_accuracy(labels, ids, k, from_sorted_ids=True))
        assert np.array_equal(metrics.sparse_top_k_categorical_accuracy(labels, ids, k, from_sorted_ids=True), expected)


# Means of functions ----------------------------------------------------------------------------------------------------

Y, P = (np.abs(numbers.normal(size=(12, 3))).astype(np.float32) for _ in range(2))
MEANS: dict[str, tuple[Any, Any]] = {
    "RootMeanSquaredError": (Y, P),
    "MeanAbsolutePercentageError": (Y + 0.1, P),
    "MeanSquaredLogarithmicError": (Y, P - 0.2),
    "CosineSimilarity": (Y, P - 0.5),
    "LogCoshError": (Y, 3 * P),
    "KLDivergence": (PROBS[::-1], PROBS),
    "Poisson": (np.floor(3 * Y), P),
    "Hinge": (YES, P),
    "SquaredHinge": (2 * YES - 1, P),
    "CategoricalHinge": (ONE_HOT, P),
    "BinaryCrossentropy": (YES, SAID),
    "CategoricalCrossentropy": (ONE_HOT, PROBS),
    "SparseCategoricalCrossentropy": (ONE_HOT.argmax(axis=1), PROBS),
    "PearsonCorrelation": (Y, P),
    "ConcordanceCorrelation": (Y, P),
    "TopKCategoricalAccuracy": (ONE_HOT, PROBS),
    "SparseTopKCategoricalAccuracy": (ONE_HOT.argmax(axis=1), PROBS),
}
OF_MEANS: dict[str, list[dict[str, Any]]] = {
    "CosineSimilarity": [{}, {"axis": 0}],
    "PearsonCorrelation": [{}, {"axis": 0}],
    "ConcordanceCorrelation": [{}, {"axis": 0}],
    "BinaryCrossentropy": [{}, {"from_logits": True, "label_smoothing": 0.1}],
    "CategoricalCrossentropy": [{}, {"from_logits": True, "label_smoothing": 0.1}],
    "SparseCategoricalCrossentropy": [{}, {"from_logits": True}],
    "TopKCategoricalAccuracy": [{"k": 2}],
    "SparseTopKCategoricalAccuracy": [{"k": 2}],
}


@pytest.mark.keras
@pytest.mark.parametrize("name", MEANS)
def test_means_of_functions_are_keras_s(keras_in: Any, name: str) -> None:
    """Sums of 36 terms below 100, and functions good to some ulps; correlations divide by spreads of 0.1 and more."""
    floatx = keras_in.config.floatx()
    y_true, y_pred = MEANS[name]
    y_pred = y_pred.astype(floatx)
    y_true = y_true if y_true.dtype.kind == "i" else y_true.astype(floatx)
    for arguments in OF_MEANS.get(name, [{}]):
        for weight in (None, W) if "axis" not in arguments else (None,):
            found, expected = [], []
            for library, into in ((tinynn, found), (keras_in, expected)):
                metric = made(library, name, **arguments)
                try:
                    metric.update_state(y_true, y_pred, sample_weight=weight)
                    metric.update_state(y_true[:5], y_pred[:5])
                except Exception:
                    assert (library is keras_in, "TopK" in name) == (True, True), (
                        name
                    )  # TensorFlow has them in float32 alone
                    continue
                into += [np.asarray(metric.result()), *(np.asarray(v.numpy()) for v in metric.variables)]
            for ours, theirs in zip(found, expected):
                assert_close(ours, theirs, 200 * max(1.0, float(np.abs(theirs).max())), (name, arguments))


FUNCTIONS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "huber": ("LogCoshError", [{}, {"delta": 0.5}]),
    "binary_focal_crossentropy": (
        "BinaryCrossentropy",
        [{}, {"apply_class_balancing": True, "gamma": 1.5, "from_logits": True, "label_smoothing": 0.1}],
    ),
    "categorical_focal_crossentropy": ("CategoricalCrossentropy", [{}, {"alpha": 0.5, "from_logits": True}]),
    "pearson_correlation": ("PearsonCorrelation", [{}, {"axis": 0}]),
    "concordance_correlation": ("ConcordanceCorrelation", [{}, {"axis": 0}]),
    "mean_absolute_percentage_error": ("MeanAbsolutePercentageError", [{}]),
    "mean_squared_logarithmic_error": ("MeanSquaredLogarithmicError", [{}]),
    "log_cosh": ("LogCoshError", [{}]),
    "kl_divergence": ("KLDivergence", [{}]),
    "poisson": ("Poisson", [{}]),
    "hinge": ("Hinge", [{}]),
    "squared_hinge": ("SquaredHinge", [{}]),
    "categorical_hinge": ("CategoricalHinge", [{}]),
}


@pytest.mark.keras
def test_functions_are_keras_s(keras_in: Any) -> None:
    floatx = keras_in.config.floatx()
    for name, (pair, choices) in FUNCTIONS.items():
        y_true, y_pred = (y.astype(floatx) for y in MEANS[pair])
        for arguments in choices:
            ours = np.asarray(getattr(metrics, name)(y_true, y_pred, **arguments))
            theirs = np.asarray(getattr(keras_in.metrics, name)(y_true, y_pred, **arguments))
            assert_close(ours, theirs, 200 * max(1.0, float(np.abs(theirs).max())), (name, arguments))


# In compile ------------------------------------------------------------------------------------------------------------


def fitted(library: Any, plain: Callable[[Any], Any], weighted: Callable[[Any], Any]) -> Any:
    library.backend.clear_session()
    library.utils.set_random_seed(3)
    model = library.Sequential([library.Input((2,)), library.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "mse", metrics=plain(library), weighted_metrics=weighted(library), run_eagerly=True)
    x = np.random.default_rng(1).normal(size=(12, 2)).astype(np.float32)
    fit = {"batch_size": 8, "epochs": 1, "verbose": 0, "sample_weight": W}
    history = model.fit(x, ONE_HOT, validation_data=(x[:4], ONE_HOT[:4]), **fit).history
    return history, model.evaluate(x, ONE_HOT, batch_size=8, verbose=0)


def own(y_true: Any, y_pred: Any) -> Any:
    return y_pred[:, 0]


@pytest.mark.keras
def test_metrics_in_compile_are_keras_s_by_name_class_object_and_function(keras: Any) -> None:
    def plain(k: Any) -> Any:
        m = k.metrics
        return [
            "AUC",
            "auc",
            m.AUC(),
            m.AUC,
            "precision",
            m.Precision(),
            m.Recall(),
            m.Recall(top_k=1),
            "accuracy",
            own,
        ]

    def weighted(k: Any) -> Any:
        m = k.metrics
        return [
            "AUC",
            m.Recall(),
            "f1_score",
            m.Precision(thresholds=[0.3, 0.5]),
            "kl_divergence",
            "mape",
            lambda a, b: b[:, 1],
        ]

    ours, theirs = fitted(tinynn, plain, weighted), fitted(keras, plain, weighted)
    assert list(ours[0]) == list(theirs[0])
    for name, values in theirs[0].items():
        assert [type(v) for v in ours[0][name]] == [type(v) for v in values], name
        assert_close(np.array(ours[0][name], np.float32), np.array(values, np.float32), 4000, name)
    assert len(ours[1]) == len(theirs[1])
    for found, expected in zip(ours[1], theirs[1]):
        assert_close(np.array(found, np.float32), np.array(expected, np.float32), 4000, "evaluate")


@pytest.mark.keras
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_areas_of_random_predictions_are_keras_s(keras: Any, seed: int) -> None:
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 30))
    batch = (draw.integers(0, 2, n), draw.random(n).astype(np.float32), draw.integers(0, 3, n))
    arguments = {"num_thresholds": int(draw.integers(2, 40)), "curve": str(draw.choice(["ROC", "PR", "PRGAIN"]))}
    assert_same_run(keras, "AUC", arguments, [batch], 200, arguments)
