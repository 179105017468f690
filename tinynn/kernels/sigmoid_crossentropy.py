"""Binary cross-entropy of a sigmoid, from its logits: one yes-or-no question per entry."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp
from tinynn._typing import Array
from tinynn.kernels import sigmoid
from tinynn.kernels.elementary import log1p


def forward(y_true: Array, logits: Array, losses: Array) -> None:
    """losses = -y log s - (1 - y) log(1 - s) with s = sigmoid(logits), y = y_true; any shape, entry by entry.

    log s = -log(1 + e^-x) and log(1 - s) = -x - log(1 + e^-x), so the loss is  x - x y + log(1 + e^-x).  For x < 0 the
    last term would overflow; there it equals -x + log(1 + e^x). Both cases in one line:

    losses = max(x, 0) - x y + log(1 + e^-|x|)
    """
    x = logits
    positive = x.real > 0  # .real: the complex-step oracle passes complex logits
    losses[:] = np.where(positive, x, 0) - x * y_true + np.log1p(np.exp(np.where(positive, -x, x)))


def backward(d_losses: Array, y_true: Array, logits: Array, d_logits: Array) -> None:
    """The derivative of the line x - x y + log(1 + e^-x) is 1 - y - (1 - s) = s - y."""
    sigmoid.forward(logits, d_logits)
    d_logits -= y_true
    d_logits *= d_losses


@compiled
def forward_compiled(y_true: Array, logits: Array, losses: Array) -> None:
    """All (batch, outputs)."""
    zero, one = losses.dtype.type(0), losses.dtype.type(1)
    for b in range(logits.shape[0]):
        for k in range(logits.shape[1]):
            x = logits[b, k]
            losses[b, k] = (x if x > zero else zero) - x * y_true[b, k] + log1p(exp(-abs(x)), one)


@compiled
def backward_compiled(d_losses: Array, y_true: Array, logits: Array, d_logits: Array) -> None:
    zero, one = d_logits.dtype.type(0), d_logits.dtype.type(1)
    for b in range(logits.shape[0]):
        for k in range(logits.shape[1]):
            e = exp(-abs(logits[b, k]))
            s = (e if logits[b, k] < zero else one) / (one + e)
            d_logits[b, k] = (s - y_true[b, k]) * d_losses[b, k]
