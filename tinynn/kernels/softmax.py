"""Softmax: turns each row of scores into probabilities that sum to one (Bridle 1990)."""

from __future__ import annotations

import numpy as np

from tinynn._typing import Array


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
