"""Seeds: pairs, generators that count, and the state of a whole program."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tinynn.random import SeedGenerator, draw_seed, global_seed
from tinynn.random.seed_generator import seed_pair
from tinynn.utils.rng import get_random_seed, set_random_seed


@pytest.fixture(autouse=True)
def seeds_put_back() -> Iterator[None]:
    kept = global_seed._random_seed, global_seed._shuffle_seed, global_seed._generator
    of_python, of_numpy = random.getstate(), np.random.get_state()
    yield
    global_seed._random_seed, global_seed._shuffle_seed, global_seed._generator = kept
    random.setstate(of_python)
    np.random.set_state(of_numpy)


def test_a_generator_counts_its_uses() -> None:
    generator = SeedGenerator(5)
    pairs = [generator.next() for _ in range(3)]
    np.testing.assert_array_equal(pairs, [[5, 0], [5, 1], [5, 2]])
    np.testing.assert_array_equal(generator.state.numpy(), [5, 3])
    assert pairs[0].dtype == np.int64


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 20), st.integers(0, 20))
def test_take_equals_that_many_calls_of_next(seed: int, before: int, count: int) -> None:
    one, many = SeedGenerator(seed), SeedGenerator(seed)
    for generator in (one, many):
        for _ in range(before):
            generator.next()
    expected = [one.next() for _ in range(count)]
    np.testing.assert_array_equal(many.take(count), np.reshape(expected, (count, 2)))
    np.testing.assert_array_equal(many.state.value, one.state.value)


def test_the_state_is_a_variable_that_no_optimizer_trains() -> None:
    state = SeedGenerator(5, name="mask").state
    assert isinstance(state, tinynn.Variable)
    assert not state.trainable
    assert (state.name, state.path, state.dtype, state.shape) == (
        "seed_generator_state",
        "mask/seed_generator_state",
        "int64",
        (2,),
    )


def test_a_generator_without_a_seed_draws_one_from_python() -> None:
    random.seed(1)
    expected = random.randint(1, 10**9)
    random.seed(1)
    generator = SeedGenerator()
    assert generator.next().tolist() == [expected, 0]
    assert generator.get_config()["seed"] is None


def test_a_generator_comes_back_from_its_config_at_its_start() -> None:
    generator = SeedGenerator(5, name="mask")
    generator.next()
    again = SeedGenerator.from_config(generator.get_config())
    assert (again.name, again.next().tolist()) == ("mask", [5, 0])


@pytest.mark.parametrize("seed", [3.0, "3", (1, 2), True, np.int64(3), np.uint32(3)])
def test_seeds_that_are_not_python_integers_are_refused(seed: Any) -> None:
    for use in (SeedGenerator, draw_seed, lambda seed: tinynn.random.uniform((2,), seed=seed)):
        with pytest.raises(ValueError, match=r"must be a Python integer, a SeedGenerator or None; got .* of type"):
            use(seed)


def test_the_error_for_a_numpy_seed_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"Write seed=3\."):
        SeedGenerator(np.int64(3))  # type: ignore[arg-type]


def test_seeds_beyond_64_bits_are_refused() -> None:
    assert seed_pair(-(2**63)).tolist() == [-(2**63), 0]
    for seed in (2**63, -(2**63) - 1):
        with pytest.raises(ValueError, match=f"must fit in 64 bits; got {seed}"):
            seed_pair(seed)


def test_draw_seed_repeats_an_integer_and_moves_a_generator_on() -> None:
    assert [draw_seed(5).tolist() for _ in range(2)] == [[5, 0], [5, 0]]
    generator = SeedGenerator(5)
    assert [draw_seed(generator).tolist() for _ in range(2)] == [[5, 0], [5, 1]]


def test_calls_without_a_seed_repeat_after_set_random_seed() -> None:
    """Seed 3 gives the generator 255512576 from Python's `random`; Keras then draws 0.49793148, 0.44196475, 0.8024403."""
    set_random_seed(3)
    found = [tinynn.random.uniform((1,), dtype="float32").item() for _ in range(3)]
    np.testing.assert_array_equal(np.float32(found), np.float32([0.49793148, 0.44196475, 0.8024403]))
    set_random_seed(3)
    assert [draw_seed(None).tolist() for _ in range(2)] == [[255512576, 0], [(255512577 * 5387) % 933199, 5387]]


def test_set_random_seed_seeds_python_numpy_and_the_shuffle() -> None:
    set_random_seed(9)
    assert (random.random(), np.random.rand()) == (random.Random(9).random(), np.random.RandomState(9).rand())
    assert get_random_seed() == global_seed.shuffle_seed() == 9


def test_clear_session_forgets_the_seed_but_not_the_shuffles() -> None:
    set_random_seed(9)
    generator = global_seed.global_seed_generator()
    state = random.getstate()
    global_seed.reset()
    assert get_random_seed() is None
    assert global_seed.shuffle_seed() == 9
    assert random.getstate() == state
    assert global_seed.global_seed_generator() is not generator


@pytest.mark.parametrize("seed", [-1, 2**32, 3.0, None, np.int64(3)])
def test_set_random_seed_refuses_other_seeds_and_changes_nothing(seed: Any) -> None:
    set_random_seed(9)
    state = random.getstate()
    with pytest.raises(ValueError, match=r"set_random_seed expects"):
        set_random_seed(seed)
    assert random.getstate() == state
    assert get_random_seed() == 9


# Against Keras ---------------------------------------------------------------------------------------------------------


@pytest.mark.keras
def test_generators_hold_the_state_that_keras_holds(keras: Any) -> None:
    for seed in (0, 5, -5, 2**31 - 2, 2**40, -(2**63)):
        ours, theirs = SeedGenerator(seed, name="g"), keras.random.SeedGenerator(seed, name="g")
        for ordered in (True, True, False, False, True):
            np.testing.assert_array_equal(ours.next(ordered=ordered), theirs.next(ordered=ordered).numpy())
        found, expected = ours.state.numpy(), theirs.state.numpy()
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
        assert ours.get_config() == theirs.get_config()
        assert (ours.state.name, ours.state.path) == (theirs.state.name, theirs.state.path)


@pytest.mark.keras
def test_unseeded_calls_follow_keras_after_set_random_seed_and_clear_session(keras: Any) -> None:
    for seed in (0, 3, 2**32 - 1):
        keras.utils.set_random_seed(seed)
        expected = [keras.random.uniform((3,)).numpy() for _ in range(3)]
        keras.backend.clear_session()
        expected += [keras.random.uniform((3,)).numpy() for _ in range(2)]
        set_random_seed(seed)
        found = [tinynn.random.uniform((3,)) for _ in range(3)]
        global_seed.reset()
        found += [tinynn.random.uniform((3,)) for _ in range(2)]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.keras
@pytest.mark.parametrize("seed", [-1, 2**32, 3.0, np.int64(3)])
def test_keras_refuses_the_same_seeds(keras: Any, seed: Any) -> None:
    with pytest.raises(ValueError):
        keras.utils.set_random_seed(seed)
    if not isinstance(seed, int):
        with pytest.raises(ValueError):
            keras.random.SeedGenerator(seed)
