"""Small conversions of data."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynn._typing import Array


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Class numbers as one-hot rows: (samples,) or (samples, 1) -> (samples, num_classes).

    Args:
        x: whole numbers from 0.
        num_classes: max(x) + 1 by default.

    Raises:
        ValueError: numbers below 0, or num_classes or above.
    """
    labels = np.asarray(x, np.int64)
    shape = labels.shape[:-1] if labels.ndim > 1 and labels.shape[-1] == 1 else labels.shape
    labels = labels.reshape(-1)
    count = num_classes or (int(labels.max()) + 1 if labels.size else 0)
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        wrong = labels[(labels < 0) | (labels >= count)][0]
        raise ValueError(f"to_categorical expects class numbers in 0..{count - 1}; got {wrong}.")
    rows = np.zeros((labels.size, count))
    rows[np.arange(labels.size), labels] = 1
    return rows.reshape(*shape, count)


def normalize(x: Any, axis: int | None = -1, order: Any = 2) -> Array:
    """x / |x|: rows of length 1 (or whatever `axis` runs along), rows of zeros as they are.

    Args:
        x: any array of numbers.
        axis: along which the length is taken; None for the length of all of it.
        order: which length: 2 for the root of the sum of squares, 1 for the sum, `np.inf` for the largest.

    A single row (n,) comes back as (1, n), as in Keras. Keras 3.15 takes the lengths along axis 0 but divides as if they
    were along the last; here axis 0 means axis 0.
    """
    array = np.asarray(x)
    length = np.linalg.norm(array, order, axis, keepdims=True)
    normalized: Array = array / np.where(length == 0, np.ones((), length.dtype), length)
    return normalized[None] if array.ndim == 1 else normalized
