"""Operations of networks: each allocates its outputs and calls its kernel, forward at once, backward in the closure.

This is all that stands between `tinynn/kernels/`, where the mathematics is, and the tape, which walks the closures back.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from tinynn import config
from tinynn._typing import Array, BatchShape, Tensor
from tinynn.engine.recorded import logits_of, remember_logits, value_of
from tinynn.engine.tape import Backward, differentiable
from tinynn.kernels import binary_crossentropy as binary_crossentropy_kernel
from tinynn.kernels import categorical_crossentropy as categorical_crossentropy_kernel
from tinynn.kernels import dense as dense_kernel
from tinynn.kernels import linear as linear_kernel
from tinynn.kernels import mean_absolute_error as mean_absolute_error_kernel
from tinynn.kernels import mean_squared_error as mean_squared_error_kernel
from tinynn.kernels import relu as relu_kernel
from tinynn.kernels import sigmoid as sigmoid_kernel
from tinynn.kernels import sigmoid_crossentropy as sigmoid_crossentropy_kernel
from tinynn.kernels import softmax as softmax_kernel
from tinynn.kernels import softmax_crossentropy as softmax_crossentropy_kernel
from tinynn.kernels import tanh as tanh_kernel
from tinynn.ops.arrays import _tensor, broadcast_to, cast, clip, floating, log, reshape

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


@differentiable
def _linear(x: Array) -> Result:
    out = np.empty_like(x)
    linear_kernel.forward(x, out)

    def backward(d_out: Array) -> Array:
        d_x = np.empty_like(x)
        linear_kernel.backward(d_out, d_x)
        return d_x

    return out, backward


@differentiable
def _relu(x: Array) -> Result:
    out = np.empty_like(x)
    relu_kernel.forward(x, out)

    def backward(d_out: Array) -> Array:
        d_x = np.empty_like(x)
        relu_kernel.backward(d_out, out, d_x)
        return d_x

    return out, backward


@differentiable
def _tanh(x: Array) -> Result:
    out = np.empty_like(x)
    tanh_kernel.forward(x, out)

    def backward(d_out: Array) -> Array:
        d_x = np.empty_like(x)
        tanh_kernel.backward(d_out, out, d_x)
        return d_x

    return out, backward


@differentiable
def _sigmoid(x: Array) -> Result:
    out = np.empty_like(x)
    sigmoid_kernel.forward(x, out)

    def backward(d_out: Array) -> Array:
        d_x = np.empty_like(x)
        sigmoid_kernel.backward(d_out, out, d_x)
        return d_x

    return out, backward


@differentiable
def _softmax(x: Array, axis: int = -1) -> Result:
    along_last = np.moveaxis(x, axis, -1)
    out = np.empty_like(along_last)
    softmax_kernel.forward(along_last, out)

    def backward(d_out: Array) -> Array:
        d_x = np.empty_like(out)
        softmax_kernel.backward(np.moveaxis(d_out, axis, -1), out, d_x)
        return np.moveaxis(d_x, -1, axis)

    return np.moveaxis(out, -1, axis), backward


def linear(x: Tensor) -> Any:
    """The identity."""
    return _of_any_rank(_linear, floating(x))


def relu(x: Tensor) -> Any:
    """max(x, 0), with derivative 0 at the kink."""
    return _of_any_rank(_relu, _tensor(x))


def tanh(x: Tensor) -> Any:
    """The hyperbolic tangent."""
    return _of_any_rank(_tanh, floating(x))


def sigmoid(x: Tensor) -> Any:
    """1 / (1 + e^-x). Cross-entropy given this output goes back to the logits x."""
    x = floating(x)
    out = _of_any_rank(_sigmoid, x)
    remember_logits(out, x)
    return out


def softmax(x: Tensor, axis: int = -1) -> Any:
    """e^x / sum e^x along an axis. Cross-entropy given this output goes back to the logits x."""
    x = floating(x)
    warn_of_lone_softmax(tuple(x.shape), axis)
    out = _softmax(x, axis=axis)
    remember_logits(out, x)
    return out


def warn_of_lone_softmax(shape: BatchShape, axis: int = -1) -> None:
    """Say it where a softmax has a single number to choose from."""
    if shape and shape[axis] == 1:
        warnings.warn(
            f"You are using a softmax over axis {axis} of a tensor of shape {shape}. This axis has size 1. The softmax "
            "operation will always return the value 1, which is likely not what you intended. Did you mean to use a sigmoid "
            "instead?",
            stacklevel=3,
        )


def _of_any_rank(activation: Any, x: Tensor) -> Any:
    """Kernels fill arrays; a single number is lent an axis."""
    return activation(x) if x.ndim else reshape(activation(reshape(x, (1,))), ())


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
