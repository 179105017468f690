"""Gradients cut down to size before they are used: entry by entry, variable by variable, or all of them together.

The gradients of all variables stand in one flat vector; starts (variables + 1,) says where each begins, the last entry is
the vector's length: variable k has grads[starts[k] : starts[k + 1]]. `by_value` needs no borders and takes none.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def by_value(grads: Array, clipvalue: float) -> None:
    """g <- min(max(g, -clipvalue), clipvalue), in place. grads (n_params,). NaN stays NaN."""
    np.clip(grads, -clipvalue, clipvalue, out=grads)


def by_norm(grads: Array, starts: Array, clipnorm: float) -> None:
    """Of each variable: g <- g clipnorm / max(|g|, clipnorm) with |g| = sqrt(sum g^2), in place. grads (n_params,)

    The direction stays; the length is clipnorm at most (Pascanu et al. 2013). Multiplied first and divided after, as in
    TensorFlow, so that a short gradient may move by a rounding.
    """
    for start, stop in pairwise(starts):
        g = grads[start:stop]
        norm = np.sqrt(np.sum(g * g))
        g *= clipnorm
        g /= np.maximum(norm, grads.dtype.type(clipnorm))


def by_global_norm(grads: Array, starts: Array, clipnorm: float) -> None:
    """All variables at once: g <- g s,  s = clipnorm min(1 / |g|, 1 / clipnorm), in place. grads (n_params,)

    |g| is the norm of the whole vector, summed up variable by variable. It may be infinite or NaN: |g| - |g| is then NaN,
    and added to s spoils every entry rather than turning them silently into zeros.
    """
    real = grads.dtype.type
    total = real(0)
    for start, stop in pairwise(starts):
        total += np.sum(grads[start:stop] * grads[start:stop])
    norm = np.sqrt(total)
    with np.errstate(divide="ignore", invalid="ignore"):  # 1 / 0 is inf: the other bound is the smaller one
        scale = real(clipnorm) * np.minimum(real(1) / norm, real(1 / clipnorm)) + (norm - norm)
    grads *= scale


@compiled
def by_value_compiled(grads: Array, clipvalue: float) -> None:
    high = grads.dtype.type(clipvalue)
    for i in range(grads.size):
        if grads[i] > high:
            grads[i] = high
        elif grads[i] < -high:
            grads[i] = -high


@compiled
def by_norm_compiled(grads: Array, starts: Array, clipnorm: float) -> None:
    bound = grads.dtype.type(clipnorm)
    for k in range(starts.size - 1):
        total = grads.dtype.type(0)
        for i in range(starts[k], starts[k + 1]):
            total += grads[i] * grads[i]
        norm = np.sqrt(total)
        divisor = bound if norm <= bound else norm  # NaN is not <=, and stays
        for i in range(starts[k], starts[k + 1]):
            grads[i] = grads[i] * bound / divisor


@compiled
def by_global_norm_compiled(grads: Array, starts: Array, clipnorm: float) -> None:
    real = grads.dtype.type
    total = real(0)
    for k in range(starts.size - 1):
        part = real(0)
        for i in range(starts[k], starts[k + 1]):
            part += grads[i] * grads[i]
        total += part
    norm = np.sqrt(total)
    inverse, most = real(1) / norm, real(1 / clipnorm)
    scale = real(clipnorm) * (most if inverse > most else inverse) + (norm - norm)
    for i in range(grads.size):
        grads[i] *= scale
