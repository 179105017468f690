"""The logarithm of the softmax: log-probabilities, exact even where the probability has rounded to zero."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp, log
from tinynn._typing import Array

ROWWISE = True


def forward(x: Array, out: Array) -> None:
    """out[b,k] = x[b,k] - log sum_j e^x[b,j], along the last axis of any shape; the row maximum is taken off first."""
    shifted = x - x.real.max(axis=-1, keepdims=True)  # .real: the complex-step oracle passes complex x
    out[:] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def backward(d_out: Array, out: Array, d_x: Array) -> None:
    """d out_k / d x_j = [j = k] - p_j with p = softmax(x) = e^out, so   dL/dx_j = d_out_j - p_j sum_k d_out_k"""
    d_x[:] = d_out - np.exp(out) * d_out.sum(axis=-1, keepdims=True)


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    """x, out (batch, classes), possibly the same array."""
    for b in range(x.shape[0]):
        top = x[b, 0]
        for k in range(1, x.shape[1]):
            top = x[b, k] if x[b, k] > top else top
        total = out.dtype.type(0)
        for k in range(x.shape[1]):
            out[b, k] = x[b, k] - top
            total += exp(out[b, k])
        log_total = log(total)
        for k in range(x.shape[1]):
            out[b, k] -= log_total


@compiled
def backward_compiled(d_out: Array, out: Array, d_x: Array) -> None:
    """d_out, out, d_x (batch, classes); d_out and d_x may be the same array."""
    for b in range(out.shape[0]):
        total = out.dtype.type(0)
        for k in range(out.shape[1]):
            total += d_out[b, k]
        for k in range(out.shape[1]):
            d_x[b, k] = d_out[b, k] - exp(out[b, k]) * total
