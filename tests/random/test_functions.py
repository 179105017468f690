"""`tinynn.random`, the functions that users call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.oracles import assert_gradient, complex_step_gradient
from tinynn import random


def test_an_integer_seed_repeats_and_a_generator_does_not() -> None:
    generator = random.SeedGenerator(1)
    for draw in (random.uniform, random.normal, random.truncated_normal):
        np.testing.assert_array_equal(draw((4,), seed=1), draw((4,), seed=1))
        assert (draw((4,), seed=generator) != draw((4,), seed=generator)).any()


def test_numbers_are_of_floatx_unless_told_otherwise() -> None:
    tinynn.config.set_floatx("float64")
    for draw in (random.uniform, random.normal, random.truncated_normal):
        assert draw((2,), seed=1).dtype == np.float64
        assert draw([2, 3], dtype="float32", seed=1).dtype == np.float32


@pytest.mark.parametrize("shape", [3, None, (2.0,), "ab"])
def test_shapes_that_are_no_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(TypeError, match=r"uniform expects a shape such as \(2, 3\); got"):
        random.uniform(shape)


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"normal expects a shape of lengths from 0 up; got \(2, -1\)"):
        random.normal((2, -1))


# randint ---------------------------------------------------------------------------------------------------------------


def test_randint_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(TypeError, match=r"minval to be an integer; got 0\.5"):
        random.randint((2,), 0.5, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"minval < maxval <= 2147483647 for int32; got minval=2, maxval=2"):
        random.randint((2,), 2, 2)
    with pytest.raises(ValueError, match=r"integer dtype, such as \"int32\"; got 'float32'"):
        random.randint((2,), 0, 2, dtype="float32")


# shuffle ---------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 50), st.integers(0, 2**31))
def test_shuffle_keeps_the_slices_and_leaves_x_alone(n: int, seed: int) -> None:
    x = np.arange(2 * n).reshape(n, 2)
    shuffled = random.shuffle(x, seed=seed)
    np.testing.assert_array_equal(shuffled[np.argsort(shuffled[:, 0])], x)
    np.testing.assert_array_equal(random.shuffle(x.T, axis=1, seed=seed), shuffled.T)


# dropout ---------------------------------------------------------------------------------------------------------------


@given(st.floats(0.01, 0.99), st.sampled_from(["float32", "float64"]))
def test_dropout_zeroes_or_scales(rate: float, dtype: str) -> None:
    x = np.linspace(1, 2, 200, dtype=dtype)
    found = random.dropout(x, rate, seed=1)
    scaled = x * np.dtype(dtype).type(1 / (1 - rate))
    assert found.dtype == dtype
    assert ((found == 0) | (found == scaled)).all()


def test_dropout_at_its_ends_draws_no_seed() -> None:
    generator = random.SeedGenerator(1)
    x = np.array([1.0, np.inf, np.nan])
    assert random.dropout(x, 0, seed=generator) is x
    np.testing.assert_array_equal(random.dropout(x, 1.0, seed=generator), [0, 0, 0])
    assert generator.next().tolist() == [1, 0]


def test_dropped_infinities_are_zero_not_nan() -> None:
    assert set(random.dropout(np.full(50, np.inf), 0.5, seed=1).tolist()) == {0.0, np.inf}


def test_dropout_shares_a_fate_along_axes_of_noise_of_length_one() -> None:
    found = random.dropout(np.ones((40, 6)), 0.5, noise_shape=(None, 1), seed=1)
    assert (found == found[:, :1]).all()
    assert set(found[:, 0].tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("noise_shape", [(40,), (40, 3), (40, 6, 1), ()])
def test_dropout_refuses_a_noise_shape_that_does_not_fit(noise_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"noise_shape of 2 lengths, each 1, None or the inputs' own"):
        random.dropout(np.ones((40, 6)), 0.5, noise_shape=noise_shape)


def test_dropout_refuses_rates_and_inputs_it_cannot_use() -> None:
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="rate between 0 and 1"):
            random.dropout(np.ones(3), rate)
    with pytest.raises(ValueError, match="expects floats, for it scales them; got dtype int32"):
        random.dropout(np.ones(3, np.int32), 0.5)


def test_dropout_backward_matches_complex_step() -> None:
    rng = np.random.default_rng(0)
    x, upstream = rng.normal(size=(6, 5)), rng.normal(size=(6, 5))
    for noise_shape in (None, (None, 1)):
        variable = tinynn.Variable(x)
        with tinynn.GradientTape() as tape:
            out = random.dropout(variable, 0.3, noise_shape=noise_shape, seed=1)
        kept = random.dropout(np.ones((6, 5)), 0.3, noise_shape=noise_shape, seed=1)
        expected = complex_step_gradient(lambda x, kept=kept: x * kept, x, upstream)
        found = tape.gradient(out, variable, output_gradients=upstream)
        assert_gradient(found, expected, terms=1, scale=float(np.abs(upstream).max()))


# categorical -----------------------------------------------------------------------------------------------------------


def test_categorical_draws_classes_as_often_as_their_probabilities_say() -> None:
    probabilities = np.array([[0.1, 0.2, 0.7], [0.0, 1.0, 0.0]])
    with np.errstate(divide="ignore"):
        found = random.categorical(np.log(probabilities), 20_000, seed=1)
    shares = np.stack([np.bincount(row, minlength=3) / 20_000 for row in found])
    assert np.abs(shares - probabilities).max() < 5 * np.sqrt(0.25 / 20_000)
    assert found.dtype == np.int32


def test_categorical_refuses_logits_that_are_not_a_matrix() -> None:
    with pytest.raises(ValueError, match=r"logits of shape \(batch, classes\); got \(4,\)"):
        random.categorical(np.zeros(4), 2)


# Against Keras ---------------------------------------------------------------------------------------------------------


@pytest.mark.keras
@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 10, "int32"),
        (-5, 7, "int32"),
        (-(2**31), 2**31 - 1, "int32"),
        (0, 10, "int64"),
        (-5, 10**12, "int64"),
        (-(2**63), 2**63 - 1, "int64"),
        (0, 1000, "uint8"),
        (-5, 5, "int8"),
        (0, 2**40, "uint32"),
        (0, 2**62, "uint64"),
        (-3, 3, "int16"),
    ],
)
def test_randint_equals_keras_bitwise(keras: Any, low: int, high: int, dtype: str) -> None:
    for shape in ((), (7,), (3, 5)):
        expected = keras.random.randint(shape, low, high, dtype=dtype, seed=3).numpy()
        found = random.randint(shape, low, high, dtype=dtype, seed=3)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.keras
def test_shuffle_equals_keras_bitwise(keras: Any) -> None:
    for n in (0, 1, 2, 100, 200_000):  # among 200,000 numbers of 23 bits many are equal
        np.testing.assert_array_equal(
            random.shuffle(np.arange(n), seed=5), keras.random.shuffle(np.arange(n), seed=5).numpy()
        )
    x = np.arange(24).reshape(2, 3, 4)
    for axis in (0, 1, 2, -1):
        np.testing.assert_array_equal(random.shuffle(x, axis, seed=5), keras.random.shuffle(x, axis, seed=5).numpy())


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_equals_keras_bitwise(keras: Any, dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(20, 30)).astype(dtype)
    ours, theirs = random.SeedGenerator(4), keras.random.SeedGenerator(4)
    for rate in (0.1, 1 / 3, 0.5, 0, 1, 0.9):
        for noise_shape in (None, (None, 1), (1, 30), (20, 1)):
            found = random.dropout(x, rate, noise_shape, seed=ours)
            expected = keras.random.dropout(x, rate, noise_shape, seed=theirs)
            np.testing.assert_array_equal(found, np.asarray(expected))
            assert found.dtype == dtype


@pytest.mark.keras
@pytest.mark.parametrize(
    ("batch", "classes", "samples"), [(1, 4, 10), (5, 7, 1), (32, 10, 4), (1, 300, 100), (3, 1, 2)]
)
def test_categorical_equals_keras(keras: Any, batch: int, classes: int, samples: int) -> None:
    logits = np.random.default_rng(1).normal(size=(batch, classes)).astype("float32")
    if classes > 4:
        logits[0, :3] = [np.inf, -np.inf, np.nan]  # TensorFlow leaves such classes out
    for values in (logits, logits.astype("float64")):
        expected = keras.random.categorical(values, samples, seed=3).numpy()
        found = random.categorical(values, samples, seed=3)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_gamma_and_beta_are_keras_s_bit_for_bit_in_float32() -> None:
    """Numbers drawn by Keras 3.15.1 on TensorFlow 2.21; for float64 the last digit of log and pow may differ."""
    drawn = tinynn.random.gamma((6,), 2.5, seed=3)
    assert drawn.dtype == np.float32
    assert drawn.tolist() == [
        2.086928129196167,
        4.452938556671143,
        2.257739543914795,
        0.2711503803730011,
        1.2798891067504883,
        0.9484416246414185,
    ]
    assert tinynn.random.gamma((3,), 1.0, seed=3).tolist() == [
        0.2986787259578705,
        0.023545902222394943,
        0.2283966839313507,
    ]
    small = [0.14706934783947215, 2.0458775655592323, 0.08117880745779663, 0.009113552799338355]
    assert tinynn.random.gamma((4,), 0.4, dtype="float64", seed=3) == pytest.approx(small, rel=1e-14)
    beta = [0.9537997245788574, 0.8506888747215271, 0.8444927334785461, 0.6474584937095642]
    assert tinynn.random.beta((4,), 2.0, 0.5, seed=3).tolist() == beta


@pytest.mark.keras
def test_gamma_and_beta_follow_keras_for_arrays_of_parameters(keras: Any) -> None:
    alpha = np.linspace(0.05, 6, 120).astype(np.float32)
    for seed in range(3):
        found = tinynn.random.gamma((5, 120), alpha, seed=seed)
        expected = np.asarray(keras.random.gamma((5, 120), alpha, seed=seed))
        assert found == pytest.approx(expected, rel=4 * float(np.finfo(np.float32).eps))
        found = tinynn.random.gamma((2, 5, 1, 120), alpha[None], seed=seed)
        expected = np.asarray(keras.random.gamma((2, 5, 1, 120), alpha[None], seed=seed))
        assert found == pytest.approx(expected, rel=4 * float(np.finfo(np.float32).eps))
        found = tinynn.random.beta((5, 120), alpha, 1.5, seed=seed)
        expected = np.asarray(keras.random.beta((5, 120), alpha, 1.5, seed=seed))
        assert found == pytest.approx(expected, rel=8 * float(np.finfo(np.float32).eps))


def test_binomial_has_its_mean_and_variance_and_repeats() -> None:
    """20,000 draws of n = 12, p = 0.3: the mean is 3.6 +- 4 sqrt(2.52 / 20000) = 0.045; the variance 2.52 within 5 %."""
    drawn = tinynn.random.binomial((20_000,), 12, 0.3, seed=5)
    assert abs(drawn.mean() - 3.6) < 0.045
    assert abs(drawn.var() / 2.52 - 1) < 0.05
    assert np.array_equal(drawn, tinynn.random.binomial((20_000,), 12, 0.3, seed=5))
    counts = np.array([0, 3, 50])
    several = tinynn.random.binomial((1000, 3), counts, [0.5, 1.0, 0.1], seed=1)
    assert (several[:, 0] == 0).all()
    assert (several[:, 1] == 3).all()
    assert 4 < several[:, 2].mean() < 6
