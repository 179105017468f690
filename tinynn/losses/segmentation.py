"""Losses of overlap: which entries of a mask are in, for images and other grids."""

from __future__ import annotations

from typing import Any

from tinynn import config, ops
from tinynn._typing import Tensor
from tinynn.losses.loss import LossFunctionWrapper, in_dtype_of_y_pred
from tinynn.ops import losses as loss_ops

Axis = int | tuple[int, ...] | list[int] | None


def dice(y_true: Tensor, y_pred: Tensor, axis: Axis = None) -> Any:
    """1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + epsilon()).

    Args:
        y_true: any shape, 0 or 1 (or shares).
        y_pred: the same shape, probabilities.
        axis: of the sums, one or several; None for all, so that the whole batch has one value.

    Returns:
        One value for each entry of the axes that are left.
    """
    y_true, y_pred = in_dtype_of_y_pred(y_true, y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape):  # each sum over its own shape
        both = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis) + config.epsilon()
        return 1 - ops.divide(2.0 * ops.sum(y_true * y_pred, axis=axis), both)
    y_true, y_pred = loss_ops.as_last_axis(y_true, axis), loss_ops.as_last_axis(y_pred, axis)
    return loss_ops.dice(y_true, y_pred, epsilon=config.epsilon())


def tversky(y_true: Tensor, y_pred: Tensor, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None) -> Any:
    """1 - I / (I + alpha A + beta B + epsilon()): I the overlap, A what y_true has alone, B what y_pred has alone.

    Args:
        y_true: any shape, 0 or 1 (or shares).
        y_pred: the same shape, probabilities.
        alpha: weight of misses, A = sum(y_true (1 - y_pred)); as in Keras, which exchanges the paper's two.
        beta: weight of false alarms, B = sum(y_pred (1 - y_true)). With both 0.5 this is `dice`, but for epsilon.
        axis: of the sums, one or several; None for all, so that the whole batch has one value.

    Returns:
        One value for each entry of the axes that are left. Tversky 1977; Salehi et al. 2017.
    """
    y_true, y_pred = loss_ops.same_shapes(y_true, ops.convert_to_tensor(y_pred))
    y_true, y_pred = loss_ops.as_last_axis(y_true, axis), loss_ops.as_last_axis(y_pred, axis)
    return loss_ops.tversky(y_true, y_pred, alpha=float(alpha), beta=float(beta), epsilon=config.epsilon())


class Dice(LossFunctionWrapper):
    """`dice`, reduced as `Loss` says."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axis = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """`tversky`, reduced as `Loss` says: 1 - TP / (TP + alpha misses + beta false alarms).

    Salehi et al. 2017; alpha = beta = 1/2 is Dice's.

    Args:
        alpha: what y_true has alone (misses) counts so much; in the paper, false alarms.
        beta: what y_pred has alone (false alarms) counts so much.
        axis: the axes to sum over; all by default, which makes one value of a batch.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
