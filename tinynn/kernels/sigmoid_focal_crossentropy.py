"""Focal loss of a sigmoid, from its logits: see `binary_focal_crossentropy` for what it is, `sigmoid_crossentropy` for why."""

from __future__ import annotations

from tinynn._compiled import compiled, exp
from tinynn._typing import Array
from tinynn.kernels import sigmoid, sigmoid_crossentropy
from tinynn.kernels.binary_focal_crossentropy import class_weight, miss, power_slope
from tinynn.kernels.elementary import log1p


def forward(
    y_true: Array, logits: Array, apply_class_balancing: bool, alpha: float, gamma: float, losses: Array
) -> None:
    """losses[b] = (1/K) sum_k w u^gamma H, over the last axis of any shape: w and u as in `binary_focal_crossentropy`, with

    p = s = sigmoid(x),  x = logits[b,k],   H = max(x, 0) - x y + log(1 + e^-|x|)    the cross-entropy, exact however large |x|
    """
    s, entropy = _parts(y_true, logits)
    weight = class_weight(y_true, apply_class_balancing, alpha)
    losses[...] = (weight * miss(y_true, s) ** gamma * entropy).mean(axis=-1)


def backward(
    d_losses: Array,
    y_true: Array,
    logits: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    d_logits: Array,
) -> None:
    """dH/dx = s - y and du/dx = (1 - 2 y) s (1 - s):  w (u^gamma (s - y) + gamma u^(gamma-1) (1 - 2 y) s (1 - s) H)."""
    s, entropy = _parts(y_true, logits)
    u, weight = miss(y_true, s), class_weight(y_true, apply_class_balancing, alpha)
    slope = u**gamma * (s - y_true) + power_slope(u, gamma) * (1 - 2 * y_true) * (s * (1 - s)) * entropy
    d_logits[...] = weight * slope * (d_losses[..., None] / logits.shape[-1])


def _parts(y_true: Array, logits: Array) -> tuple[Array, Array]:
    s, entropy = logits.copy(), logits.copy()
    sigmoid.forward(logits, s)
    sigmoid_crossentropy.forward(y_true, logits, entropy)
    return s, entropy


@compiled
def forward_compiled(
    y_true: Array, logits: Array, apply_class_balancing: bool, alpha: float, gamma: float, losses: Array
) -> None:
    """y_true, logits (batch, outputs); losses (batch,)."""
    real = logits.dtype.type
    zero, one, outputs, yes, no = real(0), real(1), real(logits.shape[1]), real(alpha), real(1 - alpha)
    for b in range(logits.shape[0]):
        total = zero
        for k in range(logits.shape[1]):
            x, y = logits[b, k], y_true[b, k]
            e = exp(-abs(x))
            s = (e if x < zero else one) / (one + e)
            entropy = (x if x > zero else zero) - x * y + log1p(e, one)
            u = one - (y * s + (one - y) * (one - s))
            weight = y * yes + (one - y) * no if apply_class_balancing else one
            total += weight * u ** real(gamma) * entropy
        losses[b] = total / outputs


@compiled
def backward_compiled(
    d_losses: Array,
    y_true: Array,
    logits: Array,
    apply_class_balancing: bool,
    alpha: float,
    gamma: float,
    d_logits: Array,
) -> None:
    real = logits.dtype.type
    zero, one, outputs, yes, no = real(0), real(1), real(logits.shape[1]), real(alpha), real(1 - alpha)
    for b in range(logits.shape[0]):
        share = d_losses[b] / outputs
        for k in range(logits.shape[1]):
            x, y = logits[b, k], y_true[b, k]
            e = exp(-abs(x))
            s = (e if x < zero else one) / (one + e)
            entropy = (x if x > zero else zero) - x * y + log1p(e, one)
            u = one - (y * s + (one - y) * (one - s))
            d_power = zero if u == zero and gamma < 1 else real(gamma) * u ** real(gamma - 1)
            weight = y * yes + (one - y) * no if apply_class_balancing else one
            slope = u ** real(gamma) * (s - y) + d_power * (one - real(2) * y) * (s * (one - s)) * entropy
            d_logits[b, k] = weight * slope * share
