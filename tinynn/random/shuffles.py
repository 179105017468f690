"""The order in which `fit` visits the samples: TensorFlow's shuffle in Keras's input pipeline, exactly.

The shuffle is Fisher and Yates's: for i = 0, 1, ..., n - 1, swap place i with a random place t(i) of i, ..., n - 1.
Two facts of Keras 3.15 worth knowing: the pipeline starts anew with each epoch, so **every epoch has the same
order**, and so does every later fit of the same length under the same seed.
"""

from __future__ import annotations

import functools

import numpy as np

from tinynn._typing import Array
from tinynn.random.philox import MASK_32, philox_4x32

_LARGEST_INT32 = 2**31 - 1
_SHORT = 2**16


def fit_permutation(n: int, seed: int | None) -> Array:
    """The order (n,) int64 of `fit(shuffle=True)` in every epoch: batches are consecutive slices of it.

    t(i) = i + (word i mod (n - i)), with words as `_shuffle_words` says. A seed of None (no `set_random_seed` so far)
    gives another order each time, as in Keras; it takes nothing from NumPy's global generator.
    """
    if seed is None:
        return np.random.default_rng().permutation(n)
    return _short_permutation(n, seed) if n <= _SHORT else _permutation(n, seed)


def _permutation(n: int, seed: int) -> Array:
    place = np.arange(n)
    return _swapped(place + _shuffle_words(seed, n) % (n - place))


@functools.lru_cache(maxsize=4)
def _short_permutation(n: int, seed: int) -> Array:
    """Remembered, at half a megabyte each at most: small models are fitted again and again on the same samples."""
    order = _permutation(n, seed)
    order.flags.writeable = False
    return order


def batch_shuffle(n: int, batch_size: int, seed: int | None) -> Array:
    """The order (n,) int64 of `fit(shuffle="batch")`: batches stay in their order, each is shuffled within itself.

    Every batch takes the B - 1 words that its B - 1 swaps need, from the next full block of four on.

    Args:
        n: how many samples.
        batch_size: B.
        seed: that of `set_random_seed`; None draws from NumPy's own generator.
    """
    place = np.arange(n)
    batch, within = np.divmod(place, batch_size)
    left = np.minimum(batch_size - within, n - place)  # places from this one to the end of its batch
    if seed is None:
        return _swapped(place + np.random.default_rng().integers(0, left))
    stride = 4 * -(-(batch_size - 1) // 4)
    words = _shuffle_words(seed, n // batch_size * stride + batch_size)
    return _swapped(place + words[batch * stride + within] % left)


def _shuffle_words(seed: int, count: int) -> Array:
    """The first `count` words (count,) int64 of TensorFlow's stateful generators under a global seed.

    Philox with key (seed mod (2^31 - 1), 0) and counters from 0. TensorFlow reads the seed pair (0, 0) as "surprise
    me", so for a seed that is 0 here it puts 2^31 - 1 in the upper half of the counter.
    """
    key = seed % _LARGEST_INT32
    index = np.arange(-(-count // 4))
    counter = np.zeros((len(index), 4), np.uint32)
    counter[:, 0] = index & MASK_32
    counter[:, 1] = index >> 32
    counter[:, 2] = 0 if key else _LARGEST_INT32
    return philox_4x32(counter, np.array([key, 0], np.uint32)).ravel()[:count].astype(np.int64)


def _swapped(target: Array) -> Array:
    """0, 1, ..., n - 1 after swapping entry i with entry target[i] >= i, for i = 0, 1, ... in turn.

    The same as, seven times faster for a million entries than,

        for i, t in enumerate(target):
            order[i], order[t] = order[t], order[i]

    Step i is the last to touch place i (later swaps go right), and carries what stood there to place t(i). So what
    stands at any place p before step i is what the latest earlier step k with t(k) = p brought: the content of place
    k before step k. Call that carried[k]; if no step came, place p still holds p. Hence

        carried[k] = carried[m], m the latest step before k with t(m) = k;  carried[k] = k where there is none
        order[i]   = carried[k], k the latest step before i with t(k) = t(i);  order[i] = t(i) where there is none

    The first line makes a forest, whose roots are found by following all links at once, twice as far each time.
    """
    n = len(target)
    step = np.arange(n)
    carried = step.copy()
    # Of several steps to one place, NumPy lets the last stand. If step k stays at k, nobody will ask for carried[k].
    carried[target] = step
    while True:
        further = carried[carried]
        if np.array_equal(further, carried):
            break
        carried = further

    bits = n.bit_length()
    visits = np.sort(target << bits | step)  # by place, then by time
    place, visitor = visits >> bits, visits & ((1 << bits) - 1)
    again = place[1:] == place[:-1]
    order = target.copy()
    order[visitor[1:][again]] = carried[visitor[:-1][again]]
    return order
