"""Losses of directions: of one vector to another, and of all vectors of a batch to each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn import config, ops
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import remember_mask, value_of
from tinynn.losses.loss import LossFunctionWrapper, in_dtype_of_y_pred, squeeze_or_expand_to_same_rank
from tinynn.ops import losses as loss_ops


def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Any:
    """-sum_k t_k p_k of the two unit vectors: -1 for the same direction, 1 for opposite ones, 0 with a vector of zeros.

    Args:
        y_true: (batch, outputs).
        y_pred: (batch, outputs).
        axis: of the vectors; the last.

    Returns:
        (batch,)
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(*in_dtype_of_y_pred(y_true, y_pred))
    y_true, y_pred = loss_ops.as_last_axis(y_true, axis), loss_ops.as_last_axis(y_pred, axis)
    if y_true.shape[-1:] != y_pred.shape[-1:]:  # each has its own length, and is stretched afterwards
        return -ops.sum(_unit(y_true) * _unit(y_pred), axis=-1)
    return loss_ops.cosine_similarity(y_true, y_pred, epsilon=config.epsilon())


def _unit(x: Tensor) -> Any:
    length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))
    return x / ops.maximum(length, config.epsilon())


def circle(
    y_true: Tensor,
    y_pred: Tensor,
    ref_labels: Tensor | None = None,
    ref_embeddings: Tensor | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """Draws embeddings of one class together and pushes those of different classes apart (Sun et al. 2020).

    Args:
        y_true: (batch,) or (batch, 1), class numbers.
        y_pred: (batch, n), embeddings of length 1: end the model in a unit normalization.
        ref_labels: (refs,), class numbers of `ref_embeddings`; y_true by default.
        ref_embeddings: (refs, n), what each sample is compared with; y_pred by default.
        remove_diagonal: do not compare sample i with reference i. Right where the references are the batch itself.
        gamma: the scale of similarities: large means that the hardest pairs count alone.
        margin: how near the same class should be and how far others: distances of at most margin, at least 1 - margin.

    Returns:
        (batch,): softplus(logsumexp over pairs of one class + logsumexp over the others), with terms given in
        `tinynn/kernels/circle.py`. A sample without a pair of one kind has 0 and does not count in the mean of `Circle`.

    Raises:
        ValueError: as many labels as there are not embeddings.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = _class_numbers(y_true)
    references = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings)
    kinds = labels if ref_labels is None else _class_numbers(ref_labels)
    if y_pred.ndim != 2 or labels.shape != y_pred.shape[:1] or kinds.shape != references.shape[:1]:
        raise ValueError(
            "circle expects a label for each embedding: y_true (batch,), y_pred (batch, n), ref_labels (refs,), "
            f"ref_embeddings (refs, n); got {labels.shape}, {tuple(y_pred.shape)}, {kinds.shape}, {tuple(references.shape)}."
        )
    losses = loss_ops.circle(labels, y_pred, kinds, references, float(gamma), float(margin), bool(remove_diagonal))
    remember_mask(losses, value_of(losses) > 0)
    return losses


def _class_numbers(labels: Tensor) -> Array:
    numbers = np.asarray(value_of(ops.convert_to_tensor(labels))).astype(np.int32)
    return numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers


class CosineSimilarity(LossFunctionWrapper):
    """`cosine_similarity`, reduced as `Loss` says."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Circle(LossFunctionWrapper):
    """`circle` within the batch, reduced as `Loss` says; samples without a pair of either kind do not count.

    y_true class numbers (batch,), y_pred unit vectors (batch, width). Sun et al. 2020.

    Args:
        gamma: how steep.
        margin: how far apart the classes are wanted.
        remove_diagonal: a sample is no pair with itself.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)
