"""Focal losses: cross-entropies that care less about what is already right (Lin et al. 2017)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinynn import config, ops
from tinynn._typing import Tensor
from tinynn.engine.recorded import logits_of, value_of
from tinynn.losses.crossentropy import _unit
from tinynn.losses.loss import LossFunctionWrapper, in_dtype_of_y_pred
from tinynn.ops import losses as loss_ops


def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """The mean over an axis of w u^gamma H: H the binary cross-entropy, u one minus the probability of what is true.

    Args:
        y_true: (batch, outputs), y in [0, 1].
        y_pred: (batch, outputs): probabilities, or logits with `from_logits`.
        apply_class_balancing: weigh by w = y alpha + (1 - y) (1 - alpha); else w = 1.
        alpha: the weight of class 1.
        gamma: how much less an easy sample counts; 0 is the plain cross-entropy.
        label_smoothing: s in [0, 1]; y becomes y (1 - s) + s / 2.
        axis: of the mean; the last.

    Returns:
        (batch,)
    """
    y_true, y_pred = in_dtype_of_y_pred(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    settings: dict[str, Any] = {
        "apply_class_balancing": bool(apply_class_balancing),
        "alpha": float(alpha),
        "gamma": float(gamma),
    }
    logits = y_pred if from_logits else logits_of(y_pred)
    if logits is None:
        y_true, y_pred = _on_one_axis(y_true, y_pred, axis)
        return loss_ops.binary_focal_crossentropy(y_true, y_pred, **settings, epsilon=config.epsilon())
    if from_logits or loss_ops.is_sigmoid(y_pred, logits):
        y_true, logits = _on_one_axis(y_true, logits, axis)
        return loss_ops.sigmoid_focal_crossentropy(y_true, logits, **settings)
    # The output of a softmax: Keras takes its logits for those of a sigmoid in H, though not in u.
    right = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    values = ops.power(1.0 - right, float(gamma)) * ops.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        values = (y_true * alpha + (1 - y_true) * (1 - alpha)) * values
    return ops.mean(values, axis=axis)


def _on_one_axis(y_true: Tensor, y_pred: Tensor, axis: int) -> tuple[Any, Any]:
    y_true, y_pred = loss_ops.same_shapes(y_true, y_pred)
    return loss_ops.as_last_axis(y_true, axis), loss_ops.as_last_axis(y_pred, axis)


def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum_k alpha_k (1 - p_k)^gamma y_k log p_k, with p normalised and clipped to [epsilon(), 1 - epsilon()].

    Args:
        y_true: (batch, classes), rows that sum to 1.
        y_pred: (batch, classes): probabilities, or logits with `from_logits`, of which the softmax is taken.
        alpha: the weight of the loss, or one for each class.
        gamma: how much less an easy sample counts; 0 is alpha times the plain cross-entropy.
        label_smoothing: s in [0, 1]; y becomes y (1 - s) + s / classes.
        axis: of the classes; the last.

    Returns:
        (batch,)

    Raises:
        ValueError: y_pred would have to be stretched to y_true's shape; as many weights as there are not classes.
    """
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}")
    y_true, y_pred = in_dtype_of_y_pred(y_true, y_pred)
    if y_pred.shape[-1] == 1:
        warnings.warn(
            "In loss categorical_focal_crossentropy, expected y_pred.shape to be (batch_size, num_classes) with "
            f"num_classes > 1. Received: y_pred.shape={tuple(y_pred.shape)}. Consider using 'binary_crossentropy' if you only "
            "have 2 classes.",
            SyntaxWarning,
            stacklevel=2,
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    if np.broadcast_shapes(y_true.shape, y_pred.shape) != tuple(y_pred.shape):
        raise ValueError(
            "categorical_focal_crossentropy expects y_true and y_pred of the same shape; got "
            f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}. Turn class numbers into one-hot rows: "
            "ops.one_hot(y_true, classes)."
        )
    y_true, y_pred = _on_one_axis(y_true, y_pred, axis)
    classes = y_pred.shape[-1]
    weights = np.asarray(value_of(alpha), value_of(y_pred).dtype)
    if weights.shape not in ((), (1,), (classes,)):
        raise ValueError(
            f"alpha is one weight, or {classes}, one for each class; got an array of shape {weights.shape}."
        )
    weights = np.array(np.broadcast_to(weights, (classes,)))
    return loss_ops.categorical_focal_crossentropy(
        y_true, y_pred, alpha=weights, gamma=float(gamma), epsilon=config.epsilon()
    )


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """`binary_focal_crossentropy`, reduced as `Loss` says: (1 - p_t)^gamma times the cross-entropy.

    p_t is the probability given to the right answer (Lin et al. 2017); y_true and y_pred (batch, outputs).

    Raises:
        ValueError: label_smoothing outside [0, 1].

    Args:
        apply_class_balancing: weigh class 1 by alpha, class 0 by 1 - alpha.
        alpha: see there.
        gamma: how little what is nearly right counts; 0 is the cross-entropy.
        from_logits: y_pred are logits. After an activation of that kind tinynn goes back to the logits by itself.
        label_smoothing: s in [0, 1] makes labels y (1 - s) + s / 2.
        axis: the outputs, over which the mean is taken.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=_unit("label_smoothing", label_smoothing),
            axis=axis,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """`categorical_focal_crossentropy`, reduced as `Loss` says: -sum_k alpha_k (1 - p_k)^gamma y_k log p_k.

    Lin et al. 2017; y_true one-hot, (batch, classes) as y_pred.

    Raises:
        ValueError: label_smoothing outside [0, 1].

    Args:
        alpha: a weight, or one for each class.
        gamma: how little what is nearly right counts; 0 is the cross-entropy.
        from_logits: y_pred are logits.
        label_smoothing: s in [0, 1] makes labels y (1 - s) + s / classes.
        axis: the classes.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight", or None for a value per sample.
        name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=_unit("label_smoothing", label_smoothing),
            axis=axis,
            alpha=alpha,
            gamma=gamma,
        )
