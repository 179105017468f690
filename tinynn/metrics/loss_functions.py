"""Losses that are metrics, too, as far as `tinynn.losses` does not have them yet: plain NumPy, never differentiated."""

from __future__ import annotations

import numpy as np

from tinynn import config, ops
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.losses.loss import squeeze_or_expand_to_same_rank
from tinynn.metrics.metric import plain


def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Array:
    """100 times the mean over the last axis of |y_true - y_pred| / max(|y_true|, fuzz factor)."""
    y_true, y_pred = _pair(y_true, y_pred)
    return np.asarray(100 * (np.abs(y_true - y_pred) / np.maximum(np.abs(y_true), config.epsilon())).mean(axis=-1))


def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Array:
    """The mean over the last axis of (log(1 + y_true) - log(1 + y_pred))^2; what is below the fuzz factor counts as that."""
    y_true, y_pred = _pair(y_true, y_pred)
    logs = [np.log(np.maximum(y, config.epsilon()) + 1) for y in (y_pred, y_true)]
    return np.asarray(np.square(logs[0] - logs[1]).mean(axis=-1))


def log_cosh(y_true: Tensor, y_pred: Tensor) -> Array:
    """The mean over the last axis of log cosh(y_pred - y_true) = x + log(1 + e^-2x) - log 2.

    log 2 is float32's in float64, too, as in Keras: 1.9e-9 too large.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    x = y_pred - y_true
    return np.asarray((x + np.logaddexp(0, -2 * x) - x.dtype.type(np.float32(np.log(2)))).mean(axis=-1))


def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Array:
    """The mean over the last axis of x^2 / 2 where |x| <= delta, else delta |x| - delta^2 / 2; x = y_pred - y_true."""
    y_true, y_pred = _pair(y_true, y_pred)
    x = np.abs(y_pred - y_true)
    bend = x.dtype.type(delta)
    return np.asarray(np.where(x <= bend, np.square(x) / 2, bend * x - bend * bend / 2).mean(axis=-1))


def hinge(y_true: Tensor, y_pred: Tensor) -> Array:
    """The mean over the last axis of max(1 - y_true y_pred, 0), y_true in -1 and 1; zeros and ones become those."""
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    return np.asarray(np.maximum(1 - _signs(y_true) * y_pred, 0).mean(axis=-1))


def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Array:
    """The mean over the last axis of max(1 - y_true y_pred, 0)^2, y_true in -1 and 1; zeros and ones become those."""
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    return np.asarray(np.square(np.maximum(1 - _signs(y_true) * y_pred, 0)).mean(axis=-1))


def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Array:
    """max(best wrong - right + 1, 0) with right = sum y_true y_pred, best wrong = max (1 - y_true) y_pred, last axis."""
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    right, wrong = (y_true * y_pred).sum(axis=-1), ((1 - y_true) * y_pred).max(axis=-1)
    return np.asarray(np.maximum(wrong - right + 1, 0))


def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Array:
    """The sum over the last axis of y_true log(y_true / y_pred), both clipped to [fuzz factor, 1]."""
    y_true, y_pred = (np.clip(y, config.epsilon(), 1) for y in _pair(y_true, y_pred, same_rank=False))
    return np.asarray((y_true * np.log(y_true / y_pred)).sum(axis=-1))


def poisson(y_true: Tensor, y_pred: Tensor) -> Array:
    """The mean over the last axis of y_pred - y_true log(y_pred + fuzz factor)."""
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    return np.asarray((y_pred - y_true * np.log(y_pred + config.epsilon())).mean(axis=-1))


def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """sum_k alpha (1 - p_k)^gamma y_true_k (-log p_k) along the axis (Lin et al. 2017); p normalised and clipped."""
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + label_smoothing / y_true.shape[-1]
    if from_logits:
        y_pred = np.asarray(value_of(ops.softmax(y_pred, axis=axis)))
    fuzz = config.epsilon()
    p = np.clip(y_pred / y_pred.sum(axis=axis, keepdims=True), fuzz, 1 - fuzz)
    return np.asarray(((1 - p) ** gamma * alpha * (-y_true * np.log(p))).sum(axis=axis))


def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """The mean along the axis of (1 - p_t)^gamma times the binary cross-entropy, p_t being the right answer's probability."""
    y_true, y_pred = _pair(y_true, y_pred, same_rank=False)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = np.asarray(value_of(ops.sigmoid(y_pred)))
    surprise = np.asarray(value_of(ops.binary_crossentropy(y_true, y_pred, from_logits=False)))
    right = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    focal = (1 - right) ** gamma * surprise
    if apply_class_balancing:
        focal = (y_true * alpha + (1 - y_true) * (1 - alpha)) * focal
    return np.asarray(focal.mean(axis=axis))


def _pair(y_true: Tensor, y_pred: Tensor, same_rank: bool = True) -> tuple[Array, Array]:
    y_pred = plain(y_pred)
    y_true = plain(y_true).astype(y_pred.dtype)
    return squeeze_or_expand_to_same_rank(y_true, y_pred) if same_rank else (y_true, y_pred)


def _signs(y_true: Array) -> Array:
    """Labels of 0 and 1 as -1 and 1; others as they are."""
    return 2 * y_true - 1 if np.isin(y_true, (0, 1)).all() else y_true
