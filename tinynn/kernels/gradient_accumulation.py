"""The mean gradient of several small batches, for one step as if they had been one large batch."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def add(accumulator: Array, grads: Array) -> None:
    """a <- a + g, in place: of all batches of a group but the last. Both (n_params,)"""
    accumulator += grads


def finish(accumulator: Array, grads: Array, batches: int) -> None:
    """g <- (g + a) / batches;  a <- 0, both in place: with the last batch of a group. Both (n_params,)"""
    grads += accumulator
    grads /= batches
    accumulator[:] = 0


@compiled
def add_compiled(accumulator: Array, grads: Array) -> None:
    for i in range(grads.size):
        accumulator[i] += grads[i]


@compiled
def finish_compiled(accumulator: Array, grads: Array, batches: int) -> None:
    n, zero = grads.dtype.type(batches), grads.dtype.type(0)
    for i in range(grads.size):
        grads[i] = (grads[i] + accumulator[i]) / n
        accumulator[i] = zero
