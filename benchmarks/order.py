"""The order of the samples in every epoch: the one of `fit(shuffle=True)` after `set_random_seed(SEED)`."""

from __future__ import annotations

from tinynn.random import fit_permutation

from benchmarks.workloads import Array

SEED = 1


def order(rows: int) -> Array:
    """(rows,) int64. Keras and tinynn draw it themselves; to the others it is given."""
    return fit_permutation(rows, SEED)
