"""Normalizations as recorded operations: any axes are moved to where the kernels want them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.tape import Backward, differentiable
from tinynn.kernels import batch_normalization as batch_kernel
from tinynn.kernels import layer_normalization as layer_kernel
from tinynn.kernels import rms_normalization as rms_kernel
from tinynn.kernels import unit_normalization as unit_kernel
from tinynn.ops.arrays import reshape, transpose

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


def batch_normalization(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    axis: int,
    epsilon: float,
    mean: Array,
    variance: Array,
    training: bool,
) -> Any:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, feature by feature.

    Args:
        x: any shape; its axis `axis` is the features, all others are batch.
        gamma, beta: (features,).
        mean, variance: (features,): given, or with `training` filled with those of the batch.
        training: whether the statistics are the batch's; gradients pass through them then.
    """
    rows, back = _features_last(x, [axis])
    operation = _by_batch if training else _by_moving_statistics
    return back(operation(rows, gamma, beta, epsilon=epsilon, mean=mean, variance=variance))


@differentiable
def _by_row(x: Array, gamma: Array, beta: Array, *, epsilon: float) -> Result:
    mean, inverse, out = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype), np.empty_like(x)
    layer_kernel.forward(x, gamma, beta, epsilon, mean, inverse, out)

    def backward(d_out: Array) -> tuple[Array, Array, Array]:
        d_x, d_gamma, d_beta = np.empty_like(x), np.empty_like(gamma), np.empty_like(beta)
        layer_kernel.backward(d_out, x, gamma, mean, inverse, d_x, d_gamma, d_beta)
        return d_x, d_gamma, d_beta

    return out, backward


def layer_normalization(x: Tensor, gamma: Tensor, beta: Tensor, axis: Sequence[int], epsilon: float) -> Any:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over the axes named, for each place of the others.

    gamma, beta have the lengths of those axes as their shape.
    """
    rows, back = _features_last(x, axis)
    return back(_by_row(rows, reshape(gamma, (-1,)), reshape(beta, (-1,)), epsilon=epsilon))


@differentiable
def _by_root_mean_square(x: Array, scale: Array, *, epsilon: float) -> Result:
    inverse, out = np.empty(len(x), x.dtype), np.empty_like(x)
    rms_kernel.forward(x, scale, epsilon, inverse, out)

    def backward(d_out: Array) -> tuple[Array, Array]:
        d_x, d_scale = np.empty_like(x), np.empty_like(scale)
        rms_kernel.backward(d_out, x, scale, inverse, d_x, d_scale)
        return d_x, d_scale

    return out, backward


def rms_normalization(x: Tensor, scale: Tensor, axis: Sequence[int], epsilon: float) -> Any:
    """scale x / sqrt(mean(x^2) + epsilon) over the axes named; scale has their lengths as its shape."""
    rows, back = _features_last(x, axis)
    return back(_by_root_mean_square(rows, reshape(scale, (-1,)), epsilon=epsilon))


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
