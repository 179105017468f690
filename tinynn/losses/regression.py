"""Losses of regression: how far predictions are from the targets."""

from __future__ import annotations

from typing import Any

from tinynn import ops
from tinynn._typing import Tensor
from tinynn.engine.recorded import value_of
from tinynn.losses.loss import LossFunctionWrapper, squeeze_or_expand_to_same_rank
from tinynn.ops import nn


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean of (y_true - y_pred)^2 over the last axis: (batch, outputs) twice -> (batch,)."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, value_of(y_pred).dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return nn.mean_squared_error(y_true, y_pred)


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean of |y_true - y_pred| over the last axis: (batch, outputs) twice -> (batch,)."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, value_of(y_pred).dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return nn.mean_absolute_error(y_true, y_pred)


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
