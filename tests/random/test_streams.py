"""Distributions: known answers, properties, and Keras itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tinynn.random import streams
from tinynn.random.philox import words

DTYPES = ("float32", "float64")
SEEDS = (0, 1, 42, 123456789, 2**31 - 3, 2**31 - 2, 2**31, 2**40 + 3, -1, -(2**63))
SHAPES = ((0,), (1,), (2,), (3,), (5, 7), (2, 3, 4), (), (1001,), (4, 0))

# Recorded from Keras 3.15.1 on TensorFlow 2.21.0, seed 42
KNOWN = {
    ("uniform", "float32"): [0.28243315, 0.4984169, 0.7154585, 0.02020204, 0.07859814, 0.6265594],
    ("uniform", "float64"): [
        0.2594654438987689,
        0.7236686870832034,
        0.6287856150913227,
        0.03998694042341011,
        0.029702048846838025,
        0.5402336385668292,
    ],
    ("normal", "float32"): [0.015817076, -1.5900869, 0.10359446, 0.81174594, -1.610355, -1.5791045],
    ("normal", "float64"): [
        -1.620209350905405,
        -0.2705275550817895,
        0.23948420504962206,
        0.9330472363796555,
        -0.6632944779973228,
        -2.567706941432347,
    ],
    ("truncated_normal", "float32"): [0.015817076, -1.5900869, 0.10359446, 0.81174594, -0.02140785, 0.11807696],
    ("truncated_normal", "float64"): [
        -1.620209350905405,
        -0.2705275550817895,
        -0.9642233625569603,
        1.8030180944301082,
        -0.1723176159984812,
        0.297524659874411,
    ],
}
STREAMS = {"uniform": streams.uniform, "normal": streams.normal, "truncated_normal": streams.truncated_normal}


def _ulps(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, in units in the last place of the expected values."""
    return float(np.max(np.abs(found - expected) / np.spacing(np.abs(expected)), initial=0))


# Without Keras ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "dtype"), KNOWN)
def test_recorded_numbers_of_keras_come_out(name: str, dtype: str) -> None:
    expected = np.array(KNOWN[name, dtype], dtype)
    found = STREAMS[name]([42, 0], (len(expected),), dtype=dtype)
    assert found.dtype == expected.dtype
    if name == "uniform":
        np.testing.assert_array_equal(found, expected)
    else:
        assert _ulps(found, expected) <= 4


@given(st.sampled_from(SEEDS), st.sampled_from(DTYPES), st.integers(0, 40))
def test_uniform_numbers_are_the_random_bits_as_a_fraction(seed: int, dtype: str, n: int) -> None:
    if dtype == "float32":
        expected = [int(word) % 2**23 / 2**23 for word in words([seed, 0], n)]
    else:
        pairs = words([seed, 0], 2 * n).tolist()
        expected = [(high % 2**20 * 2**32 + low) / 2**52 for high, low in zip(pairs[::2], pairs[1::2])]
    np.testing.assert_array_equal(streams.uniform([seed, 0], (n,), dtype=dtype), np.array(expected, dtype))


@given(st.sampled_from(SEEDS), st.sampled_from(DTYPES), st.integers(0, 41), st.integers(0, 41))
def test_shorter_draws_are_the_beginning_of_longer_ones(seed: int, dtype: str, n: int, m: int) -> None:
    for draw in STREAMS.values():
        np.testing.assert_array_equal(draw([seed, 3], (n,), dtype=dtype)[:m], draw([seed, 3], (m,), dtype=dtype)[:n])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_stack_of_seeds_gives_the_same_streams_as_one_by_one(shape: tuple[int, ...], dtype: str) -> None:
    seeds = np.array([[5, 0], [5, 1], [6, 0]])
    for draw in (streams.uniform, streams.normal):
        np.testing.assert_array_equal(
            draw(seeds, shape, dtype=dtype), [draw(seed, shape, dtype=dtype) for seed in seeds]
        )
    masks = streams.keep_mask(seeds, shape, 0.3, dtype)
    np.testing.assert_array_equal(masks, [streams.keep_mask(seed, shape, 0.3, dtype) for seed in seeds])
    numbers = streams.integers(seeds, shape, -3, 9)
    np.testing.assert_array_equal(numbers, [streams.integers(seed, shape, -3, 9) for seed in seeds])


@given(st.sampled_from(DTYPES), st.integers(0, 2**31), st.integers(1, 300))
def test_truncated_normal_keeps_the_first_numbers_within_two(dtype: str, seed: int, n: int) -> None:
    """Group by group, one number at a time, as TensorFlow's loop does it."""
    size = 4 if dtype == "float32" else 2
    found = streams.truncated_normal([seed, 0], (n,), dtype=dtype)
    every = streams.box_muller(
        streams.blocks([seed, 0], np.arange(-(-n // size) * 64 * size)), np.dtype(dtype)
    ).reshape(-1, 64 * size * size)
    expected = [z for group in every for z in [z for z in group if abs(z) < 2][:size]]
    np.testing.assert_array_equal(found, expected[:n])


@pytest.mark.parametrize("dtype", DTYPES)
def test_moments_are_those_of_the_distributions(dtype: str) -> None:
    n = 200_000
    u, z, t = (draw([3, 0], (n,), dtype=dtype).astype(np.float64) for draw in STREAMS.values())
    spread = 5 / np.sqrt(n)  # five standard errors
    assert abs(u.mean() - 1 / 2) < spread * np.sqrt(1 / 12)
    assert abs(z.mean()) < spread
    assert abs(z.var() - 1) < spread * np.sqrt(2)
    assert abs(t.std() - 0.8796) < spread
    assert 1.99 < np.abs(t).max() < 2


def test_normal_numbers_stay_finite_where_the_uniform_number_is_zero() -> None:
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        z = streams.box_muller(np.zeros(4, np.uint32), dtype)
        np.testing.assert_allclose(z[:2], [0, np.sqrt(-2 * np.log(1e-7))], rtol=1e-6)


@given(st.integers(-(2**31), 2**31 - 2), st.integers(1, 2**32), st.sampled_from(("int32", "int64")))
def test_integers_stay_in_their_range(low: int, width: int, dtype: str) -> None:
    high = min(low + width, 2**31 - 1)
    found = streams.integers([1, 0], (50,), low, high, dtype)
    assert found.dtype == dtype
    assert low <= found.min() <= found.max() < high


def test_an_integer_is_a_word_or_two_modulo_the_range() -> None:
    low, high, some = -7, 10**12, words([5, 0], 40).tolist()
    expected = [low + (first + second * 2**32) % (high - low) for first, second in zip(some[::2], some[1::2])]
    np.testing.assert_array_equal(streams.integers([5, 0], (20,), low, high, "int64"), expected)
    expected = [low + word % 1007 for word in some]
    np.testing.assert_array_equal(streams.integers([5, 0], (40,), low, 1000, "int32"), expected)


def test_python_bounds_are_rounded_to_float32_first() -> None:
    u = streams.uniform([5, 0], (20,), dtype="float64")
    low, high = float(np.float32(0.1)), float(np.float32(0.7))
    np.testing.assert_array_equal(streams.uniform([5, 0], (20,), 0.1, 0.7, "float64"), u * (high - low) + low)
    np.testing.assert_array_equal(
        streams.uniform([5, 0], (20,), np.float64(0.1), np.float64(0.7), "float64"), u * (0.7 - 0.1) + 0.1
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_equal_to_the_rate_is_kept(dtype: str) -> None:
    u = streams.uniform([5, 0], (20,), dtype=dtype)
    for rate in u.tolist():
        np.testing.assert_array_equal(streams.keep_mask([5, 0], (20,), rate, dtype), u >= rate)


def test_only_float32_and_float64_are_drawn() -> None:
    with pytest.raises(ValueError, match='"float32" or "float64"; got dtype=\'float16\''):
        streams.float_dtype("float16")
    tinynn.config.set_floatx("float64")
    assert streams.float_dtype() == np.float64


# Against Keras ---------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_equals_keras_bitwise(keras: Any, seed: int, dtype: str) -> None:
    for shape in SHAPES:
        expected = keras.random.uniform(shape, dtype=dtype, seed=seed).numpy()
        found = streams.uniform([seed, 0], shape, dtype=dtype)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        expected = keras.random.uniform(shape, -0.3, 0.7, dtype=dtype, seed=seed).numpy()
        np.testing.assert_array_equal(streams.uniform([seed, 0], shape, -0.3, 0.7, dtype), expected)


@pytest.mark.keras
def test_bounds_given_as_arrays_keep_their_precision_as_in_keras(keras: Any) -> None:
    low, high = np.array([0.1, -0.3]), np.float64(0.7)
    for dtype in DTYPES:
        expected = keras.random.uniform((5, 2), low, high, dtype=dtype, seed=1).numpy()
        np.testing.assert_array_equal(streams.uniform([1, 0], (5, 2), low, high, dtype), expected)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["normal", "truncated_normal"])
@pytest.mark.parametrize("seed", SEEDS)
def test_normal_numbers_equal_keras_within_their_last_places(keras: Any, seed: int, name: str) -> None:
    """float32: log, sin and cos differ by at most one place each. float64: NumPy's vectorised ones by two or three."""
    for shape in SHAPES:
        for dtype in DTYPES:
            expected = getattr(keras.random, name)(shape, dtype=dtype, seed=seed).numpy()
            found = STREAMS[name]([seed, 0], shape, dtype=dtype)
            assert found.dtype == expected.dtype
            assert found.shape == expected.shape
            assert _ulps(found, expected) <= 4


@pytest.mark.keras
@pytest.mark.parametrize("name", ["normal", "truncated_normal"])
def test_a_million_normal_numbers_equal_keras(keras: Any, name: str) -> None:
    n = 1_000_001
    expected = getattr(keras.random, name)((n,), dtype="float32", seed=7).numpy()
    found = STREAMS[name]([7, 0], (n,), dtype="float32")
    assert np.abs(found - expected).max() < 5e-7
    assert (found == expected).mean() > 0.98
    expected = getattr(keras.random, name)((n,), dtype="float64", seed=7).numpy()
    np.testing.assert_allclose(STREAMS[name]([7, 0], (n,), dtype="float64"), expected, rtol=0, atol=2e-15)


@pytest.mark.keras
def test_mean_and_stddev_are_applied_as_in_keras(keras: Any) -> None:
    for dtype in DTYPES:
        for name in ("normal", "truncated_normal"):
            expected = getattr(keras.random, name)((99,), 0.3, 0.7, dtype=dtype, seed=1).numpy()
            np.testing.assert_allclose(
                STREAMS[name]([1, 0], (99,), 0.3, 0.7, dtype), expected, rtol=0, atol=4 * np.finfo(dtype).eps
            )


@pytest.mark.keras
def test_keras_too_keeps_a_number_equal_to_the_rate(keras: Any) -> None:
    u = streams.uniform([5, 0], (20,), dtype="float32")
    for rate in u.tolist():
        expected = keras.random.dropout(np.ones(20, np.float32), rate, seed=5).numpy() != 0
        np.testing.assert_array_equal(streams.keep_mask([5, 0], (20,), rate, "float32"), expected)


@pytest.mark.keras
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 1 / 3, 0.999])
def test_keep_masks_are_those_of_the_dropout_layer(keras: Any, rate: float, dtype: str) -> None:
    layer = keras.layers.Dropout(rate, seed=11, dtype=dtype)
    x = np.ones((50, 41), dtype)
    for use in range(3):
        expected = layer(x, training=True).numpy() != 0
        np.testing.assert_array_equal(streams.keep_mask([11, use], x.shape, rate, dtype), expected)
