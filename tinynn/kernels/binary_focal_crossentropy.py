"""Focal loss of yes-or-no questions: cross-entropy that cares less about what is already right (Lin et al. 2017).

Taken from probabilities that did not come out of our own sigmoid; `sigmoid_focal_crossentropy` takes the logits.
"""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array
from tinynn.kernels.categorical_crossentropy import clip, inside


def forward(
    y_true: Array,
    probs: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    epsilon: float,
    losses: Array,
) -> None:
    """losses[b] = (1/K) sum_k w u^gamma H, over the last axis of any shape, with y = y_true[b,k], p = probs[b,k] and

    H = -(y log c + (1 - y) log(1 - c)),  c = clip(p, epsilon, 1 - epsilon)        the cross-entropy
    u = 1 - (y p + (1 - y) (1 - p))                                                how far p is from right, in [0, 1]
    w = y alpha + (1 - y) (1 - alpha) with apply_class_balancing, else 1           the weight of the class
    """
    entropy, _ = _entropy(y_true, probs, epsilon)
    weight = class_weight(y_true, apply_class_balancing, alpha)
    losses[...] = (weight * miss(y_true, probs) ** gamma * entropy).mean(axis=-1)


def backward(
    d_losses: Array,
    y_true: Array,
    probs: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    epsilon: float,
    d_probs: Array,
) -> None:
    """The product rule, with du/dp = 1 - 2 y:  w (u^gamma dH/dp + gamma u^(gamma-1) (1 - 2 y) H).

    dH/dp = (1 - y) / (1 - c) - y / c, and 0 where the clip is at work. 1/K is the mean's share.
    """
    entropy, d_entropy = _entropy(y_true, probs, epsilon)
    u, weight = miss(y_true, probs), class_weight(y_true, apply_class_balancing, alpha)
    slope = u**gamma * d_entropy + power_slope(u, gamma) * (1 - 2 * y_true) * entropy
    d_probs[...] = weight * slope * (d_losses[..., None] / probs.shape[-1])


def _entropy(y_true: Array, probs: Array, epsilon: float) -> tuple[Array, Array]:
    """H and dH/dp."""
    c = clip(probs, epsilon)
    entropy = -(y_true * np.log(c) + (1 - y_true) * np.log(1 - c))
    return entropy, np.where(inside(probs, epsilon), (1 - y_true) / (1 - c) - y_true / c, 0)


def miss(y_true: Array, probs: Array) -> Array:
    """u, one minus the probability of what is true."""
    return np.asarray(1 - (y_true * probs + (1 - y_true) * (1 - probs)))


def class_weight(y_true: Array, apply_class_balancing: bool, alpha: float) -> Array | int:
    """w."""
    return y_true * alpha + (1 - y_true) * (1 - alpha) if apply_class_balancing else 1


def power_slope(u: Array, gamma: float) -> Array:
    """gamma u^(gamma-1); 0 at u = 0, where gamma < 1 would make it infinite, and TensorFlow's gradient NaN."""
    safe = np.where(u == 0, 1, u) if gamma < 1 else u
    return np.asarray(np.where((u == 0) & (gamma < 1), 0, gamma * safe ** (gamma - 1)))


@compiled
def forward_compiled(
    y_true: Array,
    probs: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    epsilon: float,
    losses: Array,
) -> None:
    """y_true, probs (batch, outputs); losses (batch,)."""
    real = probs.dtype.type
    low, high, one, outputs = real(epsilon), real(1 - epsilon), real(1), real(probs.shape[1])
    yes, no = real(alpha), real(1 - alpha)
    for b in range(probs.shape[0]):
        total = real(0)
        for k in range(probs.shape[1]):
            p, y = probs[b, k], y_true[b, k]
            c = low if p < low else (high if p > high else p)
            entropy = -(y * log(c) + (one - y) * log(one - c))
            u = one - (y * p + (one - y) * (one - p))
            weight = y * yes + (one - y) * no if apply_class_balancing else one
            total += weight * u ** real(gamma) * entropy
        losses[b] = total / outputs


@compiled
def backward_compiled(
    d_losses: Array,
    y_true: Array,
    probs: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    epsilon: float,
    d_probs: Array,
) -> None:
    real = probs.dtype.type
    low, high, one, outputs = real(epsilon), real(1 - epsilon), real(1), real(probs.shape[1])
    yes, no = real(alpha), real(1 - alpha)
    for b in range(probs.shape[0]):
        share = d_losses[b] / outputs
        for k in range(probs.shape[1]):
            p, y = probs[b, k], y_true[b, k]
            c = low if p < low else (high if p > high else p)
            entropy = -(y * log(c) + (one - y) * log(one - c))
            d_entropy = (one - y) / (one - c) - y / c if low <= p <= high else real(0)
            u = one - (y * p + (one - y) * (one - p))
            d_power = real(0) if u == real(0) and gamma < 1 else real(gamma) * u ** real(gamma - 1)
            weight = y * yes + (one - y) * no if apply_class_balancing else one
            slope = u ** real(gamma) * d_entropy + d_power * (one - real(2) * y) * entropy
            d_probs[b, k] = weight * slope * share
