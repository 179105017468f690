"""Metrics of regression: how far predictions are from the targets, and how much of their variance is explained."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinynn._typing import Shape, Tensor
from tinynn.kernels import r2_score
from tinynn.losses import similarity
from tinynn.losses.loss import squeeze_or_expand_to_same_rank
from tinynn.losses.regression import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from tinynn.metrics.metric import Metric, plain, weight_per_sample
from tinynn.metrics.reduction import Mean, NamedMean


class MeanSquaredError(NamedMean):
    """The mean of (y_true - y_pred)^2."""

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(NamedMean):
    """The mean of |y_true - y_pred|."""

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(NamedMean):
    """The mean of 100 |y_true - y_pred| / |y_true|."""

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(NamedMean):
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2."""

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The root of the mean of (y_true - y_pred)^2 over everything seen (not the mean of the batches' roots)."""

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """y_true and y_pred (batch, ...), sample_weight (batch,)."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(plain(y_true, self.dtype), plain(y_pred, self.dtype))
        super().update_state(np.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        """The root, in the metric's dtype."""
        return np.sqrt(super().result())


def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Any:
    """The cosine of the angle between y_true and y_pred along an axis, in [-1, 1]: 1 if they point the same way.

    The loss of that name is its negative. A vector's norm counts as at least the fuzz factor: 0 with the zero vector.
    """
    return -similarity.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(NamedMean):
    """The mean of the cosine of the angle between y_true and y_pred: 1 if they point the same way, -1 the other way.

    Args:
        axis: along which they are vectors.
    """

    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again. As in Keras the last axis is not mentioned; here, another one is."""
        return {name: value for name, value in super().get_config().items() if (name, value) != ("axis", -1)}


class LogCoshError(NamedMean):
    """The mean of log cosh(y_pred - y_true): x^2 / 2 near 0, |x| - log 2 far from it."""

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name, dtype)


class R2Score(Metric):
    """1 - sum (y_true - y_pred)^2 / sum (y_true - mean)^2, for each output: 1 is perfect, 0 is always saying the mean.

    0 where the targets do not vary though the predictions are off; NaN where neither varies.

    Args:
        class_aggregation: "uniform_average" for the mean over outputs, "variance_weighted_average" for their mean weighted
            by the targets' variances, None for one score per output.
        num_regressors: p; if not 0, the adjusted score 1 - (1 - R^2) (n - 1) / (n - p - 1), n = entries seen.

    Raises:
        ValueError: an unknown aggregation, a negative number, arrays that are not (batch, outputs).
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ValueError(
                f"Invalid value for argument `class_aggregation`. Expected one of {known}. "
                f"Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. "
                f"Received: num_regressors={num_regressors}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                "R2Score expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}. A vector becomes a column by y[:, None]."
            )
        outputs = (y_pred_shape[1],)
        self.squared_sum = self.add_variable(outputs, "zeros", name="squared_sum")
        self.sum = self.add_variable(outputs, "zeros", name="sum")
        self.total_mse = self.add_variable(outputs, "zeros", name="residual")
        self.count = self.add_variable(outputs, "zeros", name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true, y_pred (batch, outputs); sample_weight (batch,) or (batch, outputs).

        Raises:
            ValueError: other shapes.
        """
        y_true, y_pred = squeeze_or_expand_to_same_rank(plain(y_true, self.dtype), plain(y_pred, self.dtype))
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"R2Score expects y_true and y_pred of the same shape; got {y_true.shape} and {y_pred.shape}."
            )
        weights = weight_per_sample(sample_weight, y_true.shape, self.dtype)
        seen = self.num_samples.value.reshape(1)
        sums = [variable.value for variable in (self.squared_sum, self.sum, self.total_mse, self.count)]
        for k in range(y_true.shape[1]):
            one = slice(k, k + 1)
            r2_score.update(y_true[:, one], y_pred[:, one], weights[:, k], seen, *(s[one] for s in sums))

    def result(self) -> Any:
        """A number, or one per output."""
        if not self._built:
            return np.zeros((), self.dtype)[()]
        with np.errstate(all="ignore"):
            total = self.squared_sum.value - self.sum.value * (self.sum.value / self.count.value)
            scores = 1 - self.total_mse.value / total
            scores = np.where(np.isinf(scores), scores.dtype.type(0), scores)
            if self.class_aggregation == "uniform_average":
                score = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                score = (total * scores).sum() / total.sum()
            else:
                score = scores
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Any) -> Any:
        left = self.num_samples.value[()] - 1 - self.num_regressors
        if left <= 0:
            why = (
                "Division by zero in Adjusted"
                if left == 0
                else "More independent predictors than datapoints in adjusted"
            )
            warnings.warn(f"{why} R2 score. Falling back to standard R2 score.", stacklevel=3)
            return score
        n, p = np.float32(self.num_samples.value), np.float32(self.num_regressors)
        return 1 - (1 - score) * (n - 1) / (n - p - 1)

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
