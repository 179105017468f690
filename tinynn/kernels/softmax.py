"""Softmax: turns each row of scores into probabilities that sum to one (Bridle 1990)."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled, exp, flatten
from tinynn._typing import Array

ROWWISE = True


def forward(x: Array, out: Array) -> None:
    """out[b,k] = e^x[b,k] / sum_j e^x[b,j], along the last axis of any shape.

    The row maximum is subtracted first: numerator and denominator shrink by the same factor, and exp cannot overflow.
    """
    e = np.exp(x - x.real.max(axis=-1, keepdims=True))  # .real: the complex-step oracle passes complex x
    out[:] = e / e.sum(axis=-1, keepdims=True)


def backward(d_out: Array, out: Array, d_x: Array) -> None:
    """Every input moves every output of its row:  d out_k / d x_j = out_k ([j = k] - out_j), so

    dL/dx_j = sum_k d_out_k out_k ([j = k] - out_j) = out_j (d_out_j - sum_k d_out_k out_k)

    A constant added to a row of d_out changes nothing: the outputs' sum cannot move.
    """
    d_x[:] = (d_out - (d_out * out).sum(axis=-1, keepdims=True)) * out


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    """x, out (batch, classes), possibly the same array."""
    for b in range(x.shape[0]):
        top = x[b, 0]
        for k in range(1, x.shape[1]):
            top = x[b, k] if x[b, k] > top else top
        for k in range(x.shape[1]):
            out[b, k] = x[b, k] - top
    entries = flatten(out)
    for i in range(entries.size):  # in one line, so that exp becomes vector code even for two classes
        entries[i] = exp(entries[i])
    for b in range(x.shape[0]):
        total = out.dtype.type(0)
        for k in range(x.shape[1]):
            total += out[b, k]
        for k in range(x.shape[1]):
            out[b, k] /= total


@compiled
def backward_compiled(d_out: Array, out: Array, d_x: Array) -> None:
    """d_out, out, d_x (batch, classes); d_out and d_x may be the same array."""
    for b in range(out.shape[0]):
        inner = out.dtype.type(0)
        for k in range(out.shape[1]):
            inner += d_out[b, k] * out[b, k]
        for k in range(out.shape[1]):
            d_x[b, k] = (d_out[b, k] - inner) * out[b, k]
