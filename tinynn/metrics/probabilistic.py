"""Metrics of probabilities: how surprised a model is, how far one distribution is from another."""

from __future__ import annotations

from typing import Any

from tinynn.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from tinynn.metrics.reduction import NamedMean


class KLDivergence(NamedMean):
    """The mean of sum_k y_true_k log(y_true_k / y_pred_k), for rows of probabilities (Kullback & Leibler 1951)."""

    _direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, name, dtype)


class Poisson(NamedMean):
    """The mean of y_pred - y_true log y_pred, for counts: minus a Poisson log likelihood, but for a constant."""

    _direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, name, dtype)


class BinaryCrossentropy(NamedMean):
    """The mean of `binary_crossentropy`.

    Args:
        from_logits: predictions have not been through a sigmoid.
        label_smoothing: s in [0, 1]; labels y become y (1 - s) + s / 2.
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(NamedMean):
    """The mean of `categorical_crossentropy`, for one-hot labels.

    Args:
        from_logits: predictions have not been through a softmax.
        label_smoothing: s in [0, 1]; labels y become y (1 - s) + s / classes.
        axis: of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(NamedMean):
    """The mean of `sparse_categorical_crossentropy`, for class numbers.

    Args:
        from_logits: predictions have not been through a softmax.
        ignore_class: see `losses.sparse_categorical_crossentropy`.
        axis: of the classes.
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
