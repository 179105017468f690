"""Seeds that move on: a `SeedGenerator` gives another stream each time it is asked."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from tinynn._naming import unique_name
from tinynn._typing import Array
from tinynn.variable import Variable


def make_default_seed() -> int:
    """What seed=None means: an integer from 1 to 10^9 from Python's global generator, which `set_random_seed` seeds."""
    return python_random.randint(1, 10**9)


def seed_pair(seed: int) -> Array:
    """[seed, 0], the pair (2,) int64 that names the first stream of an integer seed.

    Raises:
        ValueError: not an integer, or more than 64 bits of it. NumPy's integers are refused as in Keras.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        mend = f" Write seed={int(seed)}." if isinstance(seed, (np.integer, np.bool, bool)) else ""
        raise ValueError(
            "A seed must be a Python integer, a SeedGenerator or None; "
            f"got {seed!r} of type {type(seed).__name__}.{mend}"
        )
    if not -(2**63) <= seed < 2**63:
        raise ValueError(f"A seed must fit in 64 bits; got {seed}. Write seed={seed % 2**31}.")
    return np.array([seed, 0], np.int64)


class SeedGenerator:
    """Counts the uses of a seed, so that each use draws from a stream of its own.

    A random function given an integer seed returns the same numbers every time. Given a SeedGenerator it returns new
    ones, and the same new ones in every run; Dropout and the noise layers hold one. `state` is [seed, uses so far].

    Args:
        seed: an integer; by default drawn from Python's `random` when the generator is made.
        name: "seed_generator", "seed_generator_1", ... by default.

    Raises:
        ValueError: a seed that is not an integer.
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.name = name or unique_name("SeedGenerator")
        self._initial_seed = seed
        pair = seed_pair(make_default_seed() if seed is None else seed)
        self.state = Variable(pair, dtype="int64", trainable=False, name="seed_generator_state")
        self.state._path = f"{self.name}/{self.state.name}"

    def next(self, ordered: bool = True) -> Array:
        """The pair [seed, counter] (2,) int64 as it is; then the counter moves up by one.

        With ordered=False both numbers jump, to (x + 1) 5387 mod 933199: what Keras does when no seed is given at all.
        """
        pair = self.state.numpy()
        self.state.assign(pair + np.array([0, 1]) if ordered else (pair + 1) * 5387 % 933199)
        return pair

    def take(self, count: int) -> Array:
        """The next `count` pairs at once, (count, 2) int64: the same as `count` calls of `next`."""
        pair = self.state.numpy()
        self.state.assign(pair + np.array([0, count]))
        return pair + np.stack([np.zeros(count, np.int64), np.arange(count)], axis=1)

    def get_config(self) -> dict[str, Any]:
        """What the generator can be made from again: its seed, not how far it has counted."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A new generator, its counter at 0."""
        return cls(**config)

    def __repr__(self) -> str:
        seed, counter = self.state.value.tolist()
        return f"<SeedGenerator name={self.name}, seed={seed}, counter={counter}>"
