"""What can be said from true and false positives and negatives: precision, recall, the curves and points on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinynn import config as settings
from tinynn import ops
from tinynn._checks import did_you_mean
from tinynn._typing import Array
from tinynn.engine.recorded import value_of
from tinynn.kernels import confusion
from tinynn.losses.loss import squeeze_or_expand_to_same_rank
from tinynn.metrics.metric import Metric, plain, ratio
from tinynn.variable import Variable

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
BELOW_ALL = -1e10
"""Keras's stand-in for minus infinity: the prediction of a class that is not among the `top_k`."""


class _Counting(Metric):
    """Some of the four counts at each of some thresholds, as state variables of shape (T,) or (T, labels)."""

    thresholds: Any

    def _count(self, *names: str, labels: int | None = None) -> None:
        shape = (len(self.thresholds),) if labels is None else (len(self.thresholds), labels)
        for name in names:
            setattr(self, name, self.add_variable(shape=shape, initializer="zeros", name=name))

    def _add(self, y_true: Any, y_pred: Any, sample_weight: Any, **how: Any) -> None:
        counts = {name: getattr(self, name) for name in COUNTS if hasattr(self, name)}
        add_counts(type(self).__name__, counts, self.thresholds, self._even, y_true, y_pred, sample_weight, **how)

    _even: bool


def add_counts(
    who: str,
    counts: Mapping[str, Variable],
    thresholds: Sequence[float],
    even: bool,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
    multi_label: bool = False,
    label_weights: Array | None = None,
) -> None:
    """Add a batch to counts (see `tinynn.kernels.confusion`), all outputs together, or each by itself with multi_label.

    Args:
        who: the metric's class, for errors.
        counts: variables by their names in `COUNTS`; (T,), or (T, labels) with multi_label.
        thresholds: T numbers.
        even: whether they stand at 0, 1/(T-1), ..., 1.
        y_true, y_pred: (batch,) or (batch, ...).
        sample_weight: a number, one per sample, or one per entry.
        top_k: the k largest predictions of a row count alone.
        class_id: one column counts alone.
        label_weights: one per column; without multi_label.

    Raises:
        ValueError: shapes that do not fit, a class that is not there.
    """
    dtype = next(iter(counts.values())).dtype
    y_true, y_pred = plain(y_true).astype(dtype), plain(y_pred).astype(dtype)
    # What is not a normal number is zero to TensorFlow, and to the compiled loop: not above a threshold of 0.
    y_pred = np.where(np.abs(y_pred) < np.finfo(dtype).tiny, np.zeros((), dtype), y_pred)
    y_pred, y_true = squeeze_or_expand_to_same_rank(y_pred, y_true)
    if y_true.shape != y_pred.shape:
        mend = (
            " Class numbers beside one prediction per class: pass one-hot labels (utils.to_categorical)."
            if y_pred.ndim == 2 and y_true.size == len(y_pred)
            else ""
        )
        raise ValueError(
            f"{who} expects y_true and y_pred of the same shape; got {y_true.shape} and {y_pred.shape}.{mend}"
        )
    if sample_weight is not None:
        sample_weight = plain(sample_weight).astype(dtype)
        if sample_weight.ndim < y_true.ndim:
            sample_weight = sample_weight[..., None]
    if top_k is not None:
        y_pred = _only_top_k(who, y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), "
                f"found shape: {y_pred.shape}"
            )
        if not -y_pred.shape[-1] <= class_id < y_pred.shape[-1]:
            raise ValueError(f"{who} has class_id={class_id}, but predictions are of {y_pred.shape[-1]} classes.")
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    weights = np.broadcast_to(np.ones((), dtype) if sample_weight is None else sample_weight, y_pred.shape)
    if label_weights is not None:
        weights = weights * np.broadcast_to(np.asarray(label_weights, dtype), y_pred.shape)
    limits, length = np.asarray(thresholds, dtype), len(thresholds)
    columns = y_pred.shape[-1] if multi_label else 1
    y_true, y_pred, weights = (
        array.reshape(-1, columns) if multi_label else array.reshape(-1, 1) for array in (y_true, y_pred, weights)
    )
    for column in range(columns):
        one = slice(column, column + 1)
        states = [
            counts[name].value.reshape(length, columns)[:, one] if name in counts else np.empty((0, 0), dtype)
            for name in COUNTS
        ]
        seen = y_true[:, one], y_pred[:, one], weights[:, column]
        if even:
            confusion.update_even(*seen, limits, *states, *np.empty((2, length, 1), dtype))
        else:
            confusion.update(*seen, limits, *states)


def _only_top_k(who: str, y_pred: Array, k: int) -> Array:
    """Rows with all but their k largest entries, the first of equals, put below every threshold."""
    if y_pred.shape[-1] < k:
        raise ValueError(f"{who} has top_k={k}, but there are only {y_pred.shape[-1]} predictions in a row.")
    best = np.argsort(-y_pred, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(y_pred, BELOW_ALL)
    np.put_along_axis(kept, best, np.take_along_axis(y_pred, best, axis=-1), axis=-1)
    return kept


def _checked_thresholds(thresholds: Any, default: float) -> list[float]:
    """Thresholds as a list.

    Raises:
        ValueError: one that is no number in [0, 1].
    """
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    wrong = [t for t in found if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return found


def _are_even(thresholds: Sequence[float]) -> bool:
    """Whether thresholds stand at 0, 1/(T-1), ..., 1, three at least, up to the fuzz factor."""
    length = len(thresholds)
    if length < 3:
        return False
    even = np.arange(length, dtype=np.float32) / (length - 1)
    return bool(np.allclose(thresholds, even, atol=settings.epsilon()))


def _first_if_alone(values: Any) -> Any:
    return values[0] if len(values) == 1 else values.copy()


# Counts ----------------------------------------------------------------------------------------------------------------


class _Count(_Counting):
    _counted: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = _checked_thresholds(thresholds, 0.5)
        self._even = _are_even(self.thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true and y_pred of one shape, (batch,) or (batch, outputs); sample_weight (batch,)."""
        counts = {self._counted: self.accumulator}
        add_counts(type(self).__name__, counts, self.thresholds, self._even, y_true, y_pred, sample_weight)

    def result(self) -> Any:
        """The sum of weights: a number, or one per threshold."""
        return _first_if_alone(self.accumulator.value)

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """The weight of the entries whose label is yes and whose prediction is above the threshold.

    Args:
        thresholds: a number in [0, 1] or a list of them; 0.5 by default. The result is a number, or one per threshold.

    Raises:
        ValueError: thresholds outside [0, 1].
    """

    _counted = "true_positives"


class TrueNegatives(_Count):
    """The weight of the entries whose label is no and whose prediction is not above the threshold.

    Args:
        thresholds: a number in [0, 1] or a list of them; 0.5 by default. The result is a number, or one per threshold.

    Raises:
        ValueError: thresholds outside [0, 1].
    """

    _counted = "true_negatives"


class FalsePositives(_Count):
    """The weight of the entries whose label is no though the prediction is above the threshold: false alarms.

    Args:
        thresholds: a number in [0, 1] or a list of them; 0.5 by default. The result is a number, or one per threshold.

    Raises:
        ValueError: thresholds outside [0, 1].
    """

    _counted = "false_positives"


class FalseNegatives(_Count):
    """The weight of the entries whose label is yes though the prediction is not above the threshold: what was missed.

    Args:
        thresholds: a number in [0, 1] or a list of them; 0.5 by default. The result is a number, or one per threshold.

    Raises:
        ValueError: thresholds outside [0, 1].
    """

    _counted = "false_negatives"


# Precision and recall --------------------------------------------------------------------------------------------------


class _Share(_Counting):
    """true positives / (true positives + another count)."""

    _direction = "up"
    _other: str

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = _checked_thresholds(thresholds, 0.5 if top_k is None else BELOW_ALL)
        self._even = _are_even(self.thresholds)
        self._count("true_positives", self._other)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true and y_pred of one shape, (batch,) or (batch, outputs); sample_weight (batch,)."""
        self._add(y_true, y_pred, sample_weight, top_k=self.top_k, class_id=self.class_id)

    def result(self) -> Any:
        """A number in [0, 1], or one per threshold; 0 where the share is of nothing."""
        right, other = self.true_positives.value, getattr(self, self._other).value  # type: ignore[attr-defined]
        return _first_if_alone(ratio(right, right + other))

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}


class Precision(_Share):
    """How much of what is called yes is yes: true positives / (true positives + false positives).

    All entries of y_true and y_pred count alike, so for one-hot labels and softmax outputs of several classes an entry is a
    yes only where a class has more than half of the probability.

    Args:
        thresholds: a prediction above it, strictly, says yes: a number in [0, 1] or a list; 0.5 by default.
        top_k: only the k largest predictions of a row say yes, whatever they are (unless thresholds are given, too).
        class_id: only this column counts.

    Raises:
        ValueError: thresholds outside [0, 1]; shapes that differ.
    """

    _other = "false_positives"


class Recall(_Share):
    """How much of what is yes is called yes: true positives / (true positives + false negatives). Also sensitivity.

    Args:
        thresholds: a prediction above it, strictly, says yes: a number in [0, 1] or a list; 0.5 by default.
        top_k: only the k largest predictions of a row say yes, whatever they are (unless thresholds are given, too).
        class_id: only this column counts.

    Raises:
        ValueError: thresholds outside [0, 1]; shapes that differ.
    """

    _other = "false_negatives"


# The best point of a curve under a condition ---------------------------------------------------------------------------


class _AtPoint(_Counting):
    """The largest of one share over all thresholds at which another share is as large as asked."""

    _direction = "up"
    _asked: str

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        if not 0 <= value <= 1:
            raise ValueError(f"Argument `{self._asked}` must be in the range [0, 1]. Received: {self._asked}={value}")
        super().__init__(name=name, dtype=dtype)
        if num_thresholds <= 0:
            raise ValueError(
                f"Argument `num_thresholds` must be an integer > 0. Received: num_thresholds={num_thresholds}"
            )
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self._even = num_thresholds > 1
        self.thresholds = [0.0, *_between(num_thresholds), 1.0] if self._even else [0.5]
        self._count(*COUNTS)
        setattr(self, self._asked, value)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true and y_pred of one shape, (batch,) or (batch, outputs); sample_weight (batch,)."""
        self._add(y_true, y_pred, sample_weight, class_id=self.class_id)

    def _share(self, kind: str) -> Array:
        tp, fp, tn, fn = (getattr(self, name).value for name in COUNTS)
        of, other = {"recall": (tp, fn), "precision": (tp, fp), "specificity": (tn, fp)}[kind]
        return np.asarray(ratio(of, of + other))

    def _best(self, dependent: str, condition: str) -> Any:
        enough = self._share(condition) >= self.value
        return np.max(np.where(enough, self._share(dependent), 0), initial=0)

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        own = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self._asked: self.value}
        return {**super().get_config(), **own}


def _between(num_thresholds: int) -> list[float]:
    """The thresholds strictly between 0 and 1 of that many even ones."""
    return [(i + 1) * 1.0 / (num_thresholds - 1) for i in range(num_thresholds - 2)]


class SensitivityAtSpecificity(_AtPoint):
    """The largest sensitivity, tp / (tp + fn), at thresholds where specificity, tn / (tn + fp), is at least as asked.

    Args:
        specificity: in [0, 1].
        num_thresholds: how many, even from 0 to 1 (just 0.5 if it is 1).
        class_id: only this column counts.

    Raises:
        ValueError: specificity outside [0, 1]; no thresholds; shapes that differ.
    """

    _asked = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        """A number in [0, 1]; 0 where no threshold will do."""
        return self._best("recall", "specificity")


class SpecificityAtSensitivity(_AtPoint):
    """The largest specificity, tn / (tn + fp), at thresholds where sensitivity, tp / (tp + fn), is at least as asked.

    Args:
        sensitivity: in [0, 1].
        num_thresholds: how many, even from 0 to 1 (just 0.5 if it is 1).
        class_id: only this column counts.

    Raises:
        ValueError: sensitivity outside [0, 1]; no thresholds; shapes that differ.
    """

    _asked = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        """A number in [0, 1]; 0 where no threshold will do."""
        return self._best("specificity", "recall")


class PrecisionAtRecall(_AtPoint):
    """The largest precision, tp / (tp + fp), at thresholds where recall, tp / (tp + fn), is at least as asked.

    Args:
        recall: in [0, 1].
        num_thresholds: how many, even from 0 to 1 (just 0.5 if it is 1).
        class_id: only this column counts.

    Raises:
        ValueError: recall outside [0, 1]; no thresholds; shapes that differ.
    """

    _asked = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        """A number in [0, 1]; 0 where no threshold will do."""
        return self._best("precision", "recall")


class RecallAtPrecision(_AtPoint):
    """The largest recall, tp / (tp + fn), at thresholds where precision, tp / (tp + fp), is at least as asked.

    Args:
        precision: in [0, 1].
        num_thresholds: how many, even from 0 to 1 (just 0.5 if it is 1).
        class_id: only this column counts.

    Raises:
        ValueError: precision outside [0, 1]; no thresholds; shapes that differ.
    """

    _asked = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> Any:
        """A number in [0, 1]; 0 where no threshold will do."""
        return self._best("recall", "precision")


# The area under a curve ------------------------------------------------------------------------------------------------


class AUC(_Counting):
    """The area under a curve that the counts run along as the threshold goes from 1 to 0: how well yes and no are told apart.

    ROC: recall tp / (tp + fn) over false positive rate fp / (fp + tn). It is the chance that a yes gets a larger
    prediction than a no (Hanley & McNeil 1982), as far as thresholds tell predictions apart.
    PR: precision tp / (tp + fp) over recall. PRGAIN: both rescaled so that always saying yes is 0 (Flach & Kull 2015).

    Predictions are told apart by `num_thresholds` even thresholds, so the area is a Riemann sum; scikit-learn's
    `roc_auc_score` takes every prediction as a threshold.

    Args:
        num_thresholds: how many, even from 0 to 1, the outer ones a fuzz factor beyond.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: of the height between two thresholds: "interpolation" (their mean; for PR, the integral with true
            positives linear in positives, Davis & Goadrich 2006), "minoring" (the smaller) or "majoring" (the larger).
        thresholds: own ones instead, in [0, 1]; 0 and 1 are added.
        multi_label: each column of y_true and y_pred (batch, labels) has its own curve, and the result is the mean of
            their areas; otherwise all entries are points of one curve.
        num_labels: with multi_label, how many columns, so that the state is made at once, not by the first batch.
        label_weights: one per column: of the mean, with multi_label, and else of the column's entries.
        from_logits: predictions go through a sigmoid first.

    Raises:
        ValueError: an unknown curve or summation, fewer than 2 thresholds, num_labels without multi_label; shapes that
            differ.
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        inner: list[float]
        if thresholds is not None:
            inner = sorted(float(t) for t in thresholds)
            self._even = _are_even([0.0, *inner, 1.0])
        else:
            if num_thresholds <= 1:
                raise ValueError(
                    f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={num_thresholds}"
                )
            inner = _between(num_thresholds)
            self._even = True
        self.num_thresholds = len(inner) + 2
        self._own_thresholds = thresholds is not None
        self.thresholds = [0.0 - settings.epsilon(), *inner, 1.0 + settings.epsilon()]
        self.curve = _one_of("curve", curve, {"ROC": "roc", "PR": "pr", "PRGAIN": "prgain"})
        self.summation_method = _one_of(
            "summation method",
            summation_method,
            {"interpolation": "Interpolation", "majoring": "Majoring", "minoring": "Minoring"},
        )
        super().__init__(name=name, dtype=dtype)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self._from_logits = from_logits
        self._built = False
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        if not multi_label:
            self._build(None)
        elif num_labels:
            self._build((None, num_labels))

    def _build(self, shape: Any) -> None:
        if shape is not None and len(shape) != 2:
            raise ValueError(
                f"`y_pred` must have rank 2 when `multi_label=True`. Found rank {len(shape)}. "
                f"Full shape received for `y_pred`: {shape}"
            )
        self._count(*COUNTS, labels=None if shape is None else shape[1])
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true and y_pred of one shape, (batch,) or (batch, labels); sample_weight (batch,).

        Raises:
            ValueError: shapes that differ, or another number of labels than before.
        """
        y_pred = plain(y_pred)
        if not self._built:
            self._build(y_pred.shape)
        if self.multi_label and y_pred.shape[1:] != self.true_positives.shape[1:]:  # type: ignore[attr-defined]
            raise ValueError(
                f"AUC counts {self.true_positives.shape[1]} labels; got predictions of "  # type: ignore[attr-defined]
                f"shape {y_pred.shape}."
            )
        if self._from_logits:
            y_pred = np.asarray(value_of(ops.sigmoid(y_pred)))
        label_weights = None if self.multi_label else self.label_weights
        self._add(y_true, y_pred, sample_weight, multi_label=self.multi_label, label_weights=label_weights)

    def result(self) -> Any:
        """The area: a number in [0, 1]; 0 while there is nothing, or no yes or no no."""
        if not self._built:
            return np.zeros((), self.dtype)[()]
        tp, fp, tn, fn = (getattr(self, name).value for name in COUNTS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            parts = _interpolated_pr(tp, fp, fn)
        else:
            x, y = _points(self.curve, tp, fp, tn, fn)
            low, high = y[:-1], y[1:]
            between = {"interpolation": (low + high) / 2, "minoring": np.minimum(low, high)}
            parts = (x[:-1] - x[1:]) * between.get(self.summation_method, np.maximum(low, high))
        areas = parts.sum(axis=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return areas.mean()
        return ratio((areas * self.label_weights).sum(), self.label_weights.sum())

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._own_thresholds:
            own["thresholds"] = self.thresholds[1:-1]
        return {**super().get_config(), **own}


def _points(curve: str, tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    """The curve's x and y at each threshold."""
    recall = ratio(tp, tp + fn)
    if curve == "ROC":
        return ratio(fp, fp + tn), recall
    if curve == "PR":
        return recall, ratio(tp, tp + fp)
    odds = ratio(tp + fn, tn + fp)  # of yes against no
    none = tp == 0
    recall_gain = np.where(none, 0, 1 - odds * ratio(fn, tp))
    precision_gain = np.where(none, 1, 1 - odds * ratio(fp, tp))
    return np.maximum(recall_gain, 0), precision_gain


def _interpolated_pr(tp: Array, fp: Array, fn: Array) -> Array:
    """The area between each threshold and the next, with tp a linear function of p = tp + fp between them.

    Precision there is tp / p = slope + intercept / p. Its integral over d tp = slope dp, from the next threshold (fewer
    positives) to this one, is slope (dtp + intercept log(p / p_next)); over all that is yes, this is the area over recall.
    """
    p = tp + fp
    dtp, dp = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = ratio(dtp, np.maximum(dp, 0))
    intercept = tp[1:] - slope * p[1:]
    growth = np.where((p[:-1] > 0) & (p[1:] > 0), ratio(p[:-1], np.maximum(p[1:], 0)), 1)
    return np.asarray(ratio(slope * (dtp + intercept * np.log(growth)), np.maximum(tp[1:] + fn[1:], 0)))


def _one_of(what: str, value: Any, spellings: dict[str, str]) -> str:
    """The value by its first spelling."""
    value = getattr(value, "value", value)  # Keras's enumerations
    for name, also in spellings.items():
        if value in (name, also):
            return name
    hint = did_you_mean(value, [*spellings, *spellings.values()]) if isinstance(value, str) else ""
    known = ", ".join(f'"{name}"' for name in ({"ROC": ["PR", "ROC", "PRGAIN"]}.get(next(iter(spellings)), spellings)))
    raise ValueError(f'Invalid AUC {what} value: "{value}". Expected values are [{known}]{hint}')
