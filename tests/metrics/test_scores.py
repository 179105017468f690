"""Metrics of counts and sums: what they mean, worked by hand or by another way; their state; errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tinynn import metrics
from tinynn.models.compile_utils import CompileMetrics

SEEDS = st.integers(0, 2**32 - 1)


# What they mean --------------------------------------------------------------------------------------------------------


@given(SEEDS)
def test_the_area_under_roc_is_the_chance_that_a_yes_is_ranked_above_a_no(seed: int) -> None:
    """Hanley & McNeil 1982; a tie is half a chance. Exact where predictions lie in buckets apart: between thresholds."""
    draw = np.random.default_rng(seed)
    y = np.concatenate([[0, 1], draw.integers(0, 2, 10)])
    buckets = draw.integers(0, 20, 12)
    auc = metrics.AUC(num_thresholds=21, dtype="float64")
    auc.update_state(y, (buckets + 0.5) / 20)
    yes, no = buckets[y == 1], buckets[y == 0]
    chance = ((yes[:, None] > no) + 0.5 * (yes[:, None] == no)).mean()
    assert auc.result() == pytest.approx(chance, abs=2e-6)  # sums of float32 shares


@given(SEEDS)
def test_counts_add_up_and_do_not_depend_on_batches(seed: int) -> None:
    draw = np.random.default_rng(seed)
    y, p, w = draw.integers(0, 2, (9, 2)), draw.random((9, 2)), draw.integers(0, 4, 9)
    thresholds = [0.2, 0.5, 0.9]
    kinds = [metrics.TruePositives, metrics.TrueNegatives, metrics.FalsePositives, metrics.FalseNegatives]
    whole = [kind(thresholds)(y, p, sample_weight=w) for kind in kinds]
    assert np.array_equal(sum(whole), np.full(3, 2 * w.sum()))
    for kind, expected in zip(kinds, whole):
        parts = kind(thresholds)
        parts.update_state(y[:4], p[:4], sample_weight=w[:4])
        parts.update_state(y[4:], p[4:], sample_weight=w[4:])
        assert np.array_equal(parts.result(), expected)


@given(SEEDS)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(seed: int) -> None:
    draw = np.random.default_rng(seed)
    y, p = draw.integers(0, 2, (9, 3)), draw.random((9, 3))
    f1 = metrics.F1Score(threshold=0.5)(y, p)
    for k in range(3):
        precision, recall = (float(kind(class_id=k)(y, p)) for kind in (metrics.Precision, metrics.Recall))
        harmonic = 2 * precision * recall / (precision + recall) if precision and recall else 0
        assert f1[k] == pytest.approx(harmonic, abs=2e-6)  # the fuzz factor in three divisors


@given(SEEDS)
def test_r2_is_the_share_of_the_variance_that_is_explained(seed: int) -> None:
    draw = np.random.default_rng(seed)
    y, w = draw.normal(size=(8, 2)), draw.random(8) + 0.1
    p = y + draw.normal(size=(8, 2))
    mean = (w[:, None] * y).sum(axis=0) / w.sum()
    expected = 1 - (w[:, None] * (y - p) ** 2).sum(axis=0) / (w[:, None] * (y - mean) ** 2).sum(axis=0)
    tinynn.config.set_floatx("float64")
    score = metrics.R2Score(class_aggregation=None)
    score.update_state(y[:3], p[:3], sample_weight=w[:3])
    score.update_state(y[3:], p[3:], sample_weight=w[3:])
    assert np.allclose(score.result(), expected, rtol=1e-9)  # cancels where the mean is large beside the spread
    assert metrics.R2Score()(y, np.broadcast_to(y.mean(axis=0), y.shape)) == pytest.approx(0, abs=1e-9)


@given(SEEDS)
def test_correlations_are_numpy_s_and_lin_s(seed: int) -> None:
    draw = np.random.default_rng(seed)
    y, p = draw.normal(size=(4, 6)), draw.normal(size=(4, 6))
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(y, p)]
    assert np.allclose(metrics.pearson_correlation(y, p), expected, atol=1e-12)
    assert np.allclose(metrics.pearson_correlation(y.T, p.T, axis=0), expected, atol=1e-12)
    spread = y.var(axis=1) + p.var(axis=1) + (y.mean(axis=1) - p.mean(axis=1)) ** 2
    lin = 2 * np.array(expected) * y.std(axis=1) * p.std(axis=1) / (spread + 1e-7)
    assert np.allclose(metrics.concordance_correlation(y, p), lin, atol=1e-12)
    assert np.allclose(metrics.pearson_correlation(y, 3 * y - 1), 1, atol=1e-12)
    assert metrics.concordance_correlation(y, y + 2).max() < 0.9


def test_small_examples_by_hand() -> None:
    y, p = [0, 1, 1, 0, 1], [0.1, 0.9, 0.4, 0.6, 0.5]
    assert metrics.Precision()(y, p) == 0.5  # 0.9 right, 0.6 wrong; 0.5 is not above 0.5
    assert metrics.Recall()(y, p) == pytest.approx(1 / 3)
    assert metrics.Recall(thresholds=[0.3, 0.5])(y, p).tolist() == pytest.approx([1, 1 / 3])
    assert metrics.Precision(top_k=1)([[0, 1], [1, 0]], [[0.2, 0.3], [0.2, 0.3]]) == 0.5
    assert metrics.PrecisionAtRecall(0.6)(y, p) == pytest.approx(
        3 / 4
    )  # from 0.4 on all three are found, with one alarm
    assert metrics.SensitivityAtSpecificity(1.0)(y, p) == pytest.approx(1 / 3)  # above 0.6 stands 0.9 alone
    assert metrics.MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(1 / 3)
    assert metrics.BinaryIoU(target_class_ids=[1], threshold=0.5)([0, 1, 1], [0.5, 0.5, 0.4]) == pytest.approx(1 / 3)
    assert metrics.sparse_top_k_categorical_accuracy([2, 1, 0], [[0.1, 0.8, 0.1]] * 3, k=2).tolist() == [1, 1, 1]
    assert metrics.top_k_categorical_accuracy(np.eye(3), [[3.0, 2.0, 1.0]] * 3, k=2).tolist() == [1, 1, 0]
    assert metrics.RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [4.0]]) == pytest.approx(12.5**0.5)
    assert metrics.CosineSimilarity()([[1.0, 0.0], [0.0, 0.0]], [[3.0, 4.0], [1.0, 1.0]]) == pytest.approx(0.3)


def test_a_metric_of_nothing_is_zero() -> None:
    for name in ("AUC", "Precision", "Recall", "TruePositives", "F1Score", "R2Score", "BinaryIoU", "Hinge"):
        assert getattr(metrics, name)().result() == 0, name


# State -----------------------------------------------------------------------------------------------------------------


class Both(metrics.Metric):
    """A metric made of metrics."""

    def __init__(self) -> None:
        super().__init__(name="both")
        self.parts = [metrics.Precision(), metrics.Recall()]
        self.seen = self.add_variable((), "zeros", name="seen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        for part in self.parts:
            part.update_state(y_true, y_pred, sample_weight)
        self.seen.assign_add(len(y_true))

    def result(self) -> Any:
        return {part.name.split("_")[0]: part.result() for part in self.parts}


def test_metrics_within_a_metric_belong_to_its_state() -> None:
    both = Both()
    assert [v.name for v in both.variables] == [
        *("seen", "true_positives", "false_positives", "true_positives", "false_negatives")
    ]
    assert both([1, 1], [0.9, 0.1]) == {"precision": 1, "recall": 0.5}
    both.reset_state()
    assert all((v.numpy() == 0).all() for v in both.variables)


def test_results_of_a_dict_go_into_the_logs() -> None:
    model = tinynn.Sequential([tinynn.Input((1,)), tinynn.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=["mae", Both()])
    x = np.array([[0.9], [0.2]])
    assert set(model.fit(x, np.ones((2, 1)), verbose=0).history) == {"loss", "mae", "precision", "recall"}


def test_stateless_calls_leave_the_state_alone() -> None:
    metric = metrics.Precision()
    metric.update_state([1, 0], [0.9, 0.9])
    before = [v.numpy() for v in metric.variables]
    after = metric.stateless_update_state([np.zeros(1), np.zeros(1)], [1], [0.8])
    assert [a.tolist() for a in after] == [[1.0], [0.0]]
    assert metric.stateless_result(after) == 1
    assert [a.tolist() for a in metric.stateless_reset_state()] == [[0.0], [0.0]]
    assert [v.numpy().tolist() for v in metric.variables] == [b.tolist() for b in before]
    with pytest.raises(ValueError, match=r"one array for each of Precision\(\).variables: 2\. Received: 1"):
        metric.stateless_result([np.zeros(1)])


def test_own_means_come_back_by_the_name_of_their_function() -> None:
    def mine(y_true: Any, y_pred: Any, scale: float = 1.0) -> Any:
        return scale * np.abs(np.subtract(y_true, y_pred))

    described = metrics.serialize(metrics.MeanMetricWrapper(mine, name="m", scale=2.0))
    assert described["config"]["fn"]["config"] == "mine"
    again = metrics.deserialize(described, custom_objects={"mine": mine})
    assert again([1.0], [4.0]) == 6
    built_in = metrics.MeanMetricWrapper(metrics.mean_squared_error, name="m")
    assert metrics.MeanMetricWrapper.from_config(built_in.get_config()).get_config() == built_in.get_config()
    assert metrics.CosineSimilarity.from_config(metrics.CosineSimilarity(axis=0).get_config())._settings == {"axis": 0}


def test_compile_takes_no_automatic_names_for_metrics_that_it_only_looks_up() -> None:
    tinynn.backend.clear_session()
    CompileMetrics(["auc", metrics.Recall], ["precision"])
    assert [metrics.AUC().name, metrics.Recall().name, metrics.Precision().name] == ["auc", "recall", "precision"]
    assert [metrics.AUC().name, metrics.Recall().name] == ["auc_1", "recall_1"]
    tinynn.backend.clear_session()
    assert metrics.AUC().name == "auc"


def test_a_run_with_scores_per_class_prints_their_mean(capsys: Any) -> None:
    model = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "mse", metrics=["accuracy", "recall", "f1_score"], weighted_metrics=["auc"])
    history = model.fit(np.eye(6, 2), np.eye(3)[[0, 1, 2, 0, 1, 2]], verbose=2).history
    assert list(history) == ["accuracy", "auc", "f1_score", "loss", "recall"]
    assert history["f1_score"][0].shape == (3,)
    assert f"f1_score: {history['f1_score'][0].mean():.4f}" in capsys.readouterr().out


# Errors ----------------------------------------------------------------------------------------------------------------

ONES = np.ones((3, 2))
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: metrics.Precision(thresholds=1.5),
        ValueError,
        r"Threshold values must be in \[0, 1\]\. Received: \[1\.5\]",
    ),
    (lambda: metrics.Recall(thresholds=[0.1, None]), ValueError, r"Received: \[None\]"),
    (
        lambda: metrics.Precision()([0, 1, 2], np.ones((3, 4))),
        ValueError,
        r"got \(3,\) and \(3, 4\)\. Class numbers beside",
    ),
    (lambda: metrics.Precision(class_id=2)(ONES, ONES), ValueError, "has class_id=2, but predictions are of 2 classes"),
    (
        lambda: metrics.Precision(class_id=0)([1], [1.0]),
        ValueError,
        "When class_id is provided, y_pred must be a 2D array",
    ),
    (lambda: metrics.Recall(top_k=3)(ONES, ONES), ValueError, "has top_k=3, but there are only 2"),
    (
        lambda: metrics.AUC(curve="rocc"),
        ValueError,
        r'Invalid AUC curve value: "rocc"\. Expected .* Did you mean "roc"\?',
    ),
    (lambda: metrics.AUC(summation_method="x"), ValueError, 'Invalid AUC summation method value: "x"'),
    (lambda: metrics.AUC(num_thresholds=1), ValueError, "must be an integer > 1. Received: num_thresholds=1"),
    (lambda: metrics.AUC(num_labels=2), ValueError, "`num_labels` is needed only when `multi_label` is True"),
    (
        lambda: metrics.AUC(multi_label=True)(np.ones(3), np.ones(3)),
        ValueError,
        "must have rank 2 when `multi_label=True`",
    ),
    (lambda: metrics.AUC(multi_label=True, num_labels=3)(ONES, ONES), ValueError, "AUC counts 3 labels; got .*(3, 2)"),
    (lambda: metrics.PrecisionAtRecall(2), ValueError, r"`recall` must be in the range \[0, 1\]\. Received: recall=2"),
    (lambda: metrics.RecallAtPrecision(0.5, 0), ValueError, "must be an integer > 0. Received: num_thresholds=0"),
    (lambda: metrics.F1Score(average="mean"), ValueError, "Invalid `average` argument value"),
    (lambda: metrics.FBetaScore(beta="2"), ValueError, "It should be a Python float. Received: beta=2"),
    (lambda: metrics.FBetaScore(beta=0.0), ValueError, "It should be > 0"),
    (lambda: metrics.F1Score(threshold=0.0), ValueError, "should verify 0 < threshold <= 1"),
    (
        lambda: metrics.F1Score()([0, 1], [0.1, 0.9]),
        ValueError,
        r"FBetaScore expects 2D inputs .*utils\.to_categorical",
    ),
    (lambda: metrics.R2Score("mean"), ValueError, "Invalid value for argument `class_aggregation`"),
    (lambda: metrics.R2Score(num_regressors=-1), ValueError, "Expected a value >= 0"),
    (lambda: metrics.R2Score()([0.0, 1], [0.1, 0.9]), ValueError, r"R2Score expects 2D inputs .*y\[:, None\]"),
    (lambda: metrics.IoU(2, [0, 2]), ValueError, r"Target class id 2 is out of range, which is \[0, 2\)"),
    (lambda: metrics.MeanIoU(2)(np.eye(2), [0, 1]), ValueError, "expects as many labels as predictions"),
    (lambda: metrics.get("recal"), ValueError, r'Unknown metric "recal"\. Did you mean "recall"\?'),
    (lambda: CompileMetrics(["acc", "recal"]), ValueError, r'Did you mean "recall"\?'),
    (lambda: CompileMetrics([None]), ValueError, "Expected metric, received `None`"),
    (
        lambda: CompileMetrics(["mean_io_u"]),
        TypeError,
        r"it needs num_classes\. Pass metrics\.MeanIoU\(num_classes=\.\.\.\)",
    ),
    (lambda: metrics.get(metrics.PrecisionAtRecall), TypeError, "it needs recall"),
    (lambda: metrics.deserialize({"class_name": "Precison"}), ValueError, r'Did you mean "Precision"\?'),
    (lambda: metrics.deserialize({"config": {}}), ValueError, 'a dict with "class_name" and "config"'),
    (lambda: metrics.deserialize({"class_name": "AUC", "config": 3}), ValueError, "is a dict of arguments; got 3"),
    (
        lambda: metrics.deserialize({"class_name": "function", "config": "mse_"}),
        ValueError,
        'Unknown metric "mse_"',
    ),
    (lambda: metrics.Metric().update_state(), NotImplementedError, "does not have an `update_state"),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors_say_what_was_expected_and_what_came(case: int) -> None:
    call, error, text = ERRORS[case]
    with pytest.raises(error, match=text):
        call()


def test_a_metric_that_does_not_call_its_base_is_told_so() -> None:
    class Hasty(metrics.Metric):
        def __init__(self) -> None:
            self.value = self.add_variable((), "zeros")

    with pytest.raises(RuntimeError, match=r"Hasty.__init__ has to call `super\(\).__init__\(\)`"):
        Hasty()


def test_warnings_say_what_is_done_instead() -> None:
    y = np.arange(3.0)[:, None]
    with pytest.warns(UserWarning, match="Division by zero in Adjusted R2 score. Falling back"):
        assert metrics.R2Score(num_regressors=2)(y, y) == 1
    with pytest.warns(UserWarning, match="More independent predictors than datapoints"):
        assert metrics.R2Score(num_regressors=5)(y, y) == 1
    with pytest.warns(UserWarning, match="float weights are cut to whole numbers"):
        metrics.MeanIoU(2)([0, 1], [0, 1], sample_weight=np.array([0.5, 1.5]))
