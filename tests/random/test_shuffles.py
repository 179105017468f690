"""fit's order of samples: a swap loop as oracle, recorded orders, and Keras's input pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn.random import batch_shuffle, fit_permutation
from tinynn.random.shuffles import _shuffle_words, _swapped

SEEDS = (0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1)


def _swap_loop(targets: list[int]) -> list[int]:
    order = list(range(len(targets)))
    for i, t in enumerate(targets):
        order[i], order[t] = order[t], order[i]
    return order


@st.composite
def _targets(draw: st.DrawFn) -> list[int]:
    n = draw(st.integers(0, 40))
    return [draw(st.integers(i, n - 1)) for i in range(n)]


@given(_targets())
def test_swapping_all_at_once_equals_one_after_another(targets: list[int]) -> None:
    np.testing.assert_array_equal(_swapped(np.array(targets, np.int64)), _swap_loop(targets))


@pytest.mark.parametrize("n", [100_003])
def test_swapping_all_at_once_equals_one_after_another_when_there_are_many(n: int) -> None:
    rng = np.random.default_rng(0)
    worst = np.full(n, n - 1)  # every step visits the same place: the longest chain there can be
    for targets in (np.arange(n) + rng.integers(0, n - np.arange(n)), worst):
        np.testing.assert_array_equal(_swapped(targets), _swap_loop(targets.tolist()))


@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_fit_permutation_swaps_by_words_modulo_what_is_left(seed: int, n: int) -> None:
    targets = [i + int(word) % (n - i) for i, word in enumerate(_shuffle_words(seed, n))]
    np.testing.assert_array_equal(fit_permutation(n, seed), _swap_loop(targets))


@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(1, 70))
def test_batch_shuffle_keeps_each_sample_in_its_batch(seed: int, n: int, batch_size: int) -> None:
    for some_seed in (seed, None):
        order = batch_shuffle(n, batch_size, some_seed)
        np.testing.assert_array_equal(np.sort(order), np.arange(n))
        np.testing.assert_array_equal(order // batch_size, np.arange(n) // batch_size)


def test_batch_shuffle_of_one_batch_is_fits_shuffle() -> None:
    np.testing.assert_array_equal(batch_shuffle(50, 50, 3), fit_permutation(50, 3))
    np.testing.assert_array_equal(batch_shuffle(50, 64, 3), fit_permutation(50, 3))


def test_recorded_orders_of_keras_come_out() -> None:
    """From Keras 3.15.1 on TensorFlow 2.21.0; seed 0 is the one that TensorFlow treats apart."""
    assert fit_permutation(10, 42).tolist() == [3, 8, 7, 5, 2, 0, 1, 6, 9, 4]
    assert fit_permutation(10, 0).tolist() == [2, 0, 5, 8, 7, 1, 9, 6, 3, 4]
    assert batch_shuffle(10, 4, 42).tolist() == [3, 2, 0, 1, 7, 5, 6, 4, 9, 8]


def test_without_a_seed_every_order_is_new_and_numpys_generator_untouched() -> None:
    before = np.random.get_state()[1].copy()
    for draw in (lambda: fit_permutation(1000, None), lambda: batch_shuffle(1000, 100, None)):
        first, second = draw(), draw()
        assert (first != second).any()
        np.testing.assert_array_equal(np.sort(first), np.arange(1000))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Against Keras ---------------------------------------------------------------------------------------------------------


def _keras_epochs(keras: Any, n: int, batch_size: int, shuffle: Any, epochs: int = 2) -> list[list[int]]:
    """The sample numbers that a model really sees in `fit`, an epoch a list."""
    seen: list[list[int]] = []

    class Recorder(keras.Model):  # type: ignore[misc,name-defined]
        def train_step(self, data: Any) -> dict[str, float]:
            seen[-1].extend(data[0].numpy().ravel().tolist())
            return {"loss": 0.0}

        def call(self, inputs: Any) -> Any:
            return inputs

    model = Recorder()
    model.compile(run_eagerly=True)
    x = np.arange(n)[:, None]
    new_epoch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append([]))
    model.fit(x, x, batch_size=batch_size, epochs=epochs, shuffle=shuffle, callbacks=[new_epoch], verbose=0)
    return seen


@pytest.mark.keras
@pytest.mark.parametrize("seed", SEEDS)
def test_fit_permutation_is_the_order_of_every_epoch_of_keras(keras: Any, seed: int) -> None:
    for n, batch_size in ((1, 4), (10, 4), (257, 64)):
        keras.utils.set_random_seed(seed)
        expected = fit_permutation(n, seed).tolist()
        assert _keras_epochs(keras, n, batch_size, True) == [expected, expected]
    assert _keras_epochs(keras, n, 300, True, epochs=1) == [expected]  # a later fit starts anew as well


@pytest.mark.keras
@pytest.mark.parametrize("batch_size", [1, 3, 8, 40])
def test_batch_shuffle_is_the_order_of_every_epoch_of_keras(keras: Any, batch_size: int) -> None:
    for n, seed in ((9, 0), (40, 7)):
        keras.utils.set_random_seed(seed)
        expected = batch_shuffle(n, batch_size, seed).tolist()
        assert _keras_epochs(keras, n, batch_size, "batch") == [expected, expected]


@pytest.mark.keras
def test_clear_session_leaves_the_order_alone_in_keras(keras: Any) -> None:
    keras.utils.set_random_seed(7)
    keras.backend.clear_session()
    assert _keras_epochs(keras, 20, 4, True, epochs=1) == [fit_permutation(20, 7).tolist()]
