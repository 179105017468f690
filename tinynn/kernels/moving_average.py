"""A running mean of the weights, often a better model than the last weights (Polyak & Juditsky 1992)."""

from __future__ import annotations

from tinynn._compiled import compiled
from tinynn._typing import Array


def update(average: Array, params: Array, momentum: float) -> None:
    """average <- momentum average + (1 - momentum) p, over the whole flat vector, in place. average, params (n_params,)

    After the first step momentum is 0, so that the mean begins at the weights. 1 - momentum is taken in the parameters'
    precision, as in Keras: the two shares sum to 1 there.
    """
    momentum = float(params.dtype.type(momentum))
    average *= momentum
    average += (1 - momentum) * params


@compiled
def update_compiled(average: Array, params: Array, momentum: float) -> None:
    kept = params.dtype.type(momentum)
    gain = params.dtype.type(1) - kept
    for i in range(params.size):
        average[i] = average[i] * kept + gain * params[i]
