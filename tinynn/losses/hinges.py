"""Hinge losses: scores that should be on the right side by a margin."""

from __future__ import annotations

from typing import Any

from tinynn._typing import Tensor
from tinynn.losses.loss import LossFunctionWrapper, in_dtype_of_y_pred
from tinynn.ops import losses as loss_ops


def hinge(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean over the last axis of max(1 - y_true y_pred, 0).

    Args:
        y_true: (batch, outputs), -1 or 1. Where all of them are 0 or 1, each 0 counts as -1.
        y_pred: (batch, outputs), scores of either sign: end the model in tanh or nothing.

    Returns:
        (batch,)
    """
    return loss_ops.hinge(*in_dtype_of_y_pred(y_true, y_pred))


def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean over the last axis of max(1 - y_true y_pred, 0)^2; labels as for `hinge`."""
    return loss_ops.squared_hinge(*in_dtype_of_y_pred(y_true, y_pred))


def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Any:
    """max(neg - pos + 1, 0) with the right class's score pos = sum_k y_true_k y_pred_k and neg = max_k (1 - y_true_k) y_pred_k.

    Args:
        y_true: (batch, classes), one-hot rows of 0 and 1.
        y_pred: (batch, classes), scores.

    Returns:
        (batch,)
    """
    return loss_ops.categorical_hinge(*in_dtype_of_y_pred(y_true, y_pred))


class Hinge(LossFunctionWrapper):
    """`hinge`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """`squared_hinge`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """`categorical_hinge`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
