"""Layers that stand in a row of the plan in the place of an affine map, as the loop calls them: x in, out of the same shape.

What forward leaves in arrays of the layer's own, backward may read. In the way back d_out and d_x are one array, but for
layers that change the width: there dL/dout is d_pred, an array beside d_x.
"""

from __future__ import annotations

from tinynn._compiled import compiled, flatten, line, view
from tinynn._typing import Array
from tinynn.kernels import (
    alpha_dropout,
    batch_normalization,
    dropout,
    gaussian_factors,
    glu,
    l1_l2,
    layer_normalization,
)


@compiled
def batch_normalization_training(
    x: Array,
    gamma: Array,
    beta: Array,
    moving_mean: Array,
    moving_variance: Array,
    mean: Array,
    variance: Array,
    inverse: Array,
    epsilon: float,
    momentum: float,
    out: Array,
) -> None:
    batch_normalization.forward_compiled(x, gamma, beta, epsilon, mean, variance, inverse, out)
    batch_normalization.update_compiled(mean, variance, momentum, moving_mean, moving_variance)


@compiled
def batch_normalization_otherwise(
    x: Array,
    gamma: Array,
    beta: Array,
    moving_mean: Array,
    moving_variance: Array,
    inverse: Array,
    epsilon: float,
    out: Array,
) -> None:
    batch_normalization.inference_forward_compiled(x, gamma, beta, epsilon, moving_mean, moving_variance, inverse, out)


@compiled
def batch_normalization_frozen_backward(
    d_out: Array,
    x: Array,
    gamma: Array,
    moving_mean: Array,
    inverse: Array,
    d_x: Array,
    d_gamma: Array,
    d_beta: Array,
) -> None:
    batch_normalization.inference_backward_compiled(d_out, x, gamma, moving_mean, inverse, d_x, d_gamma, d_beta)


@compiled
def group_normalization_forward(
    x: Array,
    gamma: Array,
    beta: Array,
    ones: Array,
    zeros: Array,
    mean: Array,
    inverse: Array,
    groups: int,
    epsilon: float,
    out: Array,
) -> None:
    """Each group of a row is a row of layer normalization; then a scale and an offset for each feature."""
    rows, width = x.shape[0] * groups, x.shape[1] // groups
    normalised = view(flatten(out), 0, rows, width)
    layer_normalization.forward_compiled(
        view(flatten(x), 0, rows, width), ones, zeros, epsilon, mean, inverse, normalised
    )
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[b, i] = out[b, i] * gamma[i] + beta[i]


@compiled
def group_normalization_backward(
    d_out: Array,
    x: Array,
    gamma: Array,
    ones: Array,
    mean: Array,
    inverse: Array,
    d_ones: Array,
    d_zeros: Array,
    groups: int,
    d_x: Array,
    d_gamma: Array,
    d_beta: Array,
) -> None:
    rows, width = x.shape[0] * groups, x.shape[1] // groups
    for i in range(x.shape[1]):
        d_gamma[i] = 0
        d_beta[i] = 0
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            row = b * groups + i // width
            d_gamma[i] += d_out[b, i] * ((x[b, i] - mean[row]) * inverse[row])
            d_beta[i] += d_out[b, i]
            d_x[b, i] = d_out[b, i] * gamma[i]
    d = view(flatten(d_x), 0, rows, width)
    layer_normalization.backward_compiled(d, view(flatten(x), 0, rows, width), ones, mean, inverse, d, d_ones, d_zeros)


# A fixed scale and offset for each column -------------------------------------------------------------------------------


@compiled
def scaled(x: Array, scale: Array, offset: Array, out: Array) -> None:
    """out[b,i] = x[b,i] scale[i] + offset[i]."""
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[b, i] = x[b, i] * scale[i] + offset[i]


@compiled
def scaled_backward(d_out: Array, scale: Array, d_x: Array) -> None:
    for b in range(d_x.shape[0]):
        for i in range(d_x.shape[1]):
            d_x[b, i] = d_out[b, i] * scale[i]


@compiled
def standardized(x: Array, level: Array, deviation: Array, out: Array) -> None:
    """out[b,i] = (x[b,i] - level[i]) / deviation[i]."""
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[b, i] = (x[b, i] - level[i]) / deviation[i]


@compiled
def standardized_backward(d_out: Array, deviation: Array, d_x: Array) -> None:
    for b in range(d_x.shape[0]):
        for i in range(d_x.shape[1]):
            d_x[b, i] = d_out[b, i] / deviation[i]


# Entries in other places, and other widths --------------------------------------------------------------------------------


@compiled
def permuted(x: Array, starts: Array, out: Array) -> None:
    """out[b,i] = x[b, starts[i]]: starts says where each entry comes from."""
    for b in range(x.shape[0]):
        for i in range(starts.size):
            out[b, i] = x[b, starts[i]]


@compiled
def permuted_backward(d_out: Array, starts: Array, turned: Array, d_x: Array) -> None:
    """Back to where it came from, by way of a copy of each row: d_out and d_x are one array."""
    for b in range(d_x.shape[0]):
        for i in range(starts.size):
            turned[i] = d_out[b, i]
        for i in range(starts.size):
            d_x[b, starts[i]] = turned[i]


@compiled
def repeated(x: Array, out: Array) -> None:
    """x (batch, features), out (batch, n features): the sample n times over."""
    features = x.shape[1]
    for b in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[b, i] = x[b, i % features]


@compiled
def repeated_backward(d_pred: Array, d_x: Array) -> None:
    """The sum over the repetitions."""
    features, zero = d_x.shape[1], d_x.dtype.type(0)
    for b in range(d_x.shape[0]):
        for i in range(features):
            d_x[b, i] = zero
        for i in range(d_pred.shape[1]):
            d_x[b, i % features] += d_pred[b, i]


@compiled
def gated(x: Array, out: Array) -> None:
    """x (batch, 2n), out (batch, n)."""
    glu.forward_compiled(x, out)


@compiled
def gated_backward(d_pred: Array, x: Array, d_x: Array) -> None:
    glu.backward_compiled(d_pred, x, d_x)


# Noise -------------------------------------------------------------------------------------------------------------------


@compiled
def gaussian_noise_training(x: Array, seed: int, uses: int, stddev: float, noise: Array, out: Array) -> None:
    """out = x + noise: the derivative is 1."""
    drawn, before, after = line(noise, 0, x.size), flatten(x), flatten(out)
    gaussian_factors.factors_compiled(seed, uses, 0.0, stddev, drawn)
    for i in range(x.size):
        after[i] = before[i] + drawn[i]


@compiled
def gaussian_dropout_training(x: Array, seed: int, uses: int, stddev: float, noise: Array, out: Array) -> None:
    """out = x noise."""
    gaussian_factors.factors_compiled(seed, uses, 1.0, stddev, line(noise, 0, x.size))
    dropout.forward_compiled(x, view(noise, 0, x.shape[0], x.shape[1]), out)


@compiled
def gaussian_dropout_backward(d_out: Array, noise: Array, d_x: Array) -> None:
    dropout.forward_compiled(d_out, view(noise, 0, d_x.shape[0], d_x.shape[1]), d_x)


@compiled
def alpha_dropout_training(x: Array, seed: int, uses: int, rate: float, kept: Array, out: Array) -> None:
    """The mask is that of dropout, of ones."""
    one, zero = out.dtype.type(1), out.dtype.type(0)
    dropout.factors_compiled(seed, uses, rate, x.shape[1], 0, view(kept, 0, x.shape[0], x.shape[1]))
    for i in range(x.size):
        kept[i] = one if kept[i] != zero else zero
    alpha_dropout.forward_compiled(flatten(x), line(kept, 0, x.size), rate, flatten(out))


# A penalty on outputs ----------------------------------------------------------------------------------------------------


@compiled
def activity_penalty(x: Array, share: Array, l1: float, l2: float, out: Array) -> None:
    """out = x; share[0] is what the batch costs, divided by its size."""
    before, after = flatten(x), flatten(out)
    l1_l2.forward_compiled(before, l1, l2, share)
    share[0] /= share.dtype.type(x.shape[0])
    for i in range(x.size):
        after[i] = before[i]


@compiled
def activity_penalty_backward(x: Array, l1: float, l2: float, d_x: Array) -> None:
    """The slope of the penalty joins the gradient."""
    l1_l2.add_gradient(flatten(x), flatten(d_x), l1 / x.shape[0], l2 / x.shape[0])
