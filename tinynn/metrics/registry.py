"""Metrics by name, and to and from the descriptions in saved models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynn._registry import Registry
from tinynn.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from tinynn.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from tinynn.metrics.confusion import (
    AUC,
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from tinynn.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from tinynn.metrics.f_score import F1Score, FBetaScore
from tinynn.metrics.hinges import CategoricalHinge, Hinge, SquaredHinge
from tinynn.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from tinynn.metrics.metric import Metric
from tinynn.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from tinynn.metrics.reduction import Mean, MeanMetricWrapper, Sum
from tinynn.metrics.regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
    cosine_similarity,
)

_CLASSES: tuple[type[Metric], ...] = (
    *(Metric, Mean, Sum, MeanMetricWrapper),
    *(MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError),
    *(MeanAbsolutePercentageError, MeanSquaredLogarithmicError),
    *(CosineSimilarity, LogCoshError, R2Score),
    *(AUC, Precision, Recall, PrecisionAtRecall, RecallAtPrecision),
    *(SensitivityAtSpecificity, SpecificityAtSensitivity),
    *(TruePositives, TrueNegatives, FalsePositives, FalseNegatives),
    *(ConcordanceCorrelation, PearsonCorrelation),
    *(Hinge, SquaredHinge, CategoricalHinge),
    *(KLDivergence, Poisson, BinaryCrossentropy),
    *(CategoricalCrossentropy, SparseCategoricalCrossentropy),
    *(Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy),
    *(TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy),
    *(F1Score, FBetaScore),
    *(IoU, BinaryIoU, MeanIoU, OneHotIoU, OneHotMeanIoU),
)
_SHORT_NAMES: dict[str, type[Metric]] = {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(accuracy, binary_accuracy, categorical_accuracy),
        *(sparse_categorical_accuracy, top_k_categorical_accuracy),
        sparse_top_k_categorical_accuracy,
        *(binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy),
        *(mean_absolute_error, mean_squared_error, cosine_similarity),
        *(concordance_correlation, pearson_correlation),
        *(mean_absolute_percentage_error, mean_squared_logarithmic_error),
        *(log_cosh, huber, kl_divergence, poisson),
        *(hinge, squared_hinge, categorical_hinge),
        *(binary_focal_crossentropy, categorical_focal_crossentropy),
    )
}
"""What a described `MeanMetricWrapper` may be the mean of. Names given to `get` are of classes alone, as in Keras."""

KNOWN = Registry(
    "metric",
    "keras.metrics",
    _CLASSES,
    short_names=_SHORT_NAMES,
    other_names={name.upper(): cls for name, cls in _SHORT_NAMES.items()},
    functions=_FUNCTIONS,
    forms="a name, a Metric, a function, a description",
)


def get(identifier: Any) -> Any:
    """The metric that an entry of `metrics=[...]` means.

    Args:
        identifier: a name ("precision" or "Precision"; in compile "accuracy" is chosen by the shapes), a `Metric` or its
            class, a function `(y_true, y_pred)`, a description from `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something else.
        TypeError: the name or class of a metric that cannot be made without arguments.
    """
    return KNOWN.get(identifier)


def serialize(metric: Any) -> Any:
    """The description of a metric that Keras writes into a model's file; of a function, its name."""
    return KNOWN.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description, or a name.
        custom_objects: your own metrics, by class or function name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    return KNOWN.deserialize(config, custom_objects)
