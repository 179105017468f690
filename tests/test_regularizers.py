"""Regularizers: values and derivatives as Keras's, names and descriptions, and what they do to the loss of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynn
from tests.models.twins import Run, assert_twins
from tests.strategies import arrays
from tinynn import GradientTape, layers, ops, regularizers

MADE = {
    "L1": lambda r: r.L1(0.1),
    "L2": lambda r: r.L2(0.1),
    "L1L2": lambda r: r.L1L2(0.1, 0.3),
    "L1L2, one": lambda r: r.L1L2(l2=0.3),
    "rows": lambda r: r.OrthogonalRegularizer(0.1),
    "columns": lambda r: r.OrthogonalRegularizer(0.1, mode="columns"),
}


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MADE)
def test_values_and_derivatives_are_keras_s(keras: Any, name: str, dtype: str) -> None:
    import tensorflow as tf

    if name in ("rows", "columns") and dtype == "float64":
        pytest.skip("Keras refuses float64 there")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    variable = tinynn.Variable(x)
    with GradientTape() as tape:
        ours = MADE[name](regularizers)(variable)
    d_ours = tape.gradient(ours, variable)
    theirs_of = keras.Variable(x, dtype=dtype)
    with tf.GradientTape() as their_tape:
        theirs = MADE[name](keras.regularizers)(theirs_of)
    d_theirs = their_tape.gradient(theirs, theirs_of.value).numpy()
    assert (ours.value.dtype, ours.shape) == (theirs.numpy().dtype, ())
    bound = 24 * np.finfo(dtype).eps  # 12 terms, a handful of roundings
    assert np.allclose(ours.value, theirs.numpy(), rtol=bound, atol=0)
    assert np.allclose(d_ours, d_theirs, rtol=0, atol=bound * np.abs(d_theirs).max())


@given(x=arrays((3, 4)))
def test_penalties_by_their_definition(x: Any) -> None:
    # 12 terms of at most 16; L1's factor is a float32.
    assert np.isclose(regularizers.L2(0.5)(x), 0.5 * (x**2).sum(), rtol=1e-14)
    assert np.isclose(regularizers.L1(0.5)(x), 0.5 * np.abs(x).sum(), rtol=1e-14)
    assert np.isclose(regularizers.L1L2(0.5, 2.0)(x), regularizers.L1(0.5)(x) + regularizers.L2(2.0)(x), rtol=1e-14)


def test_orthogonality_by_hand() -> None:
    """Three rows with cosines 0, 1 / sqrt 2 and 1 / sqrt 2; in float64 too, where Keras gives up."""
    x = np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    assert np.isclose(regularizers.OrthogonalRegularizer(0.5)(x), 0.5 * 2 * np.sqrt(0.5) / 3, rtol=1e-14)
    assert regularizers.OrthogonalRegularizer(0.5, mode="columns")(np.eye(3)) == 0


@pytest.mark.keras
@pytest.mark.parametrize(
    "identifier",
    ["l1", "L1", "l2", "l1l2", "L1L2", "orthogonal_regularizer", {"class_name": "L2", "config": {"l2": 0.5}}],
)
def test_get_and_serialize_are_keras_s(keras: Any, identifier: Any) -> None:
    ours, theirs = regularizers.get(identifier), keras.regularizers.get(identifier)
    assert regularizers.serialize(ours) == keras.regularizers.serialize(theirs)
    again = regularizers.deserialize(regularizers.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()


@pytest.mark.keras
def test_public_names_are_keras_s(keras: Any) -> None:
    assert {name for name in dir(keras.regularizers) if not name.startswith("_")} == set(regularizers.__all__)


def test_what_a_regularizer_may_be() -> None:
    def mine(x: Any) -> Any:
        return ops.sum(x)

    assert regularizers.get(None) is None
    assert regularizers.get(mine) is mine
    assert isinstance(regularizers.get(regularizers.L1), regularizers.L1)
    assert regularizers.serialize(mine)["config"] == "mine"
    assert regularizers.deserialize(regularizers.serialize(mine), {"mine": mine}) is mine
    with pytest.raises(ValueError, match='Did you mean "l1l2"'):
        regularizers.get("l1_l2")
    with pytest.raises(ValueError, match="got 3 of type int"):
        regularizers.get(3)
    with pytest.raises(NotImplementedError, match="get_config"):
        regularizers.Regularizer().get_config()


@pytest.mark.parametrize("wrong", [-1, "a", float("nan"), float("inf")])
@pytest.mark.parametrize(
    "cls", [regularizers.L1, regularizers.L2, regularizers.L1L2, regularizers.OrthogonalRegularizer]
)
def test_factors_are_numbers_from_zero_up(cls: Any, wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected a non-negative float"):
        cls(wrong)


def test_other_errors() -> None:
    with pytest.raises(ValueError, match="mode"):
        regularizers.OrthogonalRegularizer(mode="diagonals")
    with pytest.raises(ValueError, match="rank 2"):
        regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2)))


# In layers and models ---------------------------------------------------------------------------------------------------


@given(batch=st.integers(1, 5))
def test_the_activity_counts_per_sample(batch: int) -> None:
    layer = layers.Dense(2, kernel_initializer="ones", activity_regularizer=regularizers.L2(0.5))
    layer(np.ones((batch, 3), np.float32))
    assert [float(loss) for loss in layer.losses] == [0.5 * 2 * 9]


@pytest.mark.keras
def test_losses_come_in_keras_s_order(keras: Any) -> None:
    def losses(k: Any) -> list[list[float]]:
        constant = np.float32 if k is tinynn else k.ops.convert_to_tensor

        class Costly(k.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self, cost: float, **kwargs: Any) -> None:
                super().__init__(**kwargs)
                self.cost = cost

            def call(self, inputs: Any) -> Any:
                self.add_loss(constant(self.cost))
                return inputs

        k.backend.clear_session()
        dense = k.layers.Dense(
            1, kernel_regularizer=lambda w: constant(50.0), bias_regularizer=lambda w: constant(60.0)
        )
        inner = k.Sequential([Costly(2.0), k.Sequential([Costly(3.0), Costly(4.0)]), Costly(5.0)])
        first = Costly(1.0, activity_regularizer=lambda y: constant(100.0))
        model = k.Sequential([first, inner, dense, Costly(6.0)])
        x = np.ones((4, 3), np.float32)
        found = []
        for call in (model, model, first):  # what was there is forgotten by the next call
            call(x)
            found.append([float(loss) for loss in model.losses])
        dense.trainable = False
        found.append([float(loss) for loss in model.losses])
        model.compile("sgd", "mse", run_eagerly=True)
        found.append([float(model.evaluate(x, np.ones((4, 1), np.float32), verbose=0))])
        return found

    ours, theirs = losses(tinynn), losses(keras)
    assert ours[:-1] == theirs[:-1]
    assert len(ours[-1]) == 1  # weights are drawn anew: only that it runs


@pytest.mark.keras
def test_a_model_may_have_no_loss_but_its_layers(keras: Any) -> None:
    def weights(k: Any) -> Any:
        k.backend.clear_session()
        k.utils.set_random_seed(2)
        model = k.Sequential([k.Input((2,)), k.layers.Dense(3, use_bias=False, kernel_regularizer="l2")])
        model.compile("sgd", run_eagerly=True)
        loss = model.train_on_batch(np.ones((2, 2), np.float32), np.ones((2, 3), np.float32))
        return [np.float32(loss), *model.get_weights()]

    for ours, theirs in zip(weights(tinynn), weights(keras), strict=True):
        assert np.allclose(ours, theirs, rtol=16 * np.finfo(np.float32).eps)


def test_nothing_to_minimise_is_an_error() -> None:
    model = tinynn.Sequential([tinynn.Input((2,)), layers.Dense(1)])
    model.compile("sgd")
    with pytest.raises(ValueError, match="No loss to compute"):
        model.train_on_batch(np.ones((2, 2)), np.ones((2, 1)))


def test_add_loss_takes_arrays() -> None:
    with pytest.raises(ValueError, match=r"add_loss\(\)"):
        layers.Layer().add_loss(3.0)


@pytest.mark.keras
def test_the_loss_of_an_own_layer_is_differentiated(keras: Any) -> None:
    def stack(k: Any) -> list[Any]:
        class Sparse(k.layers.Layer):  # type: ignore[misc, name-defined]
            def call(self, inputs: Any) -> Any:
                self.add_loss(0.1 * k.ops.mean(k.ops.absolute(inputs)))
                return inputs

            def compute_output_shape(self, input_shape: Any) -> Any:
                return input_shape

        return [k.Input((3,)), k.layers.Dense(4, "tanh"), Sparse(), k.layers.Dense(1, kernel_regularizer="l1")]

    random = np.random.default_rng(0)
    assert_twins(keras, Run(stack, random.normal(size=(7, 3)), random.normal(size=(7, 1)), loss="mse"))


def test_the_compiled_engine_leaves_functions_of_a_users_own_to_the_reference() -> None:
    for arguments, part in (
        ({"bias_constraint": lambda w: w}, "constraint of"),
        ({"activity_regularizer": lambda x: tinynn.ops.sum(x)}, "activity regularizer of"),
    ):
        model = tinynn.Sequential([tinynn.Input((2,)), layers.Dense(1, **arguments)])
        model.compile("sgd", "mse")
        assert model.engine.startswith("reference: no compiled twin for: " + part)
