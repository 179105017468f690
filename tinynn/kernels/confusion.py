"""True and false positives and negatives at many thresholds at once: what precision, recall and the curves are made of.

A prediction above a threshold, strictly, says yes; y_true is yes wherever it is not 0. With w the weight of a sample,

    tp[t] += sum w [yes is true, yes is said]        fn[t] += sum w [yes is true, no is said]
    fp[t] += sum w [no is true,  yes is said]        tn[t] += sum w [no is true,  no is said]

y_true, y_pred (batch, outputs), sample_weight (batch,), thresholds (T,). The counts are (T, 1), over all outputs together,
or (T, outputs), each output by itself; one that is not wanted is empty. Never differentiated.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def update(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    thresholds: Array,
    true_positives: Array,
    false_positives: Array,
    true_negatives: Array,
    false_negatives: Array,
) -> None:
    """Add a batch to the counts, every prediction held against every threshold. NaN says no."""
    true, weights = y_true != 0, np.broadcast_to(sample_weight[:, None], y_pred.shape)
    for t, threshold in enumerate(thresholds):
        said = y_pred > threshold
        for counts, here in (
            (true_positives, true & said),
            (false_positives, ~true & said),
            (true_negatives, ~true & ~said),
            (false_negatives, true & ~said),
        ):
            if counts.size:
                counts[t] += np.where(here, weights, 0).sum(axis=0 if counts.shape[1] > 1 else None)


def update_even(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    thresholds: Array,
    true_positives: Array,
    false_positives: Array,
    true_negatives: Array,
    false_negatives: Array,
    true_buckets: Array,
    false_buckets: Array,
) -> None:
    """`update` for thresholds 0, 1/(T-1), 2/(T-1), ..., 1 in batch + T operations instead of batch T.

    Prediction p in [0, 1] is above threshold i/(T-1) for all i <= ceil(p (T-1)) - 1: its bucket. A bucket's weight counts
    at all thresholds up to its own, so positives are sums over buckets from the right, and negatives what they lack of the
    whole. AUC's outer thresholds lie a little beyond 0 and 1 so that p = 0 is above the first: bucket 0.

    Predictions outside [0, 1] count as the nearer end, NaN as below all. Rounding may put a prediction that is not quite a
    threshold on its other side, in the very cases where TensorFlow does. true_buckets and false_buckets, of the counts'
    shape (T, 1) or (T, outputs), are overwritten.
    """
    real = y_pred.dtype.type
    true = (y_true != 0).astype(y_pred.dtype)
    weights = sample_weight[:, None]
    bucket = np.ceil(np.clip(y_pred, 0, 1) * real(len(thresholds) - 1)) - 1
    if thresholds[0] < 0 or thresholds[-1] > 1:
        bucket = np.maximum(bucket, 0)
    rows, columns = np.nonzero(bucket >= 0)  # not NaN, not below the first threshold
    pooled = true_buckets.shape[1] == 1
    where = (bucket[rows, columns].astype(np.int64), columns * (not pooled))
    axis = None if pooled else 0
    for labels, buckets, positives, negatives in (
        (true * weights, true_buckets, true_positives, false_negatives),
        ((1 - true) * weights, false_buckets, false_positives, true_negatives),
    ):
        buckets[:] = 0
        np.add.at(buckets, where, labels[rows, columns])
        above = np.cumsum(buckets[::-1], axis=0)[::-1]
        if positives.size:
            positives += above
        if negatives.size:
            negatives += labels.sum(axis=axis) - above


@compiled
def update_compiled(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    thresholds: Array,
    true_positives: Array,
    false_positives: Array,
    true_negatives: Array,
    false_negatives: Array,
) -> None:
    real = y_pred.dtype.type
    labels = max(true_positives.shape[1], false_positives.shape[1], true_negatives.shape[1], false_negatives.shape[1])
    for t in range(thresholds.size):
        for label in range(labels):
            tp, fp, tn, fn = real(0), real(0), real(0), real(0)
            for b in range(y_pred.shape[0]):
                for k in range(label, y_pred.shape[1] if labels == 1 else label + 1):
                    if y_pred[b, k] > thresholds[t]:
                        if y_true[b, k] != 0:
                            tp += sample_weight[b]
                        else:
                            fp += sample_weight[b]
                    elif y_true[b, k] != 0:
                        fn += sample_weight[b]
                    else:
                        tn += sample_weight[b]
            if true_positives.size > 0:
                true_positives[t, label] += tp
            if false_positives.size > 0:
                false_positives[t, label] += fp
            if true_negatives.size > 0:
                true_negatives[t, label] += tn
            if false_negatives.size > 0:
                false_negatives[t, label] += fn


@compiled
def update_even_compiled(
    y_true: Array,
    y_pred: Array,
    sample_weight: Array,
    thresholds: Array,
    true_positives: Array,
    false_positives: Array,
    true_negatives: Array,
    false_negatives: Array,
    true_buckets: Array,
    false_buckets: Array,
) -> None:
    real = y_pred.dtype.type
    zero, one, last = real(0), real(1), real(thresholds.size - 1)
    from_zero = thresholds[0] < zero or thresholds[thresholds.size - 1] > one
    labels = true_buckets.shape[1]
    for label in range(labels):
        for t in range(thresholds.size):
            true_buckets[t, label] = zero
            false_buckets[t, label] = zero
        trues, falses = zero, zero
        for b in range(y_pred.shape[0]):
            for k in range(label, y_pred.shape[1] if labels == 1 else label + 1):
                true = y_true[b, k] != 0
                if true:
                    trues += sample_weight[b]
                else:
                    falses += sample_weight[b]
                p = y_pred[b, k]
                if p != p:
                    continue
                p = min(max(p, zero), one)
                bucket = int(np.ceil(p * last)) - 1
                if from_zero:
                    bucket = max(bucket, 0)
                if bucket < 0:
                    continue
                if true:
                    true_buckets[bucket, label] += sample_weight[b]
                else:
                    false_buckets[bucket, label] += sample_weight[b]
        tp, fp = zero, zero
        for back in range(thresholds.size):
            t = thresholds.size - 1 - back
            tp += true_buckets[t, label]
            fp += false_buckets[t, label]
            if true_positives.size > 0:
                true_positives[t, label] += tp
            if false_positives.size > 0:
                false_positives[t, label] += fp
            if true_negatives.size > 0:
                true_negatives[t, label] += falses - fp
            if false_negatives.size > 0:
                false_negatives[t, label] += trues - tp
