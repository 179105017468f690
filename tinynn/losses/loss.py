"""The base of all losses, and how per-sample values become one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn import config, ops
from tinynn._checks import did_you_mean
from tinynn._naming import unique_name
from tinynn._typing import Tensor
from tinynn.engine.recorded import mask_of, value_of

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss:
    """A number that says how wrong predictions are. Subclasses write `call(y_true, y_pred)`, one value per sample.

    Args:
        name: "mean_squared_error", ... by default.
        reduction: how the values of the samples become one. With weights w (1 by default) and values l, over n of them:
            "sum_over_batch_size" or "mean": sum w l / n (weights leave the divisor alone);
            "mean_with_sample_weight": sum w l / sum w;  "sum": sum w l;  "none" or None: the array w l.
            Values that a loss masks (padding, by `ignore_class`) count in no sum and in no n.
        dtype: of the computation; floatx by default.

    An own loss:

        class HalfSquare(tinynn.losses.Loss):
            def call(self, y_true, y_pred):
                return ops.mean(ops.square(y_true - y_pred), axis=-1) / 2

        model.compile(loss=HalfSquare())      # or a plain function of (y_true, y_pred)

    Raises:
        ValueError: an unknown reduction.
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        self.name = name or unique_name(type(self).__name__)
        self.reduction = check_reduction(reduction)
        self.dtype = str(np.dtype(getattr(dtype, "compute_dtype", dtype) or config.floatx()))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """One value per sample, over `tinynn.ops`."""
        raise NotImplementedError(f"Loss {type(self).__name__} does not have a `call()` method implemented.")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss. `sample_weight` has one entry per sample (or per value of `call`)."""
        y_pred = ops.convert_to_tensor(y_pred, self.dtype)
        y_true = ops.convert_to_tensor(y_true, self.dtype)
        return reduce_weighted(self.call(y_true, y_pred), sample_weight, self.reduction)

    def get_config(self) -> dict[str, Any]:
        """What the loss can be made from again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from what `get_config` gave."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A function `(y_true, y_pred) -> one value per sample` as a loss; ranks that differ by one are first made equal."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **settings: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._settings = settings

    def call(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """The function's values."""
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._settings)

    def get_config(self) -> dict[str, Any]:
        """What the loss can be made from again."""
        config = {**super().get_config(), **self._settings}
        if type(self) is LossFunctionWrapper:
            from tinynn.losses.registry import serialize

            config["fn"] = serialize(self.fn)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from what `get_config` gave."""
        if isinstance(config.get("fn"), dict):
            from tinynn.losses.registry import deserialize

            config = {**config, "fn": deserialize(config["fn"])}
        return cls(**config)

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self._settings.items())
        return f"<{type(self).__name__} {self.name}: {getattr(self.fn, '__name__', self.fn)}{settings}>"


def check_reduction(reduction: str | None) -> str | None:
    """The reduction, if there is one of that name."""
    if reduction not in REDUCTIONS:
        known = [name for name in REDUCTIONS if name]
        hint = did_you_mean(reduction, known) if isinstance(reduction, str) else ""
        raise ValueError(f"A loss's reduction is one of {', '.join(known)} or None; got {reduction!r}.{hint}")
    return reduction


def in_dtype_of_y_pred(y_true: Tensor, y_pred: Tensor) -> tuple[Any, Any]:
    """Both as arrays, labels in the dtype of the predictions."""
    y_pred = ops.convert_to_tensor(y_pred)
    return ops.convert_to_tensor(y_true, value_of(y_pred).dtype), y_pred


def squeeze_or_expand_to_same_rank(x1: Tensor, x2: Tensor) -> tuple[Any, Any]:
    """(n,) beside (n, 1): expand the first; (n, k, 1) beside (n, k): drop the last axis. Anything else as it is."""
    rank_1, rank_2 = len(x1.shape), len(x2.shape)
    if rank_1 == rank_2 + 1 and x1.shape[-1] == 1:
        if rank_2 == 1:
            x2 = ops.expand_dims(x2, -1)
        else:
            x1 = ops.squeeze(x1, -1)
    elif rank_2 == rank_1 + 1 and x2.shape[-1] == 1:
        if rank_1 == 1:
            x1 = ops.expand_dims(x1, -1)
        else:
            x2 = ops.squeeze(x2, -1)
    return x1, x2


def reduce_weighted(values: Tensor, sample_weight: Any, reduction: str | None) -> Any:
    """Values times weights, reduced; the formulas are in `Loss`.

    A mask is made into weights: 0 for what does not count, and for a mean over n values n / (how many count) for the rest.
    """
    dtype, mask, weight = value_of(values).dtype, mask_of(values), None
    if sample_weight is not None:
        weight = ops.convert_to_tensor(sample_weight, dtype)
    if mask is not None:
        counts = mask.astype(dtype)
        if reduction in ("sum_over_batch_size", "mean") and mask.any():
            counts *= dtype.type(mask.size) / counts.sum()
        if weight is not None:
            counts, weight = squeeze_or_expand_to_same_rank(counts, weight)
            counts = ops.multiply(weight, counts)
        weight = counts
    if weight is not None:
        values, weight = squeeze_or_expand_to_same_rank(values, weight)
        values = ops.multiply(values, weight)
    if reduction in (None, "none") or len(values.shape) == 0:
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        divisor = np.sum(value_of(weight), dtype=value_of(total).dtype)
    else:
        divisor = value_of(total).dtype.type(math.prod(values.shape))
    return ops.divide_no_nan(total, np.asarray(divisor))
