"""The order of the samples in every epoch: the one of `fit(shuffle=True)` after `set_random_seed(SEED)`."""

from __future__ import annotations

from benchmarks.workloads import SEED, Array
from tinynn.random import fit_permutation


def order(rows: int) -> Array:
    """(rows,) int64. Keras and tinynn draw it themselves; to the others it is given."""
    return fit_permutation(rows, SEED)
