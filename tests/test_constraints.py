"""Constraints: values as Keras's, what they promise, names and descriptions, and when they are applied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.models.twins import Run, assert_twins
from tests.strategies import arrays
from tinynn import constraints, layers

MADE = {
    "MaxNorm": lambda c: c.MaxNorm(1.0),
    "MaxNorm of rows": lambda c: c.MaxNorm(1, axis=1),
    "MaxNorm of all": lambda c: c.MaxNorm(1.5, axis=[0, 1]),
    "MinMaxNorm": lambda c: c.MinMaxNorm(0.5, 1.0, 0.7),
    "MinMaxNorm, strict": lambda c: c.MinMaxNorm(1.5, 2.0),
    "UnitNorm": lambda c: c.UnitNorm(),
    "UnitNorm of rows": lambda c: c.UnitNorm(axis=-1),
    "NonNeg": lambda c: c.NonNeg(),
    "Constraint": lambda c: c.Constraint(),
}


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MADE)
def test_values_are_keras_s(keras: Any, name: str, dtype: str) -> None:
    w = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    w[:, 3] = 0
    ours, theirs = (np.asarray(MADE[name](k.constraints)(w)) for k in (tinynn, keras))
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert np.allclose(ours, theirs, rtol=12 * np.finfo(dtype).eps, atol=0)  # sums of 12 squares, a root, a quotient


@pytest.mark.keras
def test_other_shapes_and_axes_are_keras_s(keras: Any) -> None:
    random = np.random.default_rng(0)
    for shape, axis in (((4,), 0), ((2, 3, 4), 0), ((2, 3, 4), 1), ((2, 3, 4), [0, 2]), ((2, 3, 4), [-1, 1])):
        w = random.normal(size=shape)
        ours, theirs = (np.asarray(k.constraints.MaxNorm(0.5, axis=axis)(w)) for k in (tinynn, keras))
        assert np.allclose(ours, theirs, rtol=1e-14, atol=0), (shape, axis)


@given(w=arrays((3, 4), away_from_zero=1e-3), limit=st.floats(0.1, 5))
def test_lengths_are_within_their_limits(w: Any, limit: float) -> None:
    norms = np.sqrt((constraints.MaxNorm(limit)(w) ** 2).sum(axis=0))
    assert (norms <= limit * (1 + 1e-14)).all()
    within = np.sqrt((w**2).sum(axis=0)) <= limit
    # epsilon, 1e-7, takes its share of a length of at least 1e-3
    assert np.allclose(constraints.MaxNorm(limit)(w)[:, within], w[:, within], rtol=2e-4)
    assert np.allclose((constraints.UnitNorm()(w) ** 2).sum(axis=0), 1, rtol=4e-4)
    norms = np.sqrt((constraints.MinMaxNorm(limit, 2 * limit)(w) ** 2).sum(axis=0))
    assert ((norms >= limit * (1 - 2e-4)) & (norms <= 2 * limit * (1 + 1e-14))).all()
    assert np.array_equal(constraints.NonNeg()(w), np.maximum(w, 0))


def test_half_the_way_to_the_limit() -> None:
    w = np.array([[3.0], [4.0]])  # length 5, towards 1: half the way is 3
    assert np.allclose(constraints.MinMaxNorm(0.0, 1.0, rate=0.5)(w), w * 3 / 5, rtol=1e-7)


@pytest.mark.keras
@pytest.mark.parametrize("identifier", ["max_norm", "MaxNorm", "min_max_norm", "non_neg", "UnitNorm", "constraint"])
def test_get_and_serialize_are_keras_s(keras: Any, identifier: str) -> None:
    ours, theirs = constraints.get(identifier), keras.constraints.get(identifier)
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
    again = constraints.deserialize(constraints.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()


@pytest.mark.keras
def test_public_names_are_keras_s(keras: Any) -> None:
    assert {name for name in dir(keras.constraints) if not name.startswith("_")} == set(constraints.__all__)


def test_what_a_constraint_may_be() -> None:
    assert constraints.get(None) is None
    assert constraints.get(np.round) is np.round
    with pytest.raises(ValueError, match='Did you mean "non_neg"'):
        constraints.get("nonneg")
    with pytest.raises(ValueError, match="got 3 of type int"):
        constraints.get(3)


@pytest.mark.keras
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_they_hold_after_every_step_as_in_keras(keras: Any, optimizer: str) -> None:
    def stack(k: Any) -> list[Any]:
        hidden = k.layers.Dense(
            4, "tanh", kernel_constraint=k.constraints.MinMaxNorm(0.4, 0.6, 0.9), bias_constraint="non_neg"
        )
        return [k.Input((3,)), hidden, k.layers.Dense(2, kernel_constraint="unit_norm")]

    random = np.random.default_rng(0)
    run = Run(stack, random.normal(size=(9, 3)), random.normal(size=(9, 2)), loss="mse", optimizer=optimizer)
    found = assert_twins(keras, run)
    kernel, bias, last = found.weights[:3]
    assert (bias >= 0).all()
    assert (np.sqrt((kernel**2).sum(axis=0)) < 0.75).all()
    assert np.allclose((last**2).sum(axis=0), 1, rtol=1e-6)


def test_they_leave_frozen_and_initial_weights_alone() -> None:
    model = tinynn.Sequential(
        [tinynn.Input((2,)), layers.Dense(2, kernel_constraint="unit_norm", trainable=False), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    model.train_on_batch(np.ones((2, 2)), np.ones((2, 1)))
    assert np.array_equal(model.get_weights()[0], before)
    assert not np.allclose((before**2).sum(axis=0), 1)
    assert isinstance(model.layers[0].kernel.constraint, constraints.UnitNorm)
    assert model.layers[0].kernel.regularizer is None
