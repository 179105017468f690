"""Normalizations as recorded operations: any axes are moved to where the kernels want them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import Backward, differentiable
from tinynn.kernels import batch_normalization as batch_kernel
from tinynn.kernels import layer_normalization as layer_kernel
from tinynn.kernels import rms_normalization as rms_kernel
from tinynn.kernels import unit_normalization as unit_kernel
from tinynn.ops.arrays import add, cast, floating, multiply, negative, reshape, subtract, transpose
from tinynn.ops.elementwise import rsqrt

Result = tuple[Array, Backward]


@differentiable
def _by_batch(x: Array, gamma: Array, beta: Array, *, epsilon: float, mean: Array, variance: Array) -> Result:
    inverse, out = np.empty_like(mean), np.empty_like(x)
    batch_kernel.forward(x, gamma, beta, epsilon, mean, variance, inverse, out)
    own_mean = mean.copy()

    def backward(d_out: Array) -> tuple[Array, Array, Array]:
        d_x, d_gamma, d_beta = np.empty_like(x), np.empty_like(gamma), np.empty_like(beta)
        batch_kernel.backward(d_out, x, gamma, own_mean, inverse, d_x, d_gamma, d_beta)
        return d_x, d_gamma, d_beta

    return out, backward


@differentiable
def _by_moving_statistics(
    x: Array, gamma: Array, beta: Array, *, epsilon: float, mean: Array, variance: Array
) -> Result:
    inverse, out = np.empty_like(mean), np.empty_like(x)
    batch_kernel.inference_forward(x, gamma, beta, epsilon, mean, variance, inverse, out)
    own_mean = mean.copy()

    def backward(d_out: Array) -> tuple[Array, Array, Array]:
        d_x, d_gamma, d_beta = np.empty_like(x), np.empty_like(gamma), np.empty_like(beta)
        batch_kernel.inference_backward(d_out, x, gamma, own_mean, inverse, d_x, d_gamma, d_beta)
        return d_x, d_gamma, d_beta

    return out, backward


def normalization_by_batch(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    axis: int,
    epsilon: float,
    mean: Array,
    variance: Array,
    training: bool,
) -> Any:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, feature by feature: what the layer does.

    Args:
        x: any shape; its axis `axis` is the features, all others are batch.
        gamma, beta: (features,).
        mean, variance: (features,): given, or with `training` filled with those of the batch.
        training: whether the statistics are the batch's; gradients pass through them then.
    """
    rows, back = _features_last(x, [axis])
    operation = _by_batch if training else _by_moving_statistics
    return back(operation(rows, gamma, beta, epsilon=epsilon, mean=mean, variance=variance))


def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 1e-3,
) -> Any:
    """scale (x - mean) / sqrt(variance + epsilon) + offset, feature by feature (Ioffe & Szegedy 2015).

    Differentiated by mean and variance as well; take those of the batch from `ops.moments`.

    Args:
        x: any shape; its axis `axis` is the features.
        mean, variance: (features,).
        offset: (features,), added; None for 0.
        scale: (features,); None for 1.
    """
    shape = [1] * len(x.shape)
    shape[axis] = -1

    def along(values: Tensor) -> Any:
        return reshape(values, tuple(shape))

    inverse = rsqrt(add(along(variance), epsilon))
    if scale is not None:
        inverse = multiply(inverse, along(scale))
    shift = multiply(along(mean), inverse)
    return add(multiply(x, inverse), negative(shift) if offset is None else subtract(along(offset), shift))


@differentiable
def _by_row(x: Array, gamma: Array, beta: Array, *, epsilon: float) -> Result:
    mean, inverse, out = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype), np.empty_like(x)
    layer_kernel.forward(x, gamma, beta, epsilon, mean, inverse, out)

    def backward(d_out: Array) -> tuple[Array, Array, Array]:
        d_x, d_gamma, d_beta = np.empty_like(x), np.empty_like(gamma), np.empty_like(beta)
        layer_kernel.backward(d_out, x, gamma, mean, inverse, d_x, d_gamma, d_beta)
        return d_x, d_gamma, d_beta

    return out, backward


def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
) -> Any:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over the axes named, for each place of the others.

    Args:
        x: any shape.
        gamma, beta: of the shape that those axes have; None for 1 and 0.
        axis: one axis or several (Ba et al. 2016).
        epsilon: `config.epsilon()` by default.
    """
    x = floating(x)
    rows, back = _features_last(x, [axis] if isinstance(axis, int) else axis)
    gamma, beta = _along(gamma, 1, rows), _along(beta, 0, rows)
    return back(_by_row(rows, gamma, beta, epsilon=config.epsilon() if epsilon is None else epsilon))


@differentiable
def _by_root_mean_square(x: Array, scale: Array, *, epsilon: float) -> Result:
    inverse, out = np.empty(len(x), x.dtype), np.empty_like(x)
    rms_kernel.forward(x, scale, epsilon, inverse, out)

    def backward(d_out: Array) -> tuple[Array, Array]:
        d_x, d_scale = np.empty_like(x), np.empty_like(scale)
        rms_kernel.backward(d_out, x, scale, inverse, d_x, d_scale)
        return d_x, d_scale

    return out, backward


def rms_normalization(
    x: Tensor, scale: Tensor | None = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Any:
    """scale x / sqrt(mean(x^2) + epsilon), the mean over the axes named (Zhang & Sennrich 2019).

    Args:
        x: any shape.
        scale: of the shape that those axes have; None for 1.
        axis: one axis or several.
        epsilon: `config.epsilon()` by default.
    """
    x = floating(x)
    rows, back = _features_last(x, [axis] if isinstance(axis, int) else axis)
    return back(
        _by_root_mean_square(rows, _along(scale, 1, rows), epsilon=config.epsilon() if epsilon is None else epsilon)
    )


@differentiable
def _by_length(x: Array, *, epsilon: float) -> Result:
    inverse, out = np.empty(len(x), x.dtype), np.empty_like(x)
    unit_kernel.forward(x, epsilon, inverse, out)

    def backward(d_out: Array) -> Array:
        d_x = np.empty_like(x)
        unit_kernel.backward(d_out, out, epsilon, inverse, d_x)
        return d_x

    return out, backward


def unit_normalization(x: Tensor, axis: Sequence[int], epsilon: float) -> Any:
    """x / |x|, the length taken over the axes named; lengths below epsilon count as epsilon."""
    rows, back = _features_last(x, axis)
    return back(_by_length(rows, epsilon=epsilon))


def _along(values: Tensor | None, default: float, rows: Tensor) -> Any:
    """A number for each feature, in the rows' dtype."""
    if values is None:
        return np.full(rows.shape[1], default, value_of(rows).dtype)
    values = cast(values, value_of(rows).dtype)
    return values if len(values.shape) == 1 else reshape(values, (-1,))


def _features_last(x: Tensor, axis: Sequence[int]) -> tuple[Any, Any]:
    """x as rows of the features along the axes named, and the way back to x's shape."""
    shape, ndim = tuple(x.shape), len(x.shape)
    features = sorted(i % ndim for i in axis)
    order = [i for i in range(ndim) if i not in features] + features
    moved = tuple(shape[i] for i in order)
    width = math.prod(shape[i] for i in features)
    in_order = order == list(range(ndim))
    rows = x if in_order else transpose(x, order)
    rows = reshape(rows, (-1 if width else 0, width)) if len(moved) != 2 or len(features) != 1 else rows

    def back(out: Tensor) -> Any:
        if out.shape != moved:
            out = reshape(out, moved)
        return out if in_order else transpose(out, [int(i) for i in np.argsort(order)])

    return rows, back
