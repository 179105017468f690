"""Weights that may not be negative: what is done after an optimizer's step."""

from __future__ import annotations

import numpy as np

from tinynn._compiled import compiled
from tinynn._typing import Array


def forward(w: Array, out: Array) -> None:
    """out = max(w, 0), entry by entry; NaN stays. w and out may be the same array."""
    np.maximum(w, w.dtype.type(0), out=out)


@compiled
def forward_compiled(w: Array, out: Array) -> None:
    """w, out (size,)."""
    zero = w.dtype.type(0)
    for i in range(w.size):
        out[i] = zero if w[i] < zero else w[i] + zero  # + 0: -0 becomes 0, as in np.maximum
