"""Means and sums of whatever batches bring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn._typing import Array
from tinynn.engine.recorded import mask_of, value_of
from tinynn.losses.loss import squeeze_or_expand_to_same_rank
from tinynn.metrics.metric import Metric


def samplewise(values: Any, sample_weight: Any, dtype: str, reduce: Callable[..., Array]) -> tuple[Array, Array | None]:
    """Values as one per sample, times their weights; further axes are reduced first.

    What a loss masks (by `ignore_class`) counts in no weighted mean; in one without weights it counts as 0, as in Keras.
    """
    mask = mask_of(values)
    values = np.asarray(value_of(values), dtype)
    if sample_weight is not None:
        weight = np.asarray(value_of(sample_weight), dtype)
        if mask is not None:
            counts, weight = squeeze_or_expand_to_same_rank(mask.astype(dtype), weight)
            weight = weight * counts
        values, weight = squeeze_or_expand_to_same_rank(values, weight)
        if values.ndim > weight.ndim:
            values = reduce(values, axis=tuple(range(weight.ndim, values.ndim)))
        weight_ndim = weight.ndim
        weight = np.broadcast_to(weight, values.shape)
        values = values * weight
        if weight_ndim > 1:
            weight = reduce(weight, axis=tuple(range(1, weight_ndim)))
        sample_weight = weight
    if values.ndim > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, sample_weight


class Sum(Metric):
    """The sum of weight times value over everything seen."""

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name)
        self.total = self.add_variable(dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """values (batch, ...), sample_weight (batch,)."""
        values, _ = samplewise(values, sample_weight, self.dtype, np.sum)
        self.total.value += values.sum()

    def result(self) -> Any:
        """The sum, in the metric's dtype."""
        return self.total.value[()]


class Mean(Metric):
    """The sum of weight times value over the sum of weights (1 each by default); 0 when nothing was seen."""

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name)
        self.total = self.add_variable(dtype=self.dtype, name="total")
        self.count = self.add_variable(dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """values (batch, ...), sample_weight (batch,)."""
        values, weight = samplewise(values, sample_weight, self.dtype, np.mean)
        self.total.value += values.sum()
        self.count.value += weight.sum() if weight is not None else (len(values) if values.ndim else 1)

    def result(self) -> Any:
        """The mean, in the metric's dtype."""
        total, count = self.total.value[()], self.count.value[()]
        return total / count if count else np.zeros_like(total)


class MeanMetricWrapper(Mean):
    """The mean of a function `(y_true, y_pred) -> one value per sample`.

    Args:
        fn: the function.
        name: "mean_metric_wrapper", ... by default.
        dtype: of state and result.
        **settings: further arguments of the function.
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **settings: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._settings = settings
        if getattr(fn, "__module__", "").startswith("tinynn.losses"):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """y_true and y_pred (batch, ...), sample_weight (batch,)."""
        super().update_state(self._fn(y_true, y_pred, **self._settings), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again: `fn` is described, the settings stand beside it."""
        from tinynn.metrics.registry import serialize

        return {**super().get_config(), "fn": serialize(self._fn), **self._settings}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from what `get_config` gave; a described `fn` has to be known by its name (see `metrics.deserialize`)."""
        from tinynn.metrics.registry import deserialize

        described = isinstance(config.get("fn"), (dict, str))
        return cls(**({**config, "fn": deserialize(config["fn"])} if described else config))


class NamedMean(MeanMetricWrapper):
    """A `MeanMetricWrapper` whose class says which function it is the mean of: config has the settings alone."""

    def get_config(self) -> dict[str, Any]:
        """What the metric can be made from again."""
        return {"name": self.name, "dtype": self.dtype, **self._settings}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A metric from what `get_config` gave."""
        return cls(**config)
