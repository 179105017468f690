"""Datasets that make a batch when asked for it by number."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

__all__ = ["PyDataset"]


class PyDataset:
    """A dataset of whole batches, each made when it is needed: files too large for memory, augmentation.

    Subclasses write `__len__`, the number of batches, and `__getitem__(i)`, the i-th of them: `(x,)`, `(x, y)` or
    `(x, y, sample_weight)`. `fit` takes the batches in an order of its own unless `shuffle=False`, and calls
    `on_epoch_begin` and `on_epoch_end`. A dataset without an end has the property `num_batches` return None.

    As in Keras, `fit`, `evaluate` and `predict` ask for the batches 0 and 1 once beforehand, to see their shapes.

    Args:
        workers: how many threads make batches ahead of the training; with 1, or 0, batches are made in turn.
        use_multiprocessing: asks for batches made ahead as well. Keras starts processes for it; here they are threads.
        max_queue_size: how many batches may wait.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    def _setting(self, name: str, otherwise: Any) -> Any:
        """A setting of `__init__`, which subclasses may have forgotten to call."""
        if not hasattr(self, name):
            for setting, value in (("_workers", 1), ("_use_multiprocessing", False), ("_max_queue_size", 10)):
                vars(self).setdefault(setting, value)
            warnings.warn(
                "Your `PyDataset` class should call `super().__init__(**kwargs)` in its constructor. `**kwargs` can include "
                "`workers`, `use_multiprocessing`, `max_queue_size`. Do not pass these arguments to `fit()`, as they will be "
                "ignored.",
                stacklevel=4,
            )
        return getattr(self, name, otherwise)

    @property
    def workers(self) -> int:
        """How many threads make batches."""
        return int(self._setting("_workers", 1))

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether batches are made ahead even by a single worker."""
        return bool(self._setting("_use_multiprocessing", False))

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """How many batches may wait."""
        return int(self._setting("_max_queue_size", 10))

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        """The batch of this number, from 0."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a method __getitem__(self, index) that returns a batch."
        )

    @property
    def num_batches(self) -> int | None:
        """The number of batches, None if there is no end to them.

        Raises:
            NotImplementedError: neither `__len__` nor this property was written.
        """
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} needs a method __len__(self), the number of batches, or a property num_batches."
        )

    def __iter__(self) -> Iterator[Any]:
        """All batches in order; on and on if their number is not known."""
        try:
            total = self.num_batches
        except NotImplementedError:
            total = None
        return (self[i] for i in (itertools.count() if total is None else range(total)))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch, and once before the first."""
