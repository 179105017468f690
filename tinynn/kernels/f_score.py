"""The sums behind the F score: true and false positives and false negatives of each class, and how often it is the label."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def update(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    threshold: float,
    true_positives: Array,
    false_positives: Array,
    false_negatives: Array,
    intermediate_weights: Array,
) -> None:
    """Add a batch: y_true, y_pred (batch, classes), sample_weight (batch,); sums of shape (classes,), or (1,) over all.

    said = [y_pred > threshold]; if threshold is NaN, said = [y_pred is its row's largest, |y_pred| > 1e-9]

        tp += sum w said y_true        fp += sum w said (1 - y_true)        fn += sum w (1 - said) y_true
        intermediate_weights += sum w y_true

    y_true may be anything in [0, 1]. Never differentiated.
    """
    real = y_pred.dtype.type
    if np.isnan(threshold):
        said = (y_pred >= y_pred.max(axis=1, keepdims=True)) & (np.abs(y_pred) > real(1e-9))
    else:
        said = y_pred > real(threshold)
    said, weights = said.astype(y_pred.dtype), sample_weight[:, None]
    for sums, terms in (
        (true_positives, said * y_true),
        (false_positives, said * (1 - y_true)),
        (false_negatives, (1 - said) * y_true),
        (intermediate_weights, y_true),
    ):
        sums += (terms * weights).sum(axis=0 if sums.size > 1 else None)


@compiled
def update_compiled(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    threshold: float,
    true_positives: Array,
    false_positives: Array,
    false_negatives: Array,
    intermediate_weights: Array,
) -> None:
    real = y_pred.dtype.type
    one, limit, least = real(1), real(threshold), real(1e-9)
    apart = true_positives.size > 1
    for b in range(y_pred.shape[0]):
        top = y_pred[b, 0]
        for k in range(1, y_pred.shape[1]):
            if y_pred[b, k] > top or y_pred[b, k] != y_pred[b, k]:
                top = y_pred[b, k]
        for k in range(y_pred.shape[1]):
            if limit != limit:
                said = y_pred[b, k] >= top and abs(y_pred[b, k]) > least
            else:
                said = y_pred[b, k] > limit
            place = k if apart else 0
            y, w = y_true[b, k], sample_weight[b]
            if said:
                true_positives[place] += y * w
                false_positives[place] += (one - y) * w
            else:
                false_negatives[place] += y * w
            intermediate_weights[place] += y * w
