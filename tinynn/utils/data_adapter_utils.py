"""A batch as one value, and its parts again: what own training steps are handed."""

from __future__ import annotations

from typing import Any

__all__ = ["pack_x_y_sample_weight", "unpack_x_y_sample_weight"]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """`x` alone (within a tuple if it is a list or tuple), `(x, y)` or `(x, y, sample_weight)`: as short as it goes.

    Without targets the weights are left out too, as in Keras.
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """`x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)` as three values, None for what is missing.

    Raises:
        ValueError: a tuple or list of another length.
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`; "
            f"got {len(data)} parts."
        )
    x, y, sample_weight = [*data, None, None][:3]
    return x, y, sample_weight
