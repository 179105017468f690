"""Philox against its authors' test vectors and itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinynn.random.philox import blocks, key_and_counter, philox_4x32, words

# counter, key, answer: kat_vectors of Random123 (Salmon et al. 2011), the lines "philox4x32 10"
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
SEEDS = st.integers(-(2**63), 2**63 - 1)


def _words(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], np.uint32)


def _one_at_a_time(counter: list[int], key: list[int]) -> list[int]:
    """Philox on Python's integers, as the paper writes it."""
    (x0, x1, x2, x3), (k0, k1) = counter, key
    for _ in range(10):
        p, q = x0 * 0xD2511F53, x2 * 0xCD9E8D57
        x0, x1, x2, x3 = (q >> 32) ^ x1 ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ x3 ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [x0, x1, x2, x3]


@pytest.mark.parametrize(("counter", "key", "answer"), PUBLISHED)
def test_philox_gives_the_published_words(counter: str, key: str, answer: str) -> None:
    np.testing.assert_array_equal(philox_4x32(_words(counter), _words(key)), _words(answer))


@given(hnp.arrays(np.uint32, (3, 4)), hnp.arrays(np.uint32, (3, 2)))
def test_philox_scrambles_each_counter_under_its_own_key(counters: np.ndarray, keys: np.ndarray) -> None:
    expected = [_one_at_a_time(c, k) for c, k in zip(counters.tolist(), keys.tolist())]
    np.testing.assert_array_equal(philox_4x32(counters, keys), expected)
    np.testing.assert_array_equal(
        philox_4x32(counters, keys[0]), [_one_at_a_time(c, keys[0].tolist()) for c in counters.tolist()]
    )


def test_philox_gives_the_same_words_across_the_borders_of_its_chunks() -> None:
    counters = np.zeros((40_000, 4), np.uint32)
    counters[:, 0] = np.arange(40_000)
    key = np.array([1, 2], np.uint32)
    together = philox_4x32(counters, key)
    for i in (0, 16_383, 16_384, 32_767, 32_768, 39_999):
        np.testing.assert_array_equal(together[i], philox_4x32(counters[i], key))


def test_every_counter_keeps_its_own_key_across_the_borders_of_the_chunks() -> None:
    seeds = np.stack([np.arange(200), np.zeros(200, np.int64)], axis=1)
    together = words(seeds, 400)  # 20,000 counters, 200 keys
    for i in (0, 163, 164, 199):
        np.testing.assert_array_equal(together[i], words(seeds[i], 400))


def test_philox_takes_no_counters_at_all() -> None:
    assert philox_4x32(np.zeros((0, 4), np.uint32), np.zeros(2, np.uint32)).shape == (0, 4)
    assert words([1, 0], 0).shape == (0,)
    assert words(np.zeros((0, 2), np.int64), 5).shape == (0, 5)


@given(SEEDS, st.integers(0, 10**6), st.integers(0, 60), st.integers(0, 60))
def test_a_stream_does_not_depend_on_how_much_of_it_is_asked_for(seed: int, use: int, n: int, m: int) -> None:
    np.testing.assert_array_equal(words([seed, use], n)[:m], words([seed, use], m)[:n])


@given(st.lists(st.tuples(SEEDS, st.integers(0, 10**6)), min_size=1, max_size=5), st.integers(0, 30))
def test_a_stack_of_seeds_gives_the_stack_of_their_streams(seeds: list[tuple[int, int]], count: int) -> None:
    np.testing.assert_array_equal(words(seeds, count), [words(seed, count) for seed in seeds])


@given(SEEDS, st.integers(-100, 100))
def test_seeds_are_taken_modulo_two_to_the_31_minus_2(seed: int, use: int) -> None:
    same = [seed % (2**31 - 2), use % (2**31 - 2)]
    np.testing.assert_array_equal(key_and_counter([seed, use]), key_and_counter(same))


def test_blocks_count_beyond_32_bits() -> None:
    key, upper = key_and_counter([7, 0])
    found = blocks([7, 0], np.array([2**32 + 5]))
    np.testing.assert_array_equal(found, [_one_at_a_time([5, 1, *upper.tolist()], key.tolist())])
