"""The state that Keras keeps for a whole program: the seed of `set_random_seed`, and the generator for unseeded calls.

Keras and TensorFlow remember the seed separately, and `clear_session` makes only Keras forget: `get_random_seed()` is
None after it, while fit goes on shuffling by the seed.
"""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from tinynn._typing import Array
from tinynn.random.seed_generator import SeedGenerator, seed_pair

_random_seed: int | None = None
_shuffle_seed: int | None = None
_generator: SeedGenerator | None = None


def set_random_seed(seed: int) -> None:
    """Make everything random start from `seed`: initial weights, dropout, shuffling, and your own `random` and
    `numpy.random`.

    Seeds Python's `random` and NumPy's global generator, sets the seed of fit's shuffle and starts unseeded calls of
    `tinynn.random` anew. Put it first: layers made afterwards get the same seeds, in the order in which they are made.

    Args:
        seed: an integer from 0 to 2^32 - 1.

    Raises:
        ValueError: anything else; nothing is changed then.
    """
    global _random_seed, _shuffle_seed, _generator
    if not isinstance(seed, int):
        mend = f" Write set_random_seed({int(seed)})." if isinstance(seed, np.integer) else ""
        raise ValueError(f"set_random_seed expects a Python integer; got {seed!r} of type {type(seed).__name__}.{mend}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed expects an integer from 0 to 2**32 - 1; got {seed}.")
    python_random.seed(seed)
    np.random.seed(seed)
    _random_seed = _shuffle_seed = seed
    _generator = None


def get_random_seed() -> int | None:
    """The seed that `set_random_seed` was given, None before that and after `clear_session`."""
    return _random_seed


def shuffle_seed() -> int | None:
    """The seed of fit's shuffle, for `fit_permutation`: `set_random_seed`'s, which `clear_session` leaves alone."""
    return _shuffle_seed


def global_seed_generator() -> SeedGenerator:
    """The generator behind calls without a seed; made at the first of them, with a seed from Python's `random`."""
    global _generator
    if _generator is None:
        _generator = SeedGenerator()
    return _generator


def draw_seed(seed: Any) -> Array:
    """The pair (2,) int64 that names the stream to draw from.

    An integer gives [seed, 0], always; a SeedGenerator gives its next pair; None that of the program's own generator.

    Raises:
        ValueError: anything else.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        return global_seed_generator().next(ordered=False)
    return seed_pair(seed)


def reset() -> None:
    """What `clear_session` does to random numbers: the seed is forgotten, and unseeded calls get a new generator.

    Python's and NumPy's generators and the seed of fit's shuffle stay as they are, as in Keras.
    """
    global _random_seed, _generator
    _random_seed = _generator = None


def get_state() -> dict[str, Any]:
    """All that random numbers of a program depend on, as dicts, numbers and arrays, for a backup of a training.

    Python's and NumPy's global generators, the seeds of `set_random_seed`, and how far the generator of unseeded calls is.
    NumPy's is left out (None) where the user has replaced it by one of another kind.
    """
    version, words, gauss = python_random.getstate()
    theirs: Any = np.random.get_state(legacy=False)
    usual = theirs["bit_generator"] == "MT19937"
    return {
        "seed": _random_seed,
        "shuffle_seed": _shuffle_seed,
        "generator": None if _generator is None else _generator.state.numpy(),
        "python": {"version": version, "words": np.array(words, np.uint32), "gauss": gauss},
        "numpy": {
            "key": theirs["state"]["key"],
            "place": int(theirs["state"]["pos"]),
            "has_gauss": int(theirs["has_gauss"]),
            "gauss": float(theirs["gauss"]),
        }
        if usual
        else None,
    }


def check_state(state: Any) -> None:
    """See that this is what `get_state` gives, by kinds and shapes; what stands for an array need only have these two.

    Raises:
        ValueError: it is not.
    """

    def is_array(value: Any, dtype: str, n: int) -> bool:
        return getattr(value, "shape", None) == (n,) and getattr(value, "dtype", None) == dtype

    try:
        ours, theirs, generator = state["python"], state["numpy"], state["generator"]
        right = (
            all(seed is None or type(seed) is int for seed in (state["seed"], state["shuffle_seed"]))
            and (generator is None or is_array(generator, "int64", 2))
            and type(ours["version"]) is int
            and is_array(ours["words"], "uint32", 625)
            and type(ours["gauss"]) in (float, type(None))
            and (
                theirs is None
                or (
                    is_array(theirs["key"], "uint32", 624)
                    and type(theirs["place"]) is int
                    and 0 <= theirs["place"] <= 624  # NumPy reads the key at this place, whatever it is
                    and theirs["has_gauss"] in (0, 1)
                    and type(theirs["gauss"]) is float
                )
            )
        )
    except (KeyError, TypeError):
        right = False
    if not right:
        raise ValueError("The state of the random generators makes no sense.")


def set_state(state: dict[str, Any]) -> None:
    """Go back to what `get_state` gave.

    Raises:
        ValueError: it is something else.
    """
    global _random_seed, _shuffle_seed, _generator
    check_state(state)
    ours, theirs = state["python"], state["numpy"]
    python_random.setstate((ours["version"], tuple(ours["words"].tolist()), ours["gauss"]))
    if theirs is not None:
        np.random.set_state(("MT19937", theirs["key"], theirs["place"], theirs["has_gauss"], theirs["gauss"]))
    _random_seed, _shuffle_seed = state["seed"], state["shuffle_seed"]
    if state["generator"] is None:
        _generator = None
    else:
        _generator = _generator or SeedGenerator(0)
        _generator.state.assign(state["generator"])
