"""The losses of `tinynn.losses` as recorded operations: each names its kernel, where the mathematics is.

The cross-entropies, and mean squared and absolute error, are in `tinynn.ops.nn`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynn._typing import Array, Tensor
from tinynn.engine.recorded import value_of
from tinynn.engine.tape import Backward, differentiable, is_followed
from tinynn.kernels import binary_focal_crossentropy as binary_focal_crossentropy_kernel
from tinynn.kernels import categorical_focal_crossentropy as categorical_focal_crossentropy_kernel
from tinynn.kernels import categorical_hinge as categorical_hinge_kernel
from tinynn.kernels import circle as circle_kernel
from tinynn.kernels import cosine_similarity as cosine_similarity_kernel
from tinynn.kernels import dice as dice_kernel
from tinynn.kernels import generalized_crossentropy as generalized_crossentropy_kernel
from tinynn.kernels import hinge as hinge_kernel
from tinynn.kernels import huber as huber_kernel
from tinynn.kernels import kl_divergence as kl_divergence_kernel
from tinynn.kernels import log_cosh as log_cosh_kernel
from tinynn.kernels import mean_absolute_percentage_error as mean_absolute_percentage_error_kernel
from tinynn.kernels import mean_squared_logarithmic_error as mean_squared_logarithmic_error_kernel
from tinynn.kernels import poisson as poisson_kernel
from tinynn.kernels import sigmoid as sigmoid_kernel
from tinynn.kernels import sigmoid_focal_crossentropy as sigmoid_focal_crossentropy_kernel
from tinynn.kernels import squared_hinge as squared_hinge_kernel
from tinynn.kernels import tversky as tversky_kernel
from tinynn.ops.arrays import reshape, transpose
from tinynn.ops.nn import _same_shapes

Result = tuple[Array, Backward]


def _rowwise(kernel: Any) -> Callable[..., Any]:
    """A kernel with forward(y_true, y_pred, settings, losses) as an operation: (..., outputs) twice -> (...).

    Shapes broadcast; settings are given by name, in the kernel's order.
    """

    def forward(y_true: Array, y_pred: Array, to_true: bool, settings: dict[str, Any]) -> Result:
        losses = np.empty(y_pred.shape[:-1], y_pred.dtype)
        kernel.forward(y_true, y_pred, *settings.values(), losses)

        def backward(d_losses: Array) -> tuple[Array | None, Array]:
            d_pred, d_true = np.empty(y_pred.shape, y_pred.dtype), None
            kernel.backward(d_losses, y_true, y_pred, *settings.values(), d_pred)
            if to_true:
                d_true = np.empty(y_true.shape, y_true.dtype)
                kernel.backward_true(d_losses, y_true, y_pred, *settings.values(), d_true)
            return d_true, d_pred

        return losses, backward

    forward.__name__ = kernel.__name__.rsplit(".", 1)[1]
    recorded = differentiable(forward)

    def operation(y_true: Tensor, y_pred: Tensor, **settings: Any) -> Any:
        y_true, y_pred = _same_shapes(y_true, y_pred)
        if not y_pred.ndim:
            raise ValueError(
                f"{forward.__name__} reduces the last axis, so y_true and y_pred need at least one; got two numbers. "
                "Put them into lists."
            )
        to_true = hasattr(kernel, "backward_true") and is_followed(y_true)  # seldom: targets are data
        return recorded(y_true, y_pred, to_true=to_true, settings=settings)

    operation.__name__, operation.__doc__ = forward.__name__, kernel.forward.__doc__
    return operation


binary_focal_crossentropy = _rowwise(binary_focal_crossentropy_kernel)
categorical_focal_crossentropy = _rowwise(categorical_focal_crossentropy_kernel)
categorical_hinge = _rowwise(categorical_hinge_kernel)
cosine_similarity = _rowwise(cosine_similarity_kernel)
dice = _rowwise(dice_kernel)
hinge = _rowwise(hinge_kernel)
huber = _rowwise(huber_kernel)
kl_divergence = _rowwise(kl_divergence_kernel)
log_cosh = _rowwise(log_cosh_kernel)
mean_absolute_percentage_error = _rowwise(mean_absolute_percentage_error_kernel)
mean_squared_logarithmic_error = _rowwise(mean_squared_logarithmic_error_kernel)
poisson = _rowwise(poisson_kernel)
sigmoid_focal_crossentropy = _rowwise(sigmoid_focal_crossentropy_kernel)
squared_hinge = _rowwise(squared_hinge_kernel)
tversky = _rowwise(tversky_kernel)


@differentiable
def _generalized_crossentropy(labels: Array, probs: Array, q: float) -> Result:
    losses = np.empty(len(probs), probs.dtype)
    generalized_crossentropy_kernel.forward(labels, probs, q, losses)

    def backward(d_losses: Array) -> tuple[None, Array]:
        d_probs = np.empty_like(probs)
        generalized_crossentropy_kernel.backward(d_losses, labels, probs, q, d_probs)
        return None, d_probs

    return losses, backward


def generalized_crossentropy(labels: Array, probs: Tensor, q: float) -> Any:
    """(1 - p^q) / q with p = probs[label]:  labels (...,), integers, probs (..., classes) -> (...)."""
    rows = reshape(probs, (-1, probs.shape[-1]))
    return reshape(_generalized_crossentropy(labels.reshape(-1), rows, q=q), labels.shape)


@differentiable
def _circle(
    labels: Array, y_pred: Array, ref_labels: Array, ref_embeddings: Array, settings: tuple[float, float, bool]
) -> Result:
    losses = np.empty(len(y_pred), y_pred.dtype)
    circle_kernel.forward(labels, y_pred, ref_labels, ref_embeddings, *settings, losses)

    def backward(d_losses: Array) -> tuple[None, Array, None, Array]:
        d_pred, d_ref = np.empty_like(y_pred), np.empty_like(ref_embeddings)
        circle_kernel.backward(d_losses, labels, y_pred, ref_labels, ref_embeddings, *settings, d_pred, d_ref)
        return None, d_pred, None, d_ref

    return losses, backward


def circle(
    labels: Array,
    y_pred: Tensor,
    ref_labels: Array,
    ref_embeddings: Tensor,
    gamma: float,
    margin: float,
    remove_diagonal: bool,
) -> Any:
    """labels (batch,), y_pred (batch, n), ref_labels (refs,), ref_embeddings (refs, n) -> (batch,); y_pred may be both."""
    return _circle(labels, y_pred, ref_labels, ref_embeddings, settings=(gamma, margin, remove_diagonal))


def is_sigmoid(output: Tensor, logits: Tensor) -> bool:
    """Whether an output that remembers its logits came from a sigmoid; a softmax remembers its logits too."""
    expected = np.empty_like(value_of(output))
    sigmoid_kernel.forward(value_of(logits), expected)
    return np.array_equal(value_of(output), expected, equal_nan=True)


# Axes other than the last ----------------------------------------------------------------------------------------------


def same_shapes(y_true: Tensor, y_pred: Tensor) -> tuple[Any, Any]:
    """Both in the dtype of y_pred, stretched to one shape."""
    return _same_shapes(y_true, y_pred)


def as_last_axis(x: Tensor, axis: int | tuple[int, ...] | list[int] | None) -> Any:
    """x with one axis, or several as one, or all (None), moved to the end; the others keep their order.

    Raises:
        ValueError: an axis that x does not have.
    """
    x_shape = tuple(value_of(x).shape)
    wanted = range(len(x_shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    for number in wanted:
        if not -len(x_shape) <= number < len(x_shape):
            raise ValueError(f"axis={axis} is not an axis of an array of shape {x_shape}.")
    last = [number % len(x_shape) for number in wanted]
    if last == [len(x_shape) - 1]:
        return x
    lead = [number for number in range(len(x_shape)) if number not in last]
    moved = transpose(x, [*lead, *last])
    if len(last) == 1:
        return moved
    return reshape(moved, (*(x_shape[number] for number in lead), math.prod(x_shape[number] for number in last)))
