"""The sums behind R^2, the share of the variance that predictions explain (Wright 1921)."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def update(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    num_samples: Array,
    squared_sum: Array,
    sum: Array,
    residual: Array,
    count: Array,
) -> None:
    """Add a batch: y_true, y_pred (batch, outputs), sample_weight (batch,); sums (outputs,), num_samples (1,).

        squared_sum += sum_b w y^2    sum += sum_b w y    residual += sum_b w (y - y_pred)^2    count += sum_b w

    and num_samples += batch outputs, unweighted. Never differentiated.
    """
    weights = sample_weight[:, None]
    weighted = y_true * weights
    sum += weighted.sum(axis=0)
    squared_sum += (y_true * weighted).sum(axis=0)
    residual += ((y_true - y_pred) ** 2 * weights).sum(axis=0)
    count += sample_weight.sum()
    num_samples += y_true.size


@compiled
def update_compiled(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    num_samples: Array,
    squared_sum: Array,
    sum: Array,
    residual: Array,
    count: Array,
) -> None:
    real = y_pred.dtype.type
    for k in range(y_pred.shape[1]):
        squares, values, missed, weights = real(0), real(0), real(0), real(0)
        for b in range(y_pred.shape[0]):
            y, w = y_true[b, k], sample_weight[b]
            off = y - y_pred[b, k]
            values += y * w
            squares += y * (y * w)
            missed += off * off * w
            weights += w
        squared_sum[k] += squares
        sum[k] += values
        residual[k] += missed
        count[k] += weights
    num_samples[0] += real(y_true.size)
