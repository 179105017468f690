"""Losses of distributions: of shares that sum to 1, and of counts."""

from __future__ import annotations

from typing import Any

from tinynn import config
from tinynn._typing import Tensor
from tinynn.losses.loss import LossFunctionWrapper, in_dtype_of_y_pred
from tinynn.ops import losses as loss_ops


def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Any:
    """sum_k y_true_k log(y_true_k / y_pred_k) over the last axis: the nats lost by taking y_pred for y_true.

    Both are clipped to [epsilon(), 1], so no probability is 0. (batch, classes) twice -> (batch,). Kullback and Leibler 1951.
    """
    y_true, y_pred = in_dtype_of_y_pred(y_true, y_pred)
    return loss_ops.kl_divergence(y_true, y_pred, epsilon=config.epsilon())


def poisson(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean over the last axis of y_pred - y_true log(y_pred + epsilon()): y_true counts, y_pred their expected number.

    (batch, outputs) twice -> (batch,). y_pred must not be negative: end the model in softplus or exponential.
    """
    y_true, y_pred = in_dtype_of_y_pred(y_true, y_pred)
    return loss_ops.poisson(y_true, y_pred, epsilon=config.epsilon())


class KLDivergence(LossFunctionWrapper):
    """`kl_divergence`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """`poisson`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)
