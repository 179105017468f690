"""The Poisson loss: for counts, whose predicted mean is y_pred (the negative log-likelihood without log y_true!)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, log
from tinynn._typing import Array


def forward(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """losses[b] = (1/K) sum_k y_pred[b,k] - y_true[b,k] log(y_pred[b,k] + epsilon), over the last axis of any shape.

    y counts events of mean p with probability p^y e^-p / y!, so -log of it is p - y log p + log y!; the last term does not
    depend on p and is left out. epsilon keeps log finite at p = 0.
    """
    losses[...] = (y_pred - y_true * np.log(y_pred + y_pred.dtype.type(epsilon))).mean(axis=-1)


def backward(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    """1 - y_true / (y_pred + epsilon); 1/K is the mean's share."""
    d_pred[...] = (1 - y_true / (y_pred + y_pred.dtype.type(epsilon))) * (d_losses[..., None] / y_pred.shape[-1])


def backward_true(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_true: Array) -> None:
    """By y_true, when a tape asks: -log(y_pred + epsilon)."""
    d_true[...] = -np.log(y_pred + y_pred.dtype.type(epsilon)) * (d_losses[..., None] / y_pred.shape[-1])


@compiled
def forward_compiled(y_true: Array, y_pred: Array, epsilon: float, losses: Array) -> None:
    """y_true, y_pred (batch, outputs); losses (batch,)."""
    real = y_pred.dtype.type
    low, outputs = real(epsilon), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        total = real(0)
        for k in range(y_pred.shape[1]):
            total += y_pred[b, k] - y_true[b, k] * log(y_pred[b, k] + low)
        losses[b] = total / outputs


@compiled
def backward_compiled(d_losses: Array, y_true: Array, y_pred: Array, epsilon: float, d_pred: Array) -> None:
    real = y_pred.dtype.type
    low, one, outputs = real(epsilon), real(1), real(y_pred.shape[1])
    for b in range(y_pred.shape[0]):
        share = d_losses[b] / outputs
        for k in range(y_pred.shape[1]):
            d_pred[b, k] = (one - y_true[b, k] / (y_pred[b, k] + low)) * share
