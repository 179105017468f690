"""Losses: by hand where a hand suffices, every backward pass against the complex step or central differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import assert_gradient, complex_step_gradient
from tests.strategies import arrays, probabilities, sizes
from tinynn.kernels import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_squared_error,
    sigmoid_crossentropy,
    softmax_crossentropy,
)

EPSILON = 1e-7


def softmax_losses(y_true: Any, logits: Any) -> Any:
    probs, losses = np.empty_like(logits), np.empty(len(logits), logits.dtype)
    softmax_crossentropy.forward(y_true, logits, probs, losses)
    return losses


def sparse_losses(labels: Any, logits: Any) -> Any:
    probs, losses = np.empty_like(logits), np.empty(len(logits), logits.dtype)
    softmax_crossentropy.sparse_forward(labels, logits, probs, losses)
    return losses


def entrywise(kernel: Any, y_true: Any, y_pred: Any, *settings: float) -> Any:
    losses = np.empty_like(y_pred)
    kernel.forward(y_true, y_pred, *settings, losses)
    return losses


def per_row(kernel: Any, y_true: Any, y_pred: Any, *settings: float) -> Any:
    losses = np.empty(len(y_pred), y_pred.dtype)
    kernel.forward(y_true, y_pred, *settings, losses)
    return losses


@given(data=st.data(), batch=sizes, classes=st.integers(2, 6))
def test_softmax_crossentropy_backward(data: Any, batch: int, classes: int) -> None:
    logits, y_true = data.draw(arrays((batch, classes), bound=20.0)), data.draw(probabilities(batch, classes))
    d_losses = data.draw(arrays((batch,)))
    probs, losses, d_logits = np.empty_like(logits), np.empty(batch), np.empty_like(logits)
    softmax_crossentropy.forward(y_true, logits, probs, losses)
    softmax_crossentropy.backward(d_losses, y_true, probs, d_logits)
    expected = complex_step_gradient(lambda z: softmax_losses(y_true, z), logits, d_losses)
    assert_gradient(d_logits, expected, classes, scale=4.0)


@given(data=st.data(), batch=sizes, classes=st.integers(1, 6))
def test_sparse_is_categorical_with_one_hot_rows(data: Any, batch: int, classes: int) -> None:
    logits = data.draw(arrays((batch, classes), bound=20.0))
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=batch, max_size=batch)))
    d_losses = data.draw(arrays((batch,)))
    one_hot = np.eye(classes)[labels]
    found, expected = [np.empty_like(logits) for _ in range(2)], [np.empty_like(logits) for _ in range(2)]
    losses_found, losses_expected = np.empty(batch), np.empty(batch)
    softmax_crossentropy.sparse_forward(labels, logits, found[0], losses_found)
    softmax_crossentropy.sparse_backward(d_losses, labels, found[0], found[1])
    softmax_crossentropy.forward(one_hot, logits, expected[0], losses_expected)
    softmax_crossentropy.backward(d_losses, one_hot, expected[0], expected[1])
    assert np.array_equal(found[1], expected[1])
    # One entry against a sum in which the others are zeros: no rounding differs.
    assert np.array_equal(losses_found, losses_expected)


@given(data=st.data(), batch=sizes, outputs=sizes)
def test_sigmoid_crossentropy_backward(data: Any, batch: int, outputs: int) -> None:
    logits = data.draw(arrays((batch, outputs), bound=30.0, away_from_zero=1e-9))
    y_true, d_losses = data.draw(probabilities(batch, outputs)), data.draw(arrays((batch, outputs)))
    d_logits = np.empty_like(logits)
    sigmoid_crossentropy.backward(d_losses, y_true, logits, d_logits)
    expected = complex_step_gradient(lambda z: entrywise(sigmoid_crossentropy, y_true, z), logits, d_losses)
    assert_gradient(d_logits, expected, 1, scale=4.0)


@given(data=st.data(), batch=sizes, classes=st.integers(2, 6))
def test_categorical_crossentropy_backward(data: Any, batch: int, classes: int) -> None:
    y_true = data.draw(probabilities(batch, classes))
    probs = data.draw(probabilities(batch, classes)) * data.draw(st.floats(0.5, 2.0))
    d_losses = data.draw(arrays((batch,)))
    d_probs = np.empty_like(probs)
    categorical_crossentropy.backward(d_losses, y_true, probs, EPSILON, d_probs)
    expected = complex_step_gradient(lambda z: per_row(categorical_crossentropy, y_true, z, EPSILON), probs, d_losses)
    assert_gradient(d_probs, expected, classes, scale=4.0 / probs.min() ** 2)


@given(data=st.data(), batch=sizes, outputs=sizes)
def test_binary_crossentropy_backward(data: Any, batch: int, outputs: int) -> None:
    y_true, probs = data.draw(probabilities(batch, outputs)), 0.98 * data.draw(probabilities(batch, outputs))
    d_losses = data.draw(arrays((batch, outputs)))
    d_probs = np.empty_like(probs)
    binary_crossentropy.backward(d_losses, y_true, probs, EPSILON, d_probs)
    expected = complex_step_gradient(lambda z: entrywise(binary_crossentropy, y_true, z, EPSILON), probs, d_losses)
    # The largest term is 4 / (1 - p)^2 <= 4 / 0.02^2 as p -> 0.98, or 4 / p^2.
    assert_gradient(d_probs, expected, 2, scale=4.0 / min(probs.min(), 1 - probs.max()) ** 2)


@given(data=st.data(), batch=sizes, outputs=sizes)
def test_mean_squared_error_backward(data: Any, batch: int, outputs: int) -> None:
    y_true, y_pred = data.draw(arrays((batch, outputs))), data.draw(arrays((batch, outputs)))
    d_losses = data.draw(arrays((batch,)))
    d_pred = np.empty_like(y_pred)
    mean_squared_error.backward(d_losses, y_true, y_pred, d_pred)
    expected = complex_step_gradient(lambda z: per_row(mean_squared_error, y_true, z), y_pred, d_losses)
    assert_gradient(d_pred, expected, outputs, scale=64.0)


def test_crossentropies_by_hand() -> None:
    # p = (1/4, 3/4): a certain label for class 0 costs ln 4, for class 1 ln 4/3.
    logits = np.log([[1.0, 3.0]])
    assert np.allclose(sparse_losses(np.array([0]), logits), math.log(4), rtol=1e-15)
    assert np.allclose(softmax_losses(np.array([[0.0, 1.0]]), logits), math.log(4 / 3), rtol=1e-15)
    assert np.allclose(
        per_row(categorical_crossentropy, np.array([[1.0, 0.0]]), np.array([[1.0, 3.0]]), EPSILON), math.log(4)
    )
    # sigmoid(ln 3) = 3/4
    assert np.allclose(entrywise(sigmoid_crossentropy, np.array([0.0]), np.log([3.0])), math.log(4), rtol=1e-15)
    assert np.allclose(
        entrywise(binary_crossentropy, np.array([0.0]), np.array([0.75]), EPSILON), math.log(4), rtol=1e-15
    )
    assert np.allclose(per_row(mean_squared_error, np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])), (4 + 9) / 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_keep_what_clipped_probabilities_lose(dtype: type) -> None:
    """PARITY_TRAPS.md: 120 from the logits of a saturated case, 16.1 from its clipped probabilities."""
    logits = np.array([[0.0, 120.0]], dtype)
    assert sparse_losses(np.array([0]), logits)[0] == 120
    clipped = per_row(categorical_crossentropy, np.array([[1.0, 0.0]], dtype), np.array([[0.0, 1.0]], dtype), EPSILON)
    assert clipped[0] == pytest.approx(-math.log(EPSILON), rel=1e-6)
    assert entrywise(sigmoid_crossentropy, np.array([0.0], dtype), np.array([120.0], dtype))[0] == 120


@pytest.mark.parametrize("kernel", [categorical_crossentropy, binary_crossentropy])
def test_the_clip_stops_the_gradient(kernel: Any) -> None:
    probs = np.array([[0.0, 1.0]])
    d_probs = np.full_like(probs, np.nan)
    d_losses = np.array([1.0]) if kernel is categorical_crossentropy else np.ones_like(probs)
    kernel.backward(d_losses, np.array([[1.0, 0.0]]), probs, EPSILON, d_probs)
    assert np.array_equal(d_probs, [[0.0, 0.0]])
