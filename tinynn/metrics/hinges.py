"""Hinges: by how much a margin of 1 is missed."""

from __future__ import annotations

from typing import Any

from tinynn.losses.hinges import categorical_hinge, hinge, squared_hinge
from tinynn.metrics.reduction import NamedMean


class Hinge(NamedMean):
    """The mean of max(1 - y_true y_pred, 0), for labels -1 and 1 (or 0 and 1, which become those)."""

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, name, dtype)


class SquaredHinge(NamedMean):
    """The mean of max(1 - y_true y_pred, 0)^2, for labels -1 and 1 (or 0 and 1, which become those)."""

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(NamedMean):
    """The mean of max(best wrong - right + 1, 0), for one-hot labels: by how much the right class misses a lead of 1."""

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, name, dtype)
