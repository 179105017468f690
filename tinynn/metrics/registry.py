"""Metrics by name, and to and from the descriptions in saved models."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from tinynn._checks import unknown_name
from tinynn._naming import to_snake_case
from tinynn.losses import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from tinynn.losses.regression import mean_absolute_error, mean_squared_error
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
from tinynn.metrics.loss_functions import (
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_percentage_error,
    mean_squared_logarithmic_error,
    poisson,
    squared_hinge,
)
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

CLASSES: tuple[type[Metric], ...] = (
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
NAMES: dict[str, type[Metric]] = {
    **{cls.__name__: cls for cls in CLASSES},
    **{to_snake_case(cls.__name__): cls for cls in CLASSES},
    **dict.fromkeys(("bce", "BCE"), BinaryCrossentropy),
    **dict.fromkeys(("mse", "MSE"), MeanSquaredError),
    **dict.fromkeys(("mae", "MAE"), MeanAbsoluteError),
    **dict.fromkeys(("mape", "MAPE"), MeanAbsolutePercentageError),
    **dict.fromkeys(("msle", "MSLE"), MeanSquaredLogarithmicError),
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


def get(identifier: Any) -> Any:
    """The metric that an entry of `metrics=[...]` means.

    Args:
        identifier: a name ("precision" or "Precision"; in compile "accuracy" is chosen by the shapes), a `Metric` or its
            class, a function `(y_true, y_pred)`, a description from `serialize`, or None, which stays None.

    Raises:
        ValueError: an unknown name, or something else.
        TypeError: the name or class of a metric that cannot be made without arguments.
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    found = find(identifier)
    return found() if isinstance(found, type) else found


def find(identifier: Any) -> Any:
    """`get`, but a class stays a class: nothing is made, and no automatic name is used up."""
    if identifier is None or isinstance(identifier, (Metric, dict)):
        return identifier
    found = identifier
    if isinstance(identifier, str):
        if identifier not in NAMES:
            short = [name for name in NAMES if name.islower()]
            raise unknown_name("metric", identifier, short)
        found = NAMES[identifier]
    if isinstance(found, type):
        needed = _needed(found)
        if needed:
            raise TypeError(
                f"{found.__name__} cannot be made by name alone: it needs {', '.join(needed)}. "
                f"Pass metrics.{found.__name__}({', '.join(f'{name}=...' for name in needed)})."
            )
        return found
    if callable(found):
        return found
    raise ValueError(f"A metric is a name, a Metric or a function; got {identifier!r}.")


def _needed(cls: type) -> list[str]:
    """The arguments without which a class cannot be made."""
    return [
        p.name
        for p in inspect.signature(cls).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]


def serialize(metric: Any) -> Any:
    """The description of a metric that Keras writes into a model's file; of a function, its name."""
    if metric is None or isinstance(metric, str):
        return metric
    if isinstance(metric, FunctionType):
        name = metric.__name__
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    cls = type(metric)
    config = metric.get_config()
    if cls in CLASSES:
        return {"module": "keras.metrics", "class_name": cls.__name__, "config": config, "registered_name": None}
    module = None if cls.__module__ == "__main__" else cls.__module__
    return {"module": module, "class_name": cls.__name__, "config": config, "registered_name": cls.__name__}


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric that `serialize` described. Only names known here or in `custom_objects` are looked up.

    Args:
        config: the description, or a name.
        custom_objects: your own metrics, by class or function name.

    Raises:
        ValueError: an unknown name, or something that is no description.
    """
    custom_objects = custom_objects or {}
    if config is None:
        return None
    if isinstance(config, str):
        found = custom_objects.get(config)
        return get(config) if found is None else found() if isinstance(found, type) else found
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(f'The description of a metric is a dict with "class_name" and "config"; got {config!r}.')
    name, arguments = config["class_name"], config.get("config") or {}
    if name == "function":  # its config is its name
        known = {**_FUNCTIONS, **custom_objects}
        if arguments not in known:
            raise unknown_name("function of a metric", str(arguments), known)
        return known[arguments]
    if not isinstance(arguments, dict):
        raise ValueError(f'The "config" of a metric is a dict of arguments; got {arguments!r} for {name}.')
    found = custom_objects.get(str(config.get("registered_name")), custom_objects.get(name))
    if found is None:
        if name not in NAMES:
            raise unknown_name("metric", name, [*(cls.__name__ for cls in CLASSES), *custom_objects])
        found = NAMES[name]
    return found.from_config({key: _argument(value, custom_objects) for key, value in arguments.items()})


def _argument(value: Any, custom_objects: dict[str, Any]) -> Any:
    """An argument out of a description: a described function, or an array as Keras writes it, or as it is."""
    kind = value.get("class_name") if isinstance(value, dict) else None
    if kind == "function":
        return deserialize(value, custom_objects)
    if kind in ("__tensor__", "__numpy__"):
        return np.asarray(value["config"]["value"], value["config"].get("dtype"))
    return value
