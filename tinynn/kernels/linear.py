"""No activation at all: the identity, for outputs of regression and for logits."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(x: Array, out: Array) -> None:
    """out = x, any shape."""
    out[:] = x


def backward(d_out: Array, d_x: Array) -> None:
    """out' = 1: what comes down passes through."""
    d_x[:] = d_out


@compiled
def forward_compiled(x: Array, out: Array) -> None:
    for i in range(x.size):
        out[i] = x[i]


@compiled
def backward_compiled(d_out: Array, d_x: Array) -> None:
    for i in range(d_x.size):
        d_x[i] = d_out[i]
