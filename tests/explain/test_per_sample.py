"""Per-sample gradients: what each sample adds, from one pass, is what a batch of that sample alone gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

import tinynn
from parity.example import Example
from tests.explain.networks import built, everything, random_examples, two_three_two
from tinynn import explain


@given(random_examples)
@pytest.mark.filterwarnings("ignore")
def test_contributions_sum_to_the_gradient(example: Example) -> None:
    model, x, y, sample_weight = built(example)
    with np.errstate(all="ignore"):
        found = explain.trace(model, x, y, sample_weight)
        if not all(np.isfinite(gradient).all() for gradient in found.gradients.values()):
            return
        parts = explain.per_sample_gradients(model, x, y, sample_weight)
    assert list(parts) == list(found.gradients)
    eps = np.finfo(example.dtype).eps
    for name, part in parts.items():
        assert part.shape == (len(x), *found[name].value.shape)
        wide = part.astype(np.float64)
        # n terms in another order, and each product rounded: (n + 4) eps of what is summed
        bound = (len(x) + 4) * eps * (np.abs(wide).sum(axis=0) + np.abs(parts.penalties.get(name, 0)))
        bound += 8 * np.finfo(example.dtype).tiny
        difference = wide.sum(axis=0) + parts.penalties.get(name, 0) - found.gradients[name]
        assert (np.abs(difference) <= bound).all(), name


@pytest.mark.parametrize("rank", [2, 3])
def test_each_is_the_gradient_of_a_batch_of_one(rank: int) -> None:
    tinynn.config.set_floatx("float64")
    tinynn.backend.clear_session()
    layers = tinynn.layers
    shape = (4,) if rank == 2 else (2, 4)
    model = tinynn.Sequential(
        [
            tinynn.Input(shape),
            layers.Dense(3, activation="gelu"),
            layers.LayerNormalization(),
            layers.PReLU(alpha_initializer="ones"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse", jit_compile=False)
    rng = np.random.default_rng(1)
    x, y, weight = rng.normal(size=(5, *shape)), rng.normal(size=(5, 2)), rng.uniform(size=5)
    parts = explain.per_sample_gradients(model, x, y, weight)
    for b in range(5):
        alone = explain.trace(model, x[b : b + 1], y[b : b + 1], weight[b : b + 1]).gradients
        for name, part in parts.items():
            np.testing.assert_allclose(part[b] * 5, alone[name], rtol=1e-11, atol=1e-14)


def test_norms_are_over_all_weights() -> None:
    model, x, y = two_three_two()
    parts = explain.per_sample_gradients(model, x, y)
    by_hand = [np.sqrt(sum(float((part[b] ** 2).sum()) for part in parts.values())) for b in (0, 1)]
    np.testing.assert_allclose(parts.norms(), by_hand, rtol=1e-14)


def test_batch_normalization_splits_by_rows() -> None:
    model, x, y = everything()
    parts = explain.per_sample_gradients(model, x, y)
    gradients = explain.trace(model, x, y).gradients
    for name, part in parts.items():
        expected = gradients[name] - parts.penalties.get(name, 0)
        np.testing.assert_allclose(part.sum(axis=0), expected, rtol=1e-4, atol=1e-6)


def test_wrong_names_are_answered() -> None:
    model, x, y = two_three_two()
    with pytest.raises(ValueError, match=r'Unknown weight "dense/kernle"\. Did you mean "dense/kernel"\?'):
        explain.per_sample_gradients(model, x, y)["dense/kernle"]
