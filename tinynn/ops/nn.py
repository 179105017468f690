"""Operations of networks: each allocates its outputs and calls its kernel, forward at once, backward in the closure.

This is all that stands between `tinynn/kernels/`, where the mathematics is, and the tape, which walks the closures back.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, BatchShape, Tensor
from tinynn.engine.recorded import logits_of, remember_logits, value_of
from tinynn.engine.tape import Backward, differentiable
from tinynn.kernels import binary_crossentropy as binary_crossentropy_kernel
from tinynn.kernels import bounded_relu as bounded_relu_kernel
from tinynn.kernels import categorical_crossentropy as categorical_crossentropy_kernel
from tinynn.kernels import celu as celu_kernel
from tinynn.kernels import dense as dense_kernel
from tinynn.kernels import elu as elu_kernel
from tinynn.kernels import exponential as exponential_kernel
from tinynn.kernels import gelu as gelu_kernel
from tinynn.kernels import gelu_tanh as gelu_tanh_kernel
from tinynn.kernels import glu as glu_kernel
from tinynn.kernels import hard_shrink as hard_shrink_kernel
from tinynn.kernels import hard_sigmoid as hard_sigmoid_kernel
from tinynn.kernels import hard_silu as hard_silu_kernel
from tinynn.kernels import hard_tanh as hard_tanh_kernel
from tinynn.kernels import leaky_relu as leaky_relu_kernel
from tinynn.kernels import linear as linear_kernel
from tinynn.kernels import log_sigmoid as log_sigmoid_kernel
from tinynn.kernels import log_softmax as log_softmax_kernel
from tinynn.kernels import mean_absolute_error as mean_absolute_error_kernel
from tinynn.kernels import mean_squared_error as mean_squared_error_kernel
from tinynn.kernels import mish as mish_kernel
from tinynn.kernels import prelu as prelu_kernel
from tinynn.kernels import relu as relu_kernel
from tinynn.kernels import selu as selu_kernel
from tinynn.kernels import sigmoid as sigmoid_kernel
from tinynn.kernels import sigmoid_crossentropy as sigmoid_crossentropy_kernel
from tinynn.kernels import silu as silu_kernel
from tinynn.kernels import soft_shrink as soft_shrink_kernel
from tinynn.kernels import softmax as softmax_kernel
from tinynn.kernels import softmax_crossentropy as softmax_crossentropy_kernel
from tinynn.kernels import softplus as softplus_kernel
from tinynn.kernels import softsign as softsign_kernel
from tinynn.kernels import sparse_plus as sparse_plus_kernel
from tinynn.kernels import sparse_sigmoid as sparse_sigmoid_kernel
from tinynn.kernels import sparsemax as sparsemax_kernel
from tinynn.kernels import squareplus as squareplus_kernel
from tinynn.kernels import tanh as tanh_kernel
from tinynn.kernels import tanh_shrink as tanh_shrink_kernel
from tinynn.kernels import threshold as threshold_kernel
from tinynn.ops.arrays import _tensor, broadcast_to, cast, clip, floating, log, reshape, transpose

Result = tuple[Array, Backward]


# Layers and activations ------------------------------------------------------------------------------------------------


@differentiable
def _dense(x: Array, kernel: Array, bias: Array) -> Result:
    out = np.empty((len(x), kernel.shape[1]), np.result_type(x, kernel))
    dense_kernel.forward(x, kernel, bias, out)

    def backward(d_out: Array) -> tuple[Array, Array, Array]:
        d_x, d_kernel, d_bias = np.empty(x.shape, out.dtype), np.empty_like(kernel), np.empty_like(bias)
        dense_kernel.backward(d_out, x, kernel, d_x, d_kernel, d_bias)
        return d_x, d_kernel, d_bias

    return out, backward


def dense(x: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Any:
    """x @ kernel + bias over the last axis: one record on the tape, not three.

    Args:
        x: (..., fan_in); axes before the last are all batch.
        kernel: (fan_in, units).
        bias: (units,), or None for no bias.

    Returns:
        (..., units)
    """
    x = _tensor(x)
    if value_of(x).dtype.kind != "f":
        x = cast(x, value_of(kernel).dtype)
    if bias is None:
        bias = np.zeros(kernel.shape[1], value_of(kernel).dtype)
    if x.ndim == 2:
        return _dense(x, kernel, bias)
    lead = tuple(x.shape[:-1])
    flat = reshape(x, (math.prod(lead), x.shape[-1]))
    return reshape(_dense(flat, kernel, bias), (*lead, kernel.shape[1]))


def _of_entries(kernel: Any, keeps: str) -> Callable[..., Any]:
    """The operation of a kernel that works entry by entry. Settings go to the kernel by name.

    keeps: what its backward pass needs besides d_out, "x" or "out"; "" for nothing.
    """

    def forward(x: Array, **settings: float) -> Result:
        out = np.empty_like(x)
        kernel.forward(x, out=out, **settings)
        kept = {keeps: x if keeps == "x" else out} if keeps else {}

        def backward(d_out: Array) -> Array:
            d_x = np.empty_like(x)
            kernel.backward(d_out, d_x=d_x, **kept, **settings)
            return d_x

        return out, backward

    forward.__name__ = kernel.__name__.rsplit(".", 1)[1]  # which the tape notes
    operation = differentiable(forward)

    def of_any_rank(x: Tensor, **settings: float) -> Any:
        """Kernels fill arrays; a single number is lent an axis."""
        return operation(x, **settings) if x.ndim else reshape(operation(reshape(x, (1,)), **settings), ())

    return of_any_rank


def _of_rows(kernel: Any, keeps: str, halves: bool = False) -> Callable[..., Any]:
    """The operation of a kernel that works along the last axis, along any one axis. halves: that axis becomes half as long."""

    def forward(x: Array, axis: int = -1) -> Result:
        along_last = np.moveaxis(x, axis, -1)
        out = np.empty((*along_last.shape[:-1], along_last.shape[-1] // (2 if halves else 1)), x.dtype)
        kernel.forward(along_last, out=out)
        kept = {keeps: along_last if keeps == "x" else out}

        def backward(d_out: Array) -> Array:
            d_x = np.empty(along_last.shape, x.dtype)
            kernel.backward(np.moveaxis(d_out, axis, -1), d_x=d_x, **kept)
            return np.moveaxis(d_x, -1, axis)

        return np.moveaxis(out, -1, axis), backward

    forward.__name__ = kernel.__name__.rsplit(".", 1)[1]
    return differentiable(forward)


_linear = _of_entries(linear_kernel, keeps="")
_relu = _of_entries(relu_kernel, keeps="out")
_bounded_relu = _of_entries(bounded_relu_kernel, keeps="x")
_leaky_relu = _of_entries(leaky_relu_kernel, keeps="x")
_elu = _of_entries(elu_kernel, keeps="x")
_celu = _of_entries(celu_kernel, keeps="x")
_selu = _of_entries(selu_kernel, keeps="out")
_gelu = _of_entries(gelu_kernel, keeps="x")
_gelu_tanh = _of_entries(gelu_tanh_kernel, keeps="x")
_silu = _of_entries(silu_kernel, keeps="x")
_mish = _of_entries(mish_kernel, keeps="x")
_softplus = _of_entries(softplus_kernel, keeps="x")
_squareplus = _of_entries(squareplus_kernel, keeps="x")
_sparse_plus = _of_entries(sparse_plus_kernel, keeps="x")
_exponential = _of_entries(exponential_kernel, keeps="out")
_tanh = _of_entries(tanh_kernel, keeps="out")
_softsign = _of_entries(softsign_kernel, keeps="x")
_hard_tanh = _of_entries(hard_tanh_kernel, keeps="x")
_sigmoid = _of_entries(sigmoid_kernel, keeps="out")
_log_sigmoid = _of_entries(log_sigmoid_kernel, keeps="x")
_hard_sigmoid = _of_entries(hard_sigmoid_kernel, keeps="out")
_hard_silu = _of_entries(hard_silu_kernel, keeps="x")
_sparse_sigmoid = _of_entries(sparse_sigmoid_kernel, keeps="x")
_soft_shrink = _of_entries(soft_shrink_kernel, keeps="x")
_hard_shrink = _of_entries(hard_shrink_kernel, keeps="x")
_tanh_shrink = _of_entries(tanh_shrink_kernel, keeps="x")
_threshold = _of_entries(threshold_kernel, keeps="x")
_softmax = _of_rows(softmax_kernel, keeps="out")
_log_softmax = _of_rows(log_softmax_kernel, keeps="out")
_sparsemax = _of_rows(sparsemax_kernel, keeps="x")
_glu = _of_rows(glu_kernel, keeps="x", halves=True)


# What follows takes any shape and gives the same shape, in x's dtype; integers become floatx where nothing else is said.
# The formula of each, its derivative and its source are in the kernel of the same name.


def linear(x: Tensor) -> Any:
    """The identity."""
    return _linear(floating(x))


def relu(x: Tensor) -> Any:
    """max(x, 0), with derivative 0 at the kink. Integers stay integers."""
    return _relu(_tensor(x))


def relu6(x: Tensor) -> Any:
    """min(max(x, 0), 6), with derivative 0 at both kinks. Integers stay integers."""
    return _bounded_relu(_tensor(x), negative_slope=0.0, max_value=6.0, threshold=0.0)


def bounded_relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """The relu with all of its options: `tinynn.activations.relu`, which has the formula."""
    if max_value is None and threshold == 0:
        return leaky_relu(x, negative_slope) if negative_slope else relu(x)
    top = math.inf if max_value is None else float(max_value)
    return _bounded_relu(floating(x), negative_slope=negative_slope, max_value=top, threshold=threshold)


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Any:
    """x where x > 0, else negative_slope x. As in TensorFlow the slope is rounded to float32, and integers become float32."""
    x = _tensor(x)
    if value_of(x).dtype.kind != "f":
        x = cast(x, np.float32)
    return _leaky_relu(x, negative_slope=negative_slope)


@differentiable
def _prelu(x: Array, alpha: Array) -> Result:
    out = np.empty_like(x)
    prelu_kernel.forward(x, alpha, out)

    def backward(d_out: Array) -> tuple[Array, Array]:
        d_x, d_alpha = np.empty_like(x), np.empty_like(alpha)
        prelu_kernel.backward(d_out, x, alpha, d_x, d_alpha)
        return d_x, d_alpha

    return out, backward


def prelu(x: Tensor, alpha: Tensor) -> Any:
    """x where x > 0, else alpha x, with learned slopes.

    Args:
        x: (batch, ...).
        alpha: of the shape of one sample, or with axes of length 1 along which slopes are shared.
    """
    x = floating(x)
    shape = tuple(x.shape)
    if tuple(alpha.shape) != shape[1:]:
        alpha = broadcast_to(alpha, shape[1:])
    if len(shape) == 2:
        return _prelu(x, alpha)
    return reshape(_prelu(reshape(x, (shape[0], -1)), reshape(alpha, (-1,))), shape)


def elu(x: Tensor, alpha: float = 1.0) -> Any:
    """x where x >= 0, else alpha (e^x - 1)."""
    return _elu(floating(x), alpha=alpha)


def celu(x: Tensor, alpha: float = 1.0) -> Any:
    """x where x >= 0, else alpha (e^(x / alpha) - 1)."""
    return _celu(floating(x), alpha=alpha)


def selu(x: Tensor) -> Any:
    """1.0507 x where x >= 0, else 1.7581 (e^x - 1)."""
    return _selu(floating(x))


def gelu(x: Tensor, approximate: bool = True) -> Any:
    """x P(N <= x) for a normal N; by tanh unless approximate=False. (In `tinynn.activations` the default is False.)"""
    return (_gelu_tanh if approximate else _gelu)(floating(x))


def silu(x: Tensor) -> Any:
    """x sigmoid(x); `swish` is the same."""
    return _silu(floating(x))


swish = silu


def mish(x: Tensor) -> Any:
    """x tanh(softplus(x))."""
    return _mish(floating(x))


def softplus(x: Tensor) -> Any:
    """log(1 + e^x), exact at both ends."""
    return _softplus(floating(x))


def squareplus(x: Tensor, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    return _squareplus(floating(x), b=b)


def sparse_plus(x: Tensor) -> Any:
    """0 for x <= -1, (x + 1)^2 / 4 between, x for x >= 1."""
    return _sparse_plus(floating(x))


def exponential(x: Tensor) -> Any:
    """e^x."""
    return _exponential(floating(x))


def tanh(x: Tensor) -> Any:
    """The hyperbolic tangent."""
    return _tanh(floating(x))


def softsign(x: Tensor) -> Any:
    """x / (1 + |x|)."""
    return _softsign(floating(x))


def hard_tanh(x: Tensor) -> Any:
    """min(max(x, -1), 1), with derivative 1 at both kinks."""
    return _hard_tanh(floating(x))


def sigmoid(x: Tensor) -> Any:
    """1 / (1 + e^-x). Cross-entropy given this output goes back to the logits x."""
    x = floating(x)
    out = _sigmoid(x)
    remember_logits(out, x)
    return out


def log_sigmoid(x: Tensor) -> Any:
    """log sigmoid(x) = -softplus(-x)."""
    return _log_sigmoid(floating(x))


def hard_sigmoid(x: Tensor) -> Any:
    """min(max(x + 3, 0), 6) / 6, with derivative 0 at both kinks."""
    return _hard_sigmoid(floating(x))


def hard_silu(x: Tensor) -> Any:
    """x hard_sigmoid(x); `hard_swish` is the same."""
    return _hard_silu(floating(x))


hard_swish = hard_silu


def sparse_sigmoid(x: Tensor) -> Any:
    """0 for x <= -1, (x + 1) / 2 between, 1 for x >= 1; derivative 0 at both kinks."""
    return _sparse_sigmoid(floating(x))


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Any:
    """x moved towards 0 by the threshold; 0 where |x| <= threshold."""
    return _soft_shrink(floating(x), threshold=threshold)


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, else 0."""
    return _hard_shrink(floating(x), threshold=threshold)


def tanh_shrink(x: Tensor) -> Any:
    """x - tanh(x)."""
    return _tanh_shrink(floating(x))


def threshold(x: Tensor, threshold: float, default_value: float) -> Any:
    """x where x > threshold, else default_value."""
    return _threshold(floating(x), threshold=threshold, default_value=default_value)


def softmax(x: Tensor, axis: Any = -1) -> Any:
    """e^x / sum e^x along an axis, several together, or all (None).

    Cross-entropy given this output goes back to the logits x, unless several axes were given.
    """
    x = floating(x)
    if isinstance(axis, (tuple, list)):
        return _over_axes(_softmax, x, axis)
    if axis is None:
        out = _over_axes(_softmax, x, axis)
    else:
        warn_of_lone_softmax(tuple(x.shape), axis)
        out = _softmax(x, axis=axis)
    remember_logits(out, x)
    return out


def log_softmax(x: Tensor, axis: Any = -1) -> Any:
    """log softmax(x) along an axis, several together, or all (None); exact where a probability has rounded to 0."""
    x = floating(x)
    if axis is None or isinstance(axis, (tuple, list)):
        return _over_axes(_log_softmax, x, axis)
    return _log_softmax(x, axis=axis)


def sparsemax(x: Tensor, axis: int = -1) -> Any:
    """max(x - tau, 0) along an axis. As in Keras, rows sum to 1 only where a single entry is left: see the kernel."""
    return _sparsemax(floating(x), axis=axis)


def glu(x: Tensor, axis: int = -1) -> Any:
    """a sigmoid(b) for the two halves a and b of an axis, which becomes half as long.

    Raises:
        ValueError: an axis of odd length.
    """
    x = floating(x)
    if x.shape[axis] % 2:
        raise ValueError(f"axis size must be divisible by 2. Received: x.shape={tuple(x.shape)} with axis={axis}")
    return _glu(x, axis=axis)


def _over_axes(operation: Callable[..., Any], x: Tensor, axis: Any) -> Any:
    """An operation along one axis, along several as if they were one; None is all."""
    if axis is None:
        return reshape(operation(reshape(x, (-1,))), tuple(x.shape))
    together = [i % x.ndim for i in axis]
    order = [i for i in range(x.ndim) if i not in together] + together
    turned = transpose(x, order)
    shape = tuple(turned.shape)
    out = operation(reshape(turned, (*shape[: x.ndim - len(together)], -1)))
    return transpose(reshape(out, shape), [order.index(i) for i in range(x.ndim)])


def warn_of_lone_softmax(shape: BatchShape, axis: int = -1) -> None:
    """Say it where a softmax has a single number to choose from."""
    if shape and shape[axis] == 1:
        warnings.warn(
            f"You are using a softmax over axis {axis} of a tensor of shape {shape}. This axis has size 1. The softmax "
            "operation will always return the value 1, which is likely not what you intended. Did you mean to use a sigmoid "
            "instead?",
            stacklevel=3,
        )


# Losses, one value per sample or entry ---------------------------------------------------------------------------------


@differentiable
def _softmax_crossentropy(y_true: Array, logits: Array) -> Result:
    probs, losses = np.empty_like(logits), np.empty(len(logits), logits.dtype)
    softmax_crossentropy_kernel.forward(y_true, logits, probs, losses)

    def backward(d_losses: Array) -> tuple[None, Array]:
        d_logits = np.empty_like(logits)
        softmax_crossentropy_kernel.backward(d_losses, y_true, probs, d_logits)
        return None, d_logits

    return losses, backward


@differentiable
def _sparse_softmax_crossentropy(labels: Array, logits: Array) -> Result:
    probs, losses = np.empty_like(logits), np.empty(len(logits), logits.dtype)
    softmax_crossentropy_kernel.sparse_forward(labels, logits, probs, losses)

    def backward(d_losses: Array) -> tuple[None, Array]:
        d_logits = np.empty_like(logits)
        softmax_crossentropy_kernel.sparse_backward(d_losses, labels, probs, d_logits)
        return None, d_logits

    return losses, backward


@differentiable
def _categorical_crossentropy(y_true: Array, probs: Array, epsilon: float) -> Result:
    losses = np.empty(len(probs), probs.dtype)
    categorical_crossentropy_kernel.forward(y_true, probs, epsilon, losses)

    def backward(d_losses: Array) -> tuple[None, Array]:
        d_probs = np.empty_like(probs)
        categorical_crossentropy_kernel.backward(d_losses, y_true, probs, epsilon, d_probs)
        return None, d_probs

    return losses, backward


@differentiable
def _sigmoid_crossentropy(y_true: Array, logits: Array) -> Result:
    losses = np.empty_like(logits)
    sigmoid_crossentropy_kernel.forward(y_true, logits, losses)

    def backward(d_losses: Array) -> tuple[None, Array]:
        d_logits = np.empty_like(logits)
        sigmoid_crossentropy_kernel.backward(d_losses, y_true, logits, d_logits)
        return None, d_logits

    return losses, backward


@differentiable
def _binary_crossentropy(y_true: Array, probs: Array, epsilon: float) -> Result:
    losses = np.empty_like(probs)
    binary_crossentropy_kernel.forward(y_true, probs, epsilon, losses)

    def backward(d_losses: Array) -> tuple[None, Array]:
        d_probs = np.empty_like(probs)
        binary_crossentropy_kernel.backward(d_losses, y_true, probs, epsilon, d_probs)
        return None, d_probs

    return losses, backward


@differentiable
def _mean_squared_error(y_true: Array, y_pred: Array) -> Result:
    losses = np.empty(y_pred.shape[:-1], y_pred.dtype)
    mean_squared_error_kernel.forward(y_true, y_pred, losses)

    def backward(d_losses: Array) -> tuple[Array, Array]:
        d_pred = np.empty_like(y_pred)
        mean_squared_error_kernel.backward(d_losses, y_true, y_pred, d_pred)
        return -d_pred, d_pred

    return losses, backward


@differentiable
def _mean_absolute_error(y_true: Array, y_pred: Array) -> Result:
    losses = np.empty(y_pred.shape[:-1], y_pred.dtype)
    mean_absolute_error_kernel.forward(y_true, y_pred, losses)

    def backward(d_losses: Array) -> tuple[Array, Array]:
        d_pred = np.empty_like(y_pred)
        mean_absolute_error_kernel.backward(d_losses, y_true, y_pred, d_pred)
        return -d_pred, d_pred

    return losses, backward


def categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum_k target_k log p_k along the last axis, for class probabilities p.

    Args:
        target: (..., classes), rows that sum to 1.
        output: (..., classes): probabilities, or logits with `from_logits`. Probabilities that come from a softmax are
            traced back to their logits; others are normalised and clipped to [epsilon, 1 - epsilon].

    Returns:
        (...,): one loss per sample.

    Raises:
        ValueError: shapes that differ, or an axis other than the last.
    """
    target, output = _tensor(target), floating(output)
    _same_shape("categorical_crossentropy", target, output)
    _last_axis("categorical_crossentropy", axis, output)
    output, from_logits = _back_to_logits(output, from_logits, "softmax", "categorical_crossentropy")
    target = cast(value_of(target), value_of(output).dtype)
    target, output, lead = _as_rows(target), _as_rows(output), output.shape[:-1]
    if from_logits:
        losses = _softmax_crossentropy(target, output)
    else:
        losses = _categorical_crossentropy(target, output, epsilon=config.epsilon())
    return losses if len(lead) == 1 else reshape(losses, lead)


def sparse_categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Any:
    """-log p[target] for class numbers: `categorical_crossentropy` without writing out the zeros.

    Args:
        target: (...,) or (..., 1), whole numbers in [0, classes).
        output: (..., classes): probabilities, or logits with `from_logits`. Probabilities that come from a softmax are
            traced back to their logits; others are clipped to [epsilon, 1 - epsilon] and their logarithms taken as logits.

    Returns:
        (...,): one loss per sample.

    Raises:
        ValueError: labels outside [0, classes), or shapes that do not fit.
    """
    target, output = _tensor(target), floating(output)
    _last_axis("sparse_categorical_crossentropy", axis, output)
    output, from_logits = _back_to_logits(output, from_logits, "softmax", "sparse_categorical_crossentropy")
    labels = value_of(target).astype(np.int64)
    if labels.ndim == output.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.shape != tuple(output.shape[:-1]):
        raise ValueError(
            f"sparse_categorical_crossentropy expects labels of shape {tuple(output.shape[:-1])} for outputs of shape "
            f"{output.shape}; got {tuple(target.shape)}. One-hot labels go with categorical_crossentropy."
        )
    classes = output.shape[-1]
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        wrong = labels[(labels < 0) | (labels >= classes)].flat[0]
        enlarge = f", or give the last layer {labels.max() + 1} units" if labels.max() >= classes else ""
        raise ValueError(
            f"sparse_categorical_crossentropy expects labels in 0..{classes - 1} for {classes} outputs; got {wrong}. "
            f"Number the classes from 0{enlarge}."
        )
    if not from_logits:
        epsilon = config.epsilon()
        output = log(clip(output, epsilon, 1 - epsilon))
    losses = _sparse_softmax_crossentropy(labels.reshape(-1), _as_rows(output))
    return losses if labels.ndim == 1 else reshape(losses, labels.shape)


def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Any:
    """-(y log p + (1 - y) log(1 - p)) entry by entry: each entry its own yes or no.

    Args:
        target: y in [0, 1], any shape.
        output: the same shape: probabilities, or logits with `from_logits`. Probabilities that come from a sigmoid are
            traced back to their logits; others are clipped to [epsilon, 1 - epsilon].

    Raises:
        ValueError: shapes that differ.
    """
    target, output = _tensor(target), floating(output)
    _same_shape("binary_crossentropy", target, output)
    output, from_logits = _back_to_logits(output, from_logits, "sigmoid", "binary_crossentropy")
    target = cast(value_of(target), value_of(output).dtype)
    if from_logits:
        return _sigmoid_crossentropy(target, output)
    return _binary_crossentropy(target, output, epsilon=config.epsilon())


def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean of (y_true - y_pred)^2 over the last axis, one value per sample; shapes broadcast."""
    return _mean_squared_error(*_same_shapes(y_true, y_pred))


def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Any:
    """The mean of |y_true - y_pred| over the last axis, one value per sample; shapes broadcast."""
    return _mean_absolute_error(*_same_shapes(y_true, y_pred))


def _same_shapes(y_true: Tensor, y_pred: Tensor) -> tuple[Any, Any]:
    """Both in the dtype of y_pred, stretched to one shape."""
    y_pred = floating(y_pred)
    y_true = cast(_tensor(y_true), value_of(y_pred).dtype)
    if tuple(y_true.shape) == tuple(y_pred.shape):
        return y_true, y_pred
    both = np.broadcast_shapes(y_true.shape, y_pred.shape)
    return broadcast_to(y_true, both), broadcast_to(y_pred, both)


def one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: Any = None) -> Array:
    """Class numbers as rows of zeros with a one at the class; numbers out of range give a row of zeros."""
    labels = value_of(_tensor(x)).astype(np.int64)
    rows = (labels[..., None] == np.arange(num_classes)).astype(dtype or config.floatx())
    return rows if axis == -1 else np.moveaxis(rows, -1, axis)


def _back_to_logits(output: Tensor, from_logits: bool, activation: str, where: str) -> tuple[Tensor, bool]:
    """The logits that an activation's output came from, when it remembers them; see `tinynn.engine.recorded`."""
    logits = logits_of(output)
    if logits is None:
        return output, from_logits
    if from_logits:
        warnings.warn(
            f'"`{where}` received `from_logits=True`, but the `output` argument was produced by a {activation.title()} '
            "activation and thus does not represent logits. Was this intended?",
            stacklevel=4,
        )
    return logits, True


def _as_rows(x: Tensor) -> Any:
    return x if x.ndim == 2 else reshape(x, (-1, x.shape[-1]))


def _same_shape(where: str, target: Tensor, output: Tensor) -> None:
    if tuple(target.shape) != tuple(output.shape):
        hint = " Class numbers go with sparse_categorical_crossentropy." if where.startswith("categorical") else ""
        raise ValueError(
            f"{where} expects y_true and y_pred of the same shape; got {tuple(target.shape)} and {tuple(output.shape)}.{hint}"
        )


def _last_axis(where: str, axis: int, output: Tensor) -> None:
    if axis not in (-1, output.ndim - 1):
        raise ValueError(f"{where} works along the last axis; got axis={axis}. Move the classes there first.")


# `keras.ops.nn` -----------------------------------------------------------------------------------------------------------

_ELSEWHERE = (
    *("batch_normalization", "layer_normalization", "moments", "multi_hot", "normalize", "polar", "psnr"),
    "rms_normalization",
)
"""Names of it that stand in other files."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        from tinynn import ops

        return getattr(ops, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
