"""The trace is the engine's own pass: its gradients bit for bit, every quantity under its name, nothing touched."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import tinynn
from parity.example import Example
from tests.explain.networks import built, everything, random_examples, two_three_two
from tinynn import explain, ops
from tinynn._typing import Array
from tinynn.engine import reference
from tinynn.models.data import Batch


def engine_gradients(model: Any, x: Any, y: Any, sample_weight: Any = None) -> dict[str, Array]:
    """What a training step hands to the optimizer, caught on its way; the optimizer does nothing with it."""
    caught: dict[str, Array] = {}

    def catch(pairs: Any) -> None:
        caught.update({v.path.removeprefix(f"{model.name}/"): g for g, v in pairs if g is not None})

    vars(model.optimizer)["apply_gradients"] = catch
    try:
        reference.train_step(model, model._one_batch(x, y, sample_weight).batch(0))
    finally:
        del vars(model.optimizer)["apply_gradients"]
    return caught


def assert_bitwise(found: dict[str, Array], expected: dict[str, Array]) -> None:
    assert list(found) == list(expected)
    for name, gradient in expected.items():
        assert found[name].dtype == gradient.dtype
        assert np.array_equal(found[name], gradient, equal_nan=True), name


@given(random_examples)
@pytest.mark.filterwarnings("ignore")
def test_gradients_are_the_engines_bit_for_bit(example: Example) -> None:
    model, x, y, sample_weight = built(example)
    with np.errstate(all="ignore"):
        found = explain.trace(model, x, y, sample_weight)
        expected = engine_gradients(model, x, y, sample_weight)
    assert_bitwise({name: found.gradients[name] for name in expected}, expected)
    assert set(found.gradients) == set(expected)


def test_gradients_are_the_engines_in_a_network_of_many_kinds_of_layers() -> None:
    model, x, y = everything()
    found = explain.trace(model, x, y)
    expected = engine_gradients(model, x, y)
    assert_bitwise({name: found.gradients[name] for name in expected}, expected)


def test_an_own_model_and_own_layers_are_traced() -> None:
    class Scale(tinynn.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

    class Own(tinynn.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.scale = tinynn.layers.Dense(3), tinynn.layers.Dense(3), Scale()

        def call(self, x: Any) -> Any:
            h = self.first(x)
            return self.second(ops.tanh(h) + h) + self.scale(h)

    model = Own()
    x, y = np.random.default_rng(0).normal(size=(4, 2)), np.zeros((4, 3))
    model(x)
    model.compile("sgd", "mse", jit_compile=False)
    found = explain.trace(model, x, y)
    assert_bitwise(found.gradients, engine_gradients(model, x, y))
    assert found.layers == ["dense", "dense_1", "scale"]
    for name in ("dense/kernel", "scale/factor", "x"):
        assert found.why(name, *(0,) * found[name].value.ndim).adds_up, name
    with_everything = found.paths("dense/bias", 1, count=1000)
    assert sum(path.product for path in with_everything) == pytest.approx(with_everything.gradient, rel=1e-5)


def test_values_are_those_of_the_forward_pass_by_hand() -> None:
    model, x, y = two_three_two()
    found = explain.trace(model, x, y)
    w1, b1, w2, b2 = model.get_weights()
    z1 = x @ w1 + b1
    z2 = np.tanh(z1) @ w2 + b2
    p = np.exp(z2) / np.exp(z2).sum(axis=1, keepdims=True)
    for name, value in {
        "x": x,
        "dense/z": z1,
        "dense/a": np.tanh(z1),
        "dense_1/x": np.tanh(z1),
        "dense_1/z": z2,
    }.items():
        np.testing.assert_allclose(found[name].value, value, rtol=1e-14)
    np.testing.assert_allclose(found["dense_1/a"].value, p, rtol=1e-14)
    losses = -np.log(p[[0, 1], y])
    np.testing.assert_allclose(found.loss_terms.values, losses, rtol=1e-13)
    np.testing.assert_allclose(found.sample_losses, losses / 2, rtol=1e-13)
    assert found.loss == pytest.approx(losses.mean(), rel=1e-14)
    delta2 = (p - np.eye(2)[y]) / 2
    delta1 = (delta2 @ w2.T) * (1 - np.tanh(z1) ** 2)
    np.testing.assert_allclose(found["dense_1/z"].gradient, delta2, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found["dense/z"].gradient, delta1, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found["dense/kernel"].gradient, x.T @ delta1, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found["x"].gradient, delta1 @ w1.T, rtol=1e-12, atol=1e-15)


def test_masks_and_statistics_are_kept() -> None:
    model, x, y = everything()
    found = explain.trace(model, x, y)
    mask, dropped = found["dropout/mask"].value, found["dropout/a"].value
    assert set(np.unique(mask)) == {0.0, 2.0}
    assert np.array_equal(dropped, found["dropout/x"].value * mask)
    before = found["batch_normalization/x"].value
    np.testing.assert_allclose(found["batch_normalization/mean"].value, before.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found["batch_normalization/variance"].value, before.var(axis=0), atol=1e-6)
    assert "dropout/mask" not in explain.trace(model, x, y, training=False)


@given(random_examples)
@settings(max_examples=20)
@pytest.mark.filterwarnings("ignore")
def test_shares_and_penalties_sum_to_the_loss(example: Example) -> None:
    model, x, y, sample_weight = built(example)
    with np.errstate(all="ignore"):
        found = explain.trace(model, x, y, sample_weight)
    shares = found.sample_losses
    if shares is None or not np.isfinite(found.loss):
        return
    parts = [*shares.astype(np.float64).tolist(), *found.penalties.values()]
    eps = np.finfo(example.dtype).eps
    # sums of n numbers, taken in another order, and two factors: n + 4 roundings of what is summed
    assert abs(sum(parts) - found.loss) <= (len(parts) * example.outputs + 8) * eps * sum(map(abs, parts))


def test_penalties_are_named() -> None:
    model, x, y = everything()
    assert list(explain.trace(model, x, y).penalties) == ["dense/a", "dense/kernel"]


def test_nothing_is_touched() -> None:
    model, x, y = everything()
    other, _, _ = everything()
    state = random.getstate()
    before = [variable.numpy() for variable in model.variables]
    found = explain.trace(model, x, y)
    found.why("dense/kernel", 0, 0), found.paths("x", 0, 0, 0), str(found)
    explain.step(model, x, y, optimizers=["adam", "sgd"])
    explain.step(model, x, y)
    explain.diagnose(model, x, y)
    explain.per_sample_gradients(model, x, y)
    assert all(np.array_equal(variable.numpy(), value) for variable, value in zip(model.variables, before))
    assert not model.optimizer.built
    assert random.getstate() == state
    for _ in range(2):
        assert model.train_on_batch(x, y) == other.train_on_batch(x, y)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights()))


def test_a_loss_that_is_no_sum_over_samples_says_so() -> None:
    def largest(y_true: Any, y_pred: Any) -> Any:
        return ops.max(ops.square(y_true - y_pred))

    model = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(1)])
    model.compile("sgd", largest, jit_compile=False)
    found = explain.trace(model, np.ones((3, 2)), np.zeros((3, 1)))
    assert found.sample_losses is None
    assert "no sum over samples" in str(found)
    assert found.why("dense/kernel", 0, 0).adds_up


# Errors ------------------------------------------------------------------------------------------------------------------


def test_errors_say_what_to_do() -> None:
    model, x, y = two_three_two()
    bare = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"You must call `compile\(\)` before using `explain\(\)`"):
        explain.trace(bare, x, y)
    unbuilt = tinynn.Sequential([tinynn.layers.Dense(2)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r'"sequential_2" is not built yet.*Put an Input in front.*model\(x\)'):
        explain.trace(unbuilt, x, y)
    with pytest.raises(ValueError, match=r"x has no samples: its shape is \(0, 2\)"):
        explain.trace(model, x[:0], y[:0])
    with pytest.raises(ValueError, match=r"x\[1, 0\] is nan; .*Leave such samples out"):
        explain.trace(model, np.where(x == 1.5, np.nan, x), y)
    with pytest.raises(ValueError, match=r"sample_weight\[0\] is inf"):
        explain.trace(model, x, y, np.array([np.inf, 1.0]))
    with pytest.raises(ValueError, match="The loss needs targets y"):
        explain.trace(model, x)
    with pytest.raises(ValueError, match=r"expects inputs of shape \(batch, 2\)|expected .* \(None, 2\)|shape"):
        explain.trace(model, np.ones((2, 3)), y)
    regression = tinynn.Sequential([tinynn.Input((2,)), tinynn.layers.Dense(2)])
    regression.compile("sgd", "mse", jit_compile=False)
    with pytest.raises(ValueError, match=r"y has shape \(2, 3\), but the model's outputs for this batch have \(2, 2\)"):
        explain.trace(regression, x, np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"expects a model, a tinynn.Sequential or tinynn.Model; got 3 of type int"):
        explain.trace(3, x, y)


def test_wrong_names_and_indices_are_answered() -> None:
    model, x, y = two_three_two()
    found = explain.trace(model, x, y)
    with pytest.raises(ValueError, match=r'Unknown quantity "dense_1/kernal"\. Did you mean "dense_1/kernel"\?'):
        found["dense_1/kernal"]
    with pytest.raises(IndexError, match=r'"dense/kernel" has shape \(2, 3\).*why\("dense/kernel", 0, 0\); got \(1,\)'):
        found.why("dense/kernel", 1)
    with pytest.raises(IndexError, match=r"there is no entry \(2, 0\). Indices count from 0"):
        found.why("dense/kernel", 2, 0)
    for wrong in (0.5, "a"):
        with pytest.raises(IndexError, match=r'"dense/kernel" has shape \(2, 3\); its indices are integers, got \('):
            found.why("dense/kernel", wrong, 0)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r'no derivative of the loss by "dense_1/a" \(the loss is computed from z at once'
    ):
        found.why("dense_1/a", 0, 0)
    with pytest.raises(ValueError, match="The loss moves by 1"):
        found.why("loss")
    with pytest.raises(ValueError, match="paths expects count to be a positive integer; got 0"):
        found.paths("dense/bias", 0, count=0)
    assert found.why("dense/kernel", -1, -1).index == (1, 2)


def test_a_batch_is_taken_as_training_takes_it() -> None:
    """Lists, integers and class numbers in a column are welcome."""
    model, x, y = two_three_two()
    as_lists = explain.trace(model, x.tolist(), y[:, None].tolist())
    assert np.array_equal(as_lists["dense/kernel"].gradient, explain.trace(model, x, y)["dense/kernel"].gradient)
    assert isinstance(as_lists.batch, Batch)
