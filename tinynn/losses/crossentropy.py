"""The cross-entropies: how surprised a model is by the labels."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinynn import ops
from tinynn._typing import Tensor
from tinynn.engine.recorded import remember_mask, value_of
from tinynn.losses.loss import LossFunctionWrapper, in_dtype_of_y_pred
from tinynn.ops import losses as loss_ops


def categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-sum_k y_true_k log p_k, one value per sample, for one-hot (or soft) labels.

    Args:
        y_true: (batch, classes), rows that sum to 1.
        y_pred: (batch, classes): probabilities, or logits with `from_logits`.
        label_smoothing: s in [0, 1]; y_true becomes y_true (1 - s) + s / classes (Szegedy et al. 2016).
        axis: of the classes; the last.
    """
    y_true, y_pred = in_dtype_of_y_pred(y_true, y_pred)
    if y_pred.shape[-1] == 1:
        warnings.warn(
            "In loss categorical_crossentropy, expected y_pred.shape to be (batch_size, num_classes) with num_classes > 1. "
            f"Received: y_pred.shape={tuple(y_pred.shape)}. Consider using 'binary_crossentropy' if you only have 2 classes.",
            SyntaxWarning,
            stacklevel=2,
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-log p[y_true], one value per sample, for labels that are class numbers.

    Args:
        y_true: (batch,) or (batch, 1), whole numbers in [0, classes).
        y_pred: (batch, classes): probabilities, or logits with `from_logits`.
        ignore_class: a label, such as 255 or -1 for padding, whose samples cost 0 and do not count in the mean.
        axis: of the classes; the last.

    Raises:
        ValueError: labels out of range.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    counts = np.asarray(value_of(y_true) != value_of(y_pred).dtype.type(ignore_class))
    y_true = np.where(counts, value_of(y_true), 0)
    y_pred = ops.where(counts[..., None], y_pred, 0)  # forgets the logits behind a softmax, as in Keras
    losses = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    losses = ops.where(counts, losses, 0.0)
    remember_mask(losses, counts)
    return losses


def binary_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """The mean over an axis of -(y log p + (1 - y) log(1 - p)): each entry its own yes or no.

    Args:
        y_true: (batch, outputs), y in [0, 1].
        y_pred: (batch, outputs): probabilities, or logits with `from_logits`.
        label_smoothing: s in [0, 1]; y becomes y (1 - s) + s / 2.
        axis: of the mean; the last.
    """
    y_true, y_pred = in_dtype_of_y_pred(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_generalized_cross_entropy(y_true: Tensor, y_pred: Tensor, q: float) -> Any:
    """(1 - p^q) / q with the probability p of the label: for labels some of which are wrong (Zhang and Sabuncu 2018).

    Args:
        y_true: (batch,), class numbers.
        y_pred: (batch, classes), probabilities.
        q: in (0, 1): towards 0 as the cross-entropy -log p, towards 1 as the absolute error 1 - p, which wrong labels
            pull less.

    Returns:
        (batch,). Labels of shape (batch, 1) give (batch, batch), each label beside each sample, as in Keras: flatten them.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = np.asarray(value_of(ops.convert_to_tensor(y_true))).astype(np.int32)
    if labels.shape != tuple(y_pred.shape[:-1]):
        both = np.broadcast_shapes(labels.shape, tuple(y_pred.shape[:-1]))
        labels, y_pred = np.broadcast_to(labels, both), ops.broadcast_to(y_pred, (*both, y_pred.shape[-1]))
    return loss_ops.generalized_crossentropy(labels, y_pred, q=float(q))


class CategoricalCrossentropy(LossFunctionWrapper):
    """`categorical_crossentropy`, reduced as `Loss` says: -sum_k y_k log p_k, y_true one-hot, (batch, classes) as y_pred.

    Raises:
        ValueError: label_smoothing outside [0, 1].

    Args:
        from_logits: y_pred are logits. After an activation of that kind tinynn goes back to the logits by itself.
        label_smoothing: s in [0, 1] makes labels y (1 - s) + s / classes.
        axis: the classes.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=_unit("label_smoothing", label_smoothing),
            axis=axis,
        )


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`sparse_categorical_crossentropy`, reduced as `Loss` says: -log p_k.

    y_true class numbers k (batch,) or (batch, 1), y_pred (batch, classes).

    Args:
        from_logits: y_pred are logits. After an activation of that kind tinynn goes back to the logits by itself.
        ignore_class: samples of this class number count 0.
        axis: the classes.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


class BinaryCrossentropy(LossFunctionWrapper):
    """`binary_crossentropy`, reduced as `Loss` says: -y log p - (1 - y) log(1 - p), y_true and y_pred (batch, outputs).

    Raises:
        ValueError: label_smoothing outside [0, 1].

    Args:
        from_logits: y_pred are logits. After an activation of that kind tinynn goes back to the logits by itself.
        label_smoothing: s in [0, 1] makes labels y (1 - s) + s / 2.
        axis: the outputs, over which the mean is taken.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=_unit("label_smoothing", label_smoothing),
            axis=axis,
        )


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`categorical_generalized_cross_entropy`, reduced as `Loss` says: (1 - p_k^q) / q, y_true class numbers (batch,).

    Zhang & Sabuncu 2018.

    Raises:
        ValueError: q outside (0, 1).

    Args:
        q: in (0, 1): near 0 it is the cross-entropy, at 1 the mean absolute error, which bears wrong labels better.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1); got {q!r}. Near 0 it is the cross-entropy.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


def _unit(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1]; got {value!r}.")
    return value
