"""How far predictions rise and fall with the targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, Tensor
from tinynn.kernels import correlation
from tinynn.losses.loss import squeeze_or_expand_to_same_rank
from tinynn.metrics.metric import plain
from tinynn.metrics.reduction import NamedMean


def pearson_correlation(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Array:
    """Pearson's r along an axis: cov / (std std), in [-1, 1]; NaN where either is constant.

    Args:
        y_true, y_pred: (batch, outputs), or any one shape.
        axis: of the numbers that are correlated: -1 for the outputs of a sample, 0 for the samples of an output.
    """
    y_true, y_pred = _along(y_true, y_pred, axis)
    values = np.empty(y_pred.shape[:-1], y_pred.dtype)
    correlation.pearson(y_true, y_pred, values)
    return values


def concordance_correlation(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Array:
    """Lin's coefficient along an axis: 2 cov / (var + var + (mean - mean)^2 + fuzz factor), 1 only where both are equal.

    Args:
        y_true, y_pred: (batch, outputs), or any one shape.
        axis: of the numbers that are compared.
    """
    y_true, y_pred = _along(y_true, y_pred, axis)
    values = np.empty(y_pred.shape[:-1], y_pred.dtype)
    correlation.concordance(y_true, y_pred, config.epsilon(), values)
    return values


def _along(y_true: Tensor, y_pred: Tensor, axis: int) -> tuple[Array, Array]:
    """Both as arrays of one rank, the axis last."""
    y_pred = plain(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(plain(y_true, y_pred.dtype), y_pred)
    y_true, y_pred = np.broadcast_arrays(y_true, y_pred)
    return np.moveaxis(y_true, axis, -1), np.moveaxis(y_pred, axis, -1)


class PearsonCorrelation(NamedMean):
    """The mean of `pearson_correlation`.

    Args:
        axis: of the numbers that are correlated. With 0 a batch is one sample, and the mean over batches is not the
            correlation over all of them.
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(NamedMean):
    """The mean of `concordance_correlation`.

    Args:
        axis: of the numbers that are compared; see `PearsonCorrelation`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis
