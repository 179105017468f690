"""Intersection over union: how much of what is or is called a class is both."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn import config
from tinynn.metrics.metric import Metric, plain


class IoU(Metric):
    """The mean over some classes of tp / (tp + fp + fn), from a matrix that counts labels against predictions (Jaccard 1912).

    Entries whose label or prediction is no class of these are left out; classes that never occurred are left out of the
    mean. Divisors have the fuzz factor added, as in Keras.

    Args:
        num_classes: how many there are.
        target_class_ids: those to take the mean over.
        dtype: of the matrix; int64 by default, which cuts weights to whole numbers. The result is float32.
        ignore_class: entries with this label are left out.
        sparse_y_true, sparse_y_pred: class numbers, or else one entry per class, the largest of which counts.
        axis: of the classes, where there is one.

    Raises:
        ValueError: a target class that is not there.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int64")
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"Target class id {max(target_class_ids)} is out of range, which is [0, {num_classes}).")
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", dtype=self.dtype, name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true, y_pred: class numbers of one shape (or with an axis more, of classes); sample_weight likewise.

        Raises:
            ValueError: not as many labels as predictions.
        """
        y_true, y_pred = plain(y_true), plain(y_pred)
        if not self.sparse_y_true:
            y_true = np.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = np.argmax(y_pred, axis=self.axis)
        if y_true.size != y_pred.size:
            raise ValueError(
                f"{type(self).__name__} expects as many labels as predictions; got arrays of shape {y_true.shape} and "
                f"{y_pred.shape}. One entry per class, rather than class numbers, is told by sparse_y_true=False or "
                "sparse_y_pred=False."
            )
        labels, found = (x.astype(self.dtype).astype(np.int64).reshape(-1) for x in (y_true, y_pred))
        if "int" in self.dtype and "float" in str(getattr(sample_weight, "dtype", "")):
            warnings.warn(
                f"{type(self).__name__} counts in {self.dtype}, so these float weights are cut to whole numbers: pass "
                "whole ones, or dtype='float32'.",
                stacklevel=2,
            )
        weight = np.asarray(1 if sample_weight is None else plain(sample_weight)).astype(self.dtype).reshape(-1)
        weight = np.broadcast_to(weight, labels.shape)
        known = (labels >= 0) & (labels < self.num_classes) & (found >= 0) & (found < self.num_classes)
        if self.ignore_class is not None:
            known &= labels != self.ignore_class
        np.add.at(self.total_cm.value, (labels[known], found[known]), weight[known])

    def result(self) -> Any:
        """A number in [0, 1]."""
        matrix = self.total_cm.value
        both = np.diag(matrix)
        either = (matrix.sum(axis=0) + matrix.sum(axis=1) - both)[self.target_class_ids].astype(np.float32)
        occurred = either > np.float32(1e-9)
        fuzz = np.float32(config.epsilon())
        shares = np.where(occurred, both[self.target_class_ids].astype(np.float32) / (either + fuzz), np.float32(0))
        return shares.sum() / (occurred.sum(dtype=np.float32) + fuzz)

    _own: tuple[str, ...] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self._own}}


class MeanIoU(IoU):
    """`IoU` of all classes.

    Args:
        num_classes, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: as in `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        everything = list(range(num_classes))
        super().__init__(num_classes, everything, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    _own: tuple[str, ...] = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


class BinaryIoU(IoU):
    """`IoU` of the classes 0 and 1, where a prediction counts as 1 from a threshold on (>=, other than in accuracies).

    Args:
        target_class_ids: the classes to take the mean over.
        threshold: of predictions, compared in float32.
        dtype: as in `IoU`.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true (0 or 1) and y_pred of one shape; sample_weight of that shape or (batch,)."""
        super().update_state(y_true, plain(y_pred).astype(np.float32) >= np.float32(self.threshold), sample_weight)

    _own = ("target_class_ids", "threshold")


class OneHotIoU(IoU):
    """`IoU` for one-hot labels and, unless told otherwise, one prediction per class.

    Args:
        num_classes, target_class_ids, dtype, ignore_class, sparse_y_pred, axis: as in `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    _own = ("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot labels and, unless told otherwise, one prediction per class.

    Args:
        num_classes, dtype, ignore_class, sparse_y_pred, axis: as in `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    _own = ("num_classes", "ignore_class", "sparse_y_pred", "axis")
