"""Losses of regression: how far predictions are from the targets."""

from __future__ import annotations

from typing import Any

from tinynn import config
from tinynn._typing import Tensor
from tinynn.losses.loss import LossFunctionWrapper, in_dtype_of_y_pred, squeeze_or_expand_to_same_rank
from tinynn.ops import losses as loss_ops
from tinynn.ops import nn


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean of (y_true - y_pred)^2 over the last axis: (batch, outputs) twice -> (batch,)."""
    y_true, y_pred = _pair(y_true, y_pred)
    return nn.mean_squared_error(y_true, y_pred)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean of |y_true - y_pred| over the last axis: (batch, outputs) twice -> (batch,)."""
    y_true, y_pred = _pair(y_true, y_pred)
    return nn.mean_absolute_error(y_true, y_pred)


def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """100 times the mean over the last axis of |y_true - y_pred| / max(|y_true|, epsilon()), in percent.

    Args:
        y_true: (batch, outputs); where it is 0, any miss costs 100 / epsilon, about 1e9.
        y_pred: (batch, outputs).

    Returns:
        (batch,)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return loss_ops.mean_absolute_percentage_error(y_true, y_pred, epsilon=config.epsilon())


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean over the last axis of (log(1 + y_true) - log(1 + y_pred))^2, for quantities that are not negative.

    Values below epsilon() count as epsilon(), and there y_pred has no gradient. (batch, outputs) twice -> (batch,).
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return loss_ops.mean_squared_logarithmic_error(y_true, y_pred, epsilon=config.epsilon())


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Any:
    """The mean over the last axis of e^2 / 2 for |e| <= delta, delta |e| - delta^2 / 2 beyond, e = y_pred - y_true.

    Args:
        y_true: (batch, outputs).
        y_pred: (batch, outputs).
        delta: where the square goes over into a straight line (Huber 1964).

    Returns:
        (batch,)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return loss_ops.huber(y_true, y_pred, delta=delta)


def log_cosh(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean over the last axis of log cosh(y_pred - y_true): e^2 / 2 for small errors, |e| - log 2 for large ones.

    (batch, outputs) twice -> (batch,). In float64 an error of 0 costs -1.9e-9, as in Keras, which rounds log 2 to float32.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return loss_ops.log_cosh(y_true, y_pred)


def _pair(y_true: Tensor, y_pred: Tensor) -> tuple[Any, Any]:
    """Both in y_pred's dtype; ranks that differ by one made equal."""
    return squeeze_or_expand_to_same_rank(*in_dtype_of_y_pred(y_true, y_pred))


class MeanSquaredError(LossFunctionWrapper):
    """`mean_squared_error`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """`mean_absolute_error`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """`mean_absolute_percentage_error`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """`mean_squared_logarithmic_error`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class LogCosh(LossFunctionWrapper):
    """`log_cosh`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class Huber(LossFunctionWrapper):
    """`huber`, reduced as `Loss` says: e^2 / 2 up to |e| = delta, then delta (|e| - delta / 2), e = y_true - y_pred.

    Huber 1964; the mean over the last axis of (batch, outputs).

    Args:
        delta: where the parabola goes over into the line, a positive number.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)
