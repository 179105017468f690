"""What properties are tried on: arrays by shape and size of entries, networks of a few layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinynn._typing import Array, Shape

sizes = st.integers(1, 6)


def arrays(shape: Shape | Any, bound: float = 4.0, away_from_zero: float = 0.0) -> st.SearchStrategy[Array]:
    """float64 arrays with entries in [-bound, bound], none of them nearer to zero than asked (but exact zeros allowed if 0)."""
    entries = st.floats(-bound, bound, allow_nan=False, width=64, allow_subnormal=False)
    if away_from_zero:
        entries = entries.filter(lambda x: abs(x) > away_from_zero)
    return hnp.arrays(np.float64, shape, elements=entries)


@st.composite
def probabilities(draw: Any, rows: int, columns: int, low: float = 0.01) -> Array:
    """Rows that sum to 1, no entry below `low` / columns."""
    raw = draw(hnp.arrays(np.float64, (rows, columns), elements=st.floats(low, 1.0)))
    return raw / raw.sum(axis=1, keepdims=True)
