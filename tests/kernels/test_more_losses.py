"""The other losses: kernels against their definitions in complex numbers, which give value and slope; kinks by hand.

The definitions below are written from the formulas of the papers, entry by entry, and know nothing of the kernels' order
of operations. They take complex y_pred and y_true: see tests/oracles.py for the complex step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import EPS, complex_step_gradient
from tests.strategies import arrays, probabilities, sizes
from tinynn._typing import Array
from tinynn.kernels import (
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    circle,
    cosine_similarity,
    dice,
    generalized_crossentropy,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_percentage_error,
    mean_squared_logarithmic_error,
    poisson,
    sigmoid_focal_crossentropy,
    squared_hinge,
    tversky,
)

EPSILON = 1e-7


def size(x: Array) -> Array:
    return np.where(x.real < 0, -x, x)


def positive(x: Array) -> Array:
    return np.where(x.real > 0, x, 0)


def largest(x: Array) -> Array:
    return np.take_along_axis(x, x.real.argmax(axis=1)[:, None], 1)[:, 0]


def unit(x: Array) -> Array:
    return x / np.sqrt((x * x).sum(axis=1, keepdims=True))


def of_error(function: Any) -> Any:
    return lambda t, p: function(p - t).mean(axis=1)


def of_logits(gamma: float) -> Any:
    def loss(y: Array, x: Array) -> Array:
        s = 1 / (1 + np.exp(-x))
        return focal(gamma)(y, s)

    return loss


def focal(gamma: float) -> Any:
    """alpha 0.3, one class at a time: y weighs the two cases."""

    def loss(y: Array, p: Array) -> Array:
        right = y * p + (1 - y) * (1 - p)
        entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        return ((0.3 * y + 0.7 * (1 - y)) * (1 - right) ** gamma * entropy).mean(axis=1)

    return loss


def categorical_focal(gamma: float) -> Any:
    def loss(y: Array, p: Array) -> Array:
        q = p / p.sum(axis=1, keepdims=True)
        return -(0.3 * (1 - q) ** gamma * y * np.log(q)).sum(axis=1)

    return loss


def overlap(alpha: float, beta: float) -> Any:
    def loss(t: Array, p: Array) -> Array:
        both, missed, false = (x.sum(axis=1) for x in (t * p, (1 - p) * t, p * (1 - t)))
        return 1 - both / (both + alpha * missed + beta * false + EPSILON)

    return loss


def alpha_of(classes: int) -> Array:
    return np.full(classes, 0.3)


# kernel, settings, definition, the kind of its arguments, a bound for the slopes of its slopes
ANYTHING, SHARES, ONE_HOT, LOGITS = "anything", "shares", "one-hot", "logits"
LOSSES: dict[str, tuple[Any, tuple[Any, ...], Any, str]] = {
    "percentage": (
        mean_absolute_percentage_error,
        (EPSILON,),
        lambda t, p: 100 * (size(t - p) / size(t)).mean(axis=1),
        ANYTHING,
    ),
    "logarithmic": (
        mean_squared_logarithmic_error,
        (EPSILON,),
        lambda t, p: ((np.log(1 + p) - np.log(1 + t)) ** 2).mean(axis=1),
        SHARES,
    ),
    "huber": (
        huber,
        (1.3,),
        of_error(lambda e: np.where(np.abs(e) <= 1.3, e * e / 2, 1.3 * size(e) - 1.3**2 / 2)),
        ANYTHING,
    ),
    "log cosh": (log_cosh, (), of_error(lambda e: np.log(np.cosh(e)) - 1.90465e-9), ANYTHING),
    "divergence": (kl_divergence, (EPSILON,), lambda t, p: (t * np.log(t / p)).sum(axis=1), SHARES),
    "poisson": (poisson, (EPSILON,), lambda t, p: (p - t * np.log(p + EPSILON)).mean(axis=1), SHARES),
    "hinge": (hinge, (), lambda t, p: positive(1 - t * p).mean(axis=1), ANYTHING),
    "squared hinge": (squared_hinge, (), lambda t, p: (positive(1 - t * p) ** 2).mean(axis=1), ANYTHING),
    "categorical hinge": (
        categorical_hinge,
        (),
        lambda t, p: positive(largest((1 - t) * p) - (t * p).sum(axis=1) + 1),
        SHARES,
    ),
    "cosine": (cosine_similarity, (EPSILON,), lambda t, p: -(unit(t) * unit(p)).sum(axis=1), ANYTHING),
    "dice": (
        dice,
        (EPSILON,),
        lambda t, p: 1 - 2 * (t * p).sum(axis=1) / (t.sum(axis=1) + p.sum(axis=1) + EPSILON),
        SHARES,
    ),
    "tversky": (tversky, (0.3, 0.8, EPSILON), overlap(0.3, 0.8), SHARES),
    "focal": (binary_focal_crossentropy, (True, 0.3, 2.0, EPSILON), focal(2.0), SHARES),
    "focal, steep": (binary_focal_crossentropy, (True, 0.3, 0.5, EPSILON), focal(0.5), SHARES),
    "focal of logits": (sigmoid_focal_crossentropy, (True, 0.3, 2.0), of_logits(2.0), LOGITS),
    "focal of logits, flat": (sigmoid_focal_crossentropy, (True, 0.3, 0.0), of_logits(0.0), LOGITS),
    "categorical focal": (
        categorical_focal_crossentropy,
        (alpha_of, 2.0, EPSILON),
        categorical_focal(2.0),
        ONE_HOT,
    ),
    "categorical focal, steep": (
        categorical_focal_crossentropy,
        (alpha_of, 0.5, EPSILON),
        categorical_focal(0.5),
        ONE_HOT,
    ),
}


def draw_pair(data: Any, kind: str, batch: int, columns: int) -> tuple[Array, Array]:
    if kind == ANYTHING:
        y_true, y_pred = (data.draw(arrays((batch, columns), away_from_zero=0.05)) for _ in range(2))
        y_true[0, 0] = 2.5  # not all labels are 0 or 1
        # Off the kinks, and off where they tie: at y_pred = y_true, at y_true y_pred = 1, at |error| = 1.3.
        for near in (y_pred - y_true, y_true * y_pred - 1, np.abs(y_pred - y_true) - 1.3):
            y_pred += 1e-3 * (np.abs(near) < 1e-4)
        return y_true, y_pred
    if kind == LOGITS:
        return data.draw(probabilities(batch, columns)), data.draw(arrays((batch, columns), away_from_zero=0.05))
    labels = np.array(data.draw(st.lists(st.integers(0, columns - 1), min_size=batch, max_size=batch)))
    y_pred = 0.98 * data.draw(probabilities(batch, columns, low=0.1)) + 1e-3 * np.arange(columns) / columns
    if kind == ONE_HOT:
        return np.eye(columns)[labels], y_pred
    return 0.9 * np.eye(columns)[labels] + 0.1 / columns, y_pred


def settings_of(name: str, columns: int) -> tuple[Any, ...]:
    return tuple(setting(columns) if callable(setting) else setting for setting in LOSSES[name][1])


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=20)
@given(data=st.data(), batch=sizes, columns=st.integers(2, 5))
def test_value_and_slopes_are_those_of_the_definition(name: str, data: Any, batch: int, columns: int) -> None:
    kernel, _, definition, kind = LOSSES[name]
    y_true, y_pred = draw_pair(data, kind, batch, columns)
    numbers = settings_of(name, columns)
    d_losses = data.draw(arrays((batch,)))
    losses, d_pred = np.empty(batch), np.empty_like(y_pred)
    kernel.forward(y_true, y_pred, *numbers, losses)
    kernel.backward(d_losses, y_true, y_pred, *numbers, d_pred)
    # log 2 in float32 is known to six digits above: 1e-14 of 1.9e-9.
    assert np.allclose(losses, definition(y_true, y_pred), rtol=1e-13, atol=1e-13)
    expected = complex_step_gradient(lambda p: definition(y_true, p), y_pred, d_losses)
    assert_slopes(d_pred, expected, y_pred)
    if hasattr(kernel, "backward_true"):
        d_true = np.empty_like(y_true)
        kernel.backward_true(d_losses, y_true, y_pred, *numbers, d_true)
        expected = complex_step_gradient(lambda t: definition(t, y_pred), y_true, d_losses)
        assert_slopes(d_true, expected, y_true)


def assert_slopes(found: Array, expected: Array, at: Array) -> None:
    """Some thirty roundings, each of terms that are at most 1 / distance^2 from the pole at 0 times 100 (percent)."""
    scale = max(1.0, float(np.abs(expected).max()), 1 / np.abs(at).min() ** 2)
    assert np.abs(found - expected).max() <= 30 * EPS * 8 * scale


@given(data=st.data(), batch=st.integers(1, 5), refs=st.integers(1, 5), among=st.booleans(), diagonal=st.booleans())
def test_circle_is_its_definition(data: Any, batch: int, refs: int, among: bool, diagonal: bool) -> None:
    gamma, margin = 5.0, 0.25
    y_pred = unit(data.draw(arrays((batch, 3), away_from_zero=0.05)))
    labels = np.array(data.draw(st.lists(st.integers(0, 1), min_size=batch, max_size=batch)))
    others = y_pred.copy() if among else unit(data.draw(arrays((refs, 3), away_from_zero=0.05)))
    kinds = labels if among else np.arange(refs) % 2
    d_losses = data.draw(arrays((batch,)))

    def definition(p: Array, r: Array) -> Array:
        d = 1 - p @ r.T
        d = np.where(d.real < 0, 0, d)
        near, far = positive(margin + d), positive(1 + margin - d)
        same = labels[:, None] == kinds[None, :]
        counts = same & ~np.eye(*same.shape, dtype=bool) if diagonal else same
        sums = [
            np.where(kind, np.exp(gamma * weight * distance), 0).sum(axis=1)
            for kind, weight, distance in ((counts, near, d - margin), (~same, far, 1 - margin - d))
        ]
        return np.log(1 + sums[0] * sums[1])

    losses, d_pred, d_ref = np.empty(batch), np.empty_like(y_pred), np.empty_like(others)
    circle.forward(labels, y_pred, kinds, others, gamma, margin, diagonal, losses)
    circle.backward(d_losses, labels, y_pred, kinds, others, gamma, margin, diagonal, d_pred, d_ref)
    # Exponents up to 5 (2.25)^2 = 25 and slopes up to 30: a rounding in them moves the loss by as many eps. Where a product
    # of a row with itself is 1 but for rounding, the cut at 0 leaves out a slope of that size.
    assert np.allclose(losses, definition(y_pred, others), rtol=1e-12, atol=1e-12)
    free = np.abs(1 - y_pred @ others.T) > 1e-9
    if free.all():
        assert np.allclose(d_pred, complex_step_gradient(lambda p: definition(p, others), y_pred, d_losses), atol=1e-10)
        assert np.allclose(d_ref, complex_step_gradient(lambda r: definition(y_pred, r), others, d_losses), atol=1e-10)


@given(data=st.data(), batch=sizes, classes=st.integers(2, 5), q=st.floats(0.05, 0.95))
def test_generalized_crossentropy_is_its_definition(data: Any, batch: int, classes: int, q: float) -> None:
    probs = data.draw(probabilities(batch, classes, low=0.1))
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=batch, max_size=batch)))
    d_losses, losses, d_probs = data.draw(arrays((batch,))), np.empty(batch), np.empty_like(probs)

    def definition(p: Array) -> Array:
        return (1 - p[np.arange(batch), labels] ** q) / q

    generalized_crossentropy.forward(labels, probs, q, losses)
    generalized_crossentropy.backward(d_losses, labels, probs, q, d_probs)
    assert np.allclose(losses, definition(probs), rtol=1e-13, atol=1e-13)
    assert np.allclose(d_probs, complex_step_gradient(definition, probs, d_losses), rtol=1e-13, atol=1e-13)


# By hand ----------------------------------------------------------------------------------------------------------------


def value(kernel: Any, y_true: Any, y_pred: Any, *settings: Any) -> Array:
    losses = np.empty(len(y_pred))
    kernel.forward(np.array(y_true, float), np.array(y_pred, float), *settings, losses)
    return losses


def slope(kernel: Any, y_true: Any, y_pred: Any, *settings: Any) -> Any:
    y_pred = np.array(y_pred, float)
    d_pred = np.full_like(y_pred, np.nan)
    kernel.backward(np.ones(len(y_pred)), np.array(y_true, float), y_pred, *settings, d_pred)
    return d_pred.tolist()


def test_values_by_hand() -> None:
    assert value(mean_absolute_percentage_error, [[4, 2]], [[3, 3]], EPSILON) == 100 * (1 / 4 + 1 / 2) / 2
    assert value(mean_absolute_percentage_error, [[0]], [[1]], EPSILON) == pytest.approx(1e9)
    assert value(mean_squared_logarithmic_error, [[0]], [[math.e - 1]], 0.0) == pytest.approx(1)
    assert value(huber, [[0, 0]], [[1, 3]], 2.0).tolist() == [(1 / 2 + (2 * 3 - 2)) / 2]
    assert value(log_cosh, [[0]], [[1000]]) == pytest.approx(1000 - math.log(2))  # cosh itself would overflow
    assert value(kl_divergence, [[0.5, 0.5]], [[0.25, 0.75]], EPSILON) == pytest.approx(
        math.log(2) / 2 + math.log(2 / 3) / 2
    )
    assert value(poisson, [[2]], [[math.e]], 0.0) == pytest.approx(math.e - 2)
    assert value(hinge, [[0, 1]], [[0.5, 0.5]]).tolist() == [(1.5 + 0.5) / 2]  # 0 counts as -1
    assert value(hinge, [[0, 2]], [[0.5, 0.5]]).tolist() == [(1.0 + 0.0) / 2]  # but not beside a 2
    assert value(squared_hinge, [[-1, 1]], [[0.5, 0.5]]).tolist() == [(1.5**2 + 0.5**2) / 2]
    assert value(categorical_hinge, [[0, 1, 0]], [[3, 2.5, 1]]).tolist() == [1.5]
    assert value(cosine_similarity, [[3, 4]], [[4, 3]], EPSILON) == pytest.approx(-24 / 25)
    assert value(dice, [[1, 1, 0]], [[1, 0, 0]], 0.0).tolist() == [1 - 2 / 3]
    assert value(tversky, [[1, 1, 0]], [[1, 0, 1]], 0.25, 0.5, 0.0) == pytest.approx(1 - 1 / 1.75)
    assert value(binary_focal_crossentropy, [[1]], [[0.75]], False, 0.25, 2.0, EPSILON) == pytest.approx(
        math.log(4 / 3) / 16
    )
    assert value(sigmoid_focal_crossentropy, [[1]], [[math.log(3)]], False, 0.25, 2.0) == pytest.approx(
        math.log(4 / 3) / 16
    )
    assert value(
        categorical_focal_crossentropy, [[0, 1]], [[1, 3]], np.array([9.0, 0.25]), 2.0, EPSILON
    ) == pytest.approx(math.log(4 / 3) / 64)


def test_choices_at_kinks() -> None:
    """As TensorFlow chooses: max and clip let a slope through at equality, |x| has none at 0."""
    assert slope(mean_absolute_percentage_error, [[1.0]], [[1.0]], EPSILON) == [[0]]
    assert slope(mean_squared_logarithmic_error, [[1.0]], [[0.0]], EPSILON) == [[0]]
    assert slope(huber, [[0, 0, 0]], [[1.0, -1.0, 9.0]], 1.0) == [[1 / 3, -1 / 3, 1 / 3]]
    assert slope(hinge, [[1, -1]], [[1.0, -2.0]]) == [[-0.5, 0]]
    assert slope(squared_hinge, [[1, -1]], [[1.0, -2.0]]) == [[0, 0]]
    assert slope(categorical_hinge, [[0, 1, 0]], [[0.5, 1.5, 0.5]]) == [[0.5, -1, 0.5]]
    assert slope(categorical_hinge, [[0, 1, 0]], [[0.5, 1.75, 0.5]]) == [[0, 0, 0]]
    assert slope(kl_divergence, [[1.0, 0.5]], [[1.0, 2.0]], EPSILON) == [[-1, 0]]
    assert slope(cosine_similarity, [[3.0, 4.0]], [[0.0, 0.0]], EPSILON) == pytest.approx(np.array([[-6e6, -8e6]]))
    assert slope(categorical_focal_crossentropy, [[1.0, 0.0]], [[0.0, 1.0]], alpha_of(2), 2.0, EPSILON) == [[0, 0]]


def test_focal_slopes_stay_numbers_where_nothing_is_missed() -> None:
    """With gamma below 1 the power's slope is infinite at 0; TensorFlow has NaN there."""
    for gamma in (0.0, 0.5):
        assert slope(binary_focal_crossentropy, [[0, 1]], [[0.0, 1.0]], False, 0.25, gamma, EPSILON) == [[0, 0]]
        assert np.isfinite(slope(sigmoid_focal_crossentropy, [[0, 1]], [[-800.0, 800.0]], False, 0.25, gamma)).all()


def test_saturated_logits_keep_what_clipped_probabilities_lose() -> None:
    assert value(sigmoid_focal_crossentropy, [[0]], [[120.0]], False, 0.25, 2.0).tolist() == [120]
    assert value(binary_focal_crossentropy, [[0]], [[1.0]], False, 0.25, 2.0, EPSILON) == pytest.approx(
        -math.log(EPSILON), rel=1e-6
    )


def test_a_label_that_is_no_class_costs_one_over_q() -> None:
    probs, labels = np.array([[0.3, 0.7], [0.3, 0.7], [1.0, 0.0]]), np.array([-1, 2, 1])
    losses, d_probs = np.empty(3), np.empty_like(probs)
    generalized_crossentropy.forward(labels, probs, 0.5, losses)
    generalized_crossentropy.backward(np.ones(3), labels, probs, 0.5, d_probs)
    assert losses.tolist() == [2, 2, 2]
    assert d_probs.tolist() == [[0, 0], [0, 0], [0, -np.inf]]


def test_a_sample_without_a_pair_costs_nothing() -> None:
    y_pred, labels = np.eye(3), np.array([0, 0, 1])
    losses, d_pred, d_ref = np.empty(3), np.empty((3, 3)), np.empty((3, 3))
    circle.forward(labels, y_pred, labels, y_pred, 80.0, 0.4, True, losses)
    circle.backward(np.array([0.0, 0.0, 1.0]), labels, y_pred, labels, y_pred, 80.0, 0.4, True, d_pred, d_ref)
    assert losses[2] == 0
    assert losses[0] > 0
    assert not d_pred.any()
    assert not d_ref.any()
