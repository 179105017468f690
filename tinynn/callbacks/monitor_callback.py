"""What the callbacks that watch one metric share: which one, and whether it has become better."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinynn._checks import did_you_mean
from tinynn.callbacks.callback import Callback

__all__ = ["MonitorCallback"]


class MonitorCallback(Callback):
    """Compares a metric with the best so far.

    The comparison is made in float32, whatever the model's float type, as in Keras, whose comparing operation makes
    float32 tensors of Python floats: an improvement below float32's resolution is none.

    Args:
        monitor: the name of the metric in the logs.
        mode: "min" if less is better, "max" if more is, "auto" to ask the metric.
        baseline: what to be better than at first; None to take the first value as it comes.
        min_delta: how much better a value has to be; its sign is of no account.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode."
                + did_you_mean(str(mode), ("auto", "min", "max")),
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op: Callable[[float, float], bool] | None = None

    def _set_monitor_op(self) -> None:
        """Choose less or greater; at the end of an epoch, when the metrics are sure to exist.

        Raises:
            ValueError: in mode "auto", if the name is neither "loss" nor that of a metric that knows its direction.
        """
        up = self._goes_up() if self.mode == "auto" else self.mode == "max"
        self.monitor_op = _greater if up else _less
        if not up:
            self.min_delta *= -1

    def _goes_up(self) -> bool:
        """Whether more is better, by the metric's own word ("up" or anything else)."""
        name = self.monitor.removeprefix("val_")
        directions = {metric.name: metric._direction for metric in self._metrics() if hasattr(metric, "_direction")}
        if name != "loss" and name not in directions:
            raise ValueError(
                f"{type(self).__name__} callback received monitor={self.monitor}, but tinynn isn't able to "
                "automatically determine whether that metric should be maximized or minimized. Pass `mode='max'` if "
                f"more of it is better, `mode='min'` if less is.{did_you_mean(name, ['loss', *directions])}"
            )
        return directions.get(name) == "up"

    def _metrics(self) -> Iterator[Any]:
        """The model's metrics, those grouped in a metric of metrics one by one."""
        for metric in getattr(self.model, "metrics", ()):
            yield from getattr(metric, "metrics", (metric,))

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether a value is better than another by `min_delta`; better than nothing it always is."""
        assert self.monitor_op is not None
        return reference is None or self.monitor_op(value - self.min_delta, reference)


def _less(a: float, b: float) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.float32(a) < np.float32(b))


def _greater(a: float, b: float) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.float32(a) > np.float32(b))
