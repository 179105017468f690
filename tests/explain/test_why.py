"""`why` and `paths` add up to the gradients that they explain, link by link and path by path."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinynn
from parity.example import Example
from tests.explain.networks import built, everything, random_examples, two_three_two
from tinynn import explain, ops
from tinynn._typing import Array
from tinynn.explain import formulas as f
from tinynn.explain import local as local_module
from tinynn.explain.why_mixed import mixed


def explainable(found: explain.Trace) -> list[str]:
    return [
        name
        for name in found.names
        if found[name].role != "loss" and found[name].gradient is not None and found[name].value.size
    ]


@given(random_examples, st.data())
@pytest.mark.filterwarnings("ignore")
def test_every_link_adds_up_in_random_networks(example: Example, data: Any) -> None:
    model, x, y, sample_weight = built(example)
    with np.errstate(all="ignore"):
        found = explain.trace(model, x, y, sample_weight)
    finite = [found[name].gradient for name in explainable(found)]
    assume(all(g is not None and np.isfinite(g).all() and np.abs(g).max() < 1e30 for g in finite))
    name = data.draw(st.sampled_from(explainable(found)))
    index = tuple(data.draw(st.integers(0, n - 1)) for n in found[name].value.shape)
    why = found.why(name, *index)
    assert why.adds_up, why
    assert why.error <= why.bound
    contributions = why.sample_contributions
    if contributions is not None:
        assert abs(contributions.sum() + why.penalty - why.gradient) <= why.bound


@pytest.mark.parametrize("name", ["x", "dense/kernel", "dense/bias", "batch_normalization/gamma", "batch_normalization/x",
                                  "dropout/x", "dense_1/kernel", "layer_normalization/beta", "p_re_lu/alpha", "reshape/x",
                                  "dense_2/kernel", "dense_2/z", "dense_3/bias"])  # fmt: skip
def test_every_kind_of_layer_adds_up(name: str) -> None:
    model, x, y = everything()
    found = explain.trace(model, x, y, np.arange(6.0))
    gradient = found[name].gradient
    assert gradient is not None
    index = tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(gradient)), gradient.shape))
    why = found.why(name, *index)
    assert why.gradient == gradient[index] != 0
    assert why.adds_up, why
    paths = found.paths(name, *index, count=7)
    sizes = [abs(path.product) for path in paths]
    assert sizes == sorted(sizes, reverse=True)
    for path in paths:
        assert path.product == pytest.approx(np.prod([stop.factor for stop in path.stops]), rel=1e-12)


def test_the_links_of_a_small_network_are_those_of_the_textbook() -> None:
    model, x, y = two_three_two()
    found = explain.trace(model, x, y)
    why = found.why("dense/kernel", 0, 1)
    described = why.to_dict()
    assert [step["of"] for step in described["steps"]] == ["W1", "z1", "a1", "z2"]
    w2, a1, delta2 = model.get_weights()[2], found["dense/a"].value, found["dense_1/z"].gradient
    delta1 = (delta2 @ w2.T) * (1 - a1**2)
    np.testing.assert_allclose(why.sample_contributions, x[:, 0] * delta1[:, 1], rtol=1e-12)
    (first,) = described["steps"][0]["entries"]
    assert [term["factor"] for term in first["terms"]] == x[:, 0].tolist()
    through = described["steps"][2]["entries"][0]["terms"]
    assert [term["factor"] for term in through] == w2[1].tolist()
    slope = described["steps"][1]["entries"][1]["terms"][0]["factor"]
    assert slope == pytest.approx(1 - a1[1, 1] ** 2, rel=1e-14)


def normalized(**settings: Any) -> tuple[Any, Array, Array]:
    """Normalization by batch, by row and by given statistics, and a softmax that is no part of its loss."""
    tinynn.config.set_floatx("float64")
    tinynn.utils.set_random_seed(3)
    layers = tinynn.layers
    frozen = layers.BatchNormalization(name="fixed", trainable=False)
    batch, row = layers.BatchNormalization(name="batch", **settings), layers.LayerNormalization(name="row", **settings)
    parts = [layers.Dense(3, name="first"), batch, layers.Dense(3, activation="tanh"), row, frozen, layers.Dense(2)]
    model = tinynn.Sequential([tinynn.Input((2,)), *parts, layers.Softmax(name="soft")])
    model.compile("sgd", "mse", jit_compile=False)
    rng = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(variable.value + rng.uniform(0.1, 0.9, variable.shape))
    return model, rng.normal(size=(4, 2)), rng.normal(size=(4, 2))


@pytest.mark.parametrize("settings", [{}, {"scale": False}, {"center": False}], ids=str)
def test_where_entries_move_one_another_the_short_form_gives_the_tapes_gradient(settings: dict[str, Any]) -> None:
    """Each from the values of the pass alone, in float64: some 30 roundings of numbers of about 1."""
    model, x, y = normalized(**settings)
    found = explain.trace(model, x, y)
    seen = []
    for record in found.records[1 : found.end_of_model]:  # behind the inputs
        source, d_out = record.inputs[0], found.gradient_of(record.output)
        assert d_out is not None
        short = mixed(
            record, found.value_of, d_out, f.Symbol("z", 1), lambda index: f.Symbol("δ"), f.Symbol("a", 1), "it"
        )
        if short is not None:
            seen.append(record.name)
            np.testing.assert_allclose(short.columns[-1], found.gradient_of(source), rtol=1e-11, atol=1e-14)
            for index in np.ndindex(2, 2):
                assert f.evaluated(short.numbers(index), {}) == pytest.approx(short.columns[-1][index], rel=1e-12)
    assert seen == ["by_batch", "by_row", "by_moving_statistics", "softmax"]


def test_normalization_and_softmax_are_written_in_symbols() -> None:
    model, x, y = normalized()
    found = explain.trace(model, x, y)
    printed = str(found.why("first/kernel", 0, 1))
    assert "The tape's own backward pass" not in printed
    for line in (
        "n2[b,j] = (z1[b,j] - μ2[j]) / s2[j]",
        "a2[b,j] = γ2[j] · n2[b,j] + β2[j]",
        "dL/dn2[b,j] = γ2[j] · dL/da2[b,j]",
        "g2[j] = 1 / 4 · sum_b dL/dn2[b,j]",
        "h2[j] = 1 / 4 · sum_b n2[b,j] · dL/dn2[b,j]",
        "δ1[b,j] = 1 / s2[j] · (dL/dn2[b,j] - g2[j] - n2[b,j] · h2[j])",
        "h4[b] = 1 / 3 · sum_j n4[b,j] · dL/dn4[b,j]",
        "dL/da4[b,j] = 1 / s5[j] · dL/dn5[b,j]",
        "g7[b] = sum_k a7[b,k] · dL/da7[b,k]",
        "δ6[b,j] = a7[b,j] · (dL/da7[b,j] - g7[b])",
    ):
        assert line in printed
    for name, line in (
        ("batch/gamma", "dL/dγ2[1] = sum_b n2[b,1] · dL/da2[b,1]"),
        ("row/beta", "dL/dβ4[1] = sum_b dL/da4[b,1]"),
    ):
        why = found.why(name, 1)
        assert why.adds_up
        assert line in str(why)
    without, x, y = normalized(scale=False, center=False)
    printed = str(explain.trace(without, x, y).why("first/kernel", 0, 1))
    assert "a2[b,j] = n2[b,j]\n" in printed
    assert "γ2" not in printed
    assert "β2" not in printed


def test_all_paths_of_a_small_network_are_found_largest_first() -> None:
    model, x, y = two_three_two()
    found = explain.trace(model, x, y)
    w2, a1, delta2 = model.get_weights()[2], found["dense/a"].value, found["dense_1/z"].gradient
    by_hand = {
        (b, k): x[b, 0] * (1 - a1[b, 1] ** 2) * w2[1, k] * delta2[b, k] for b, k in itertools.product((0, 1), (0, 1))
    }
    paths = found.paths("dense/kernel", 0, 1, count=100)
    assert len(paths) == 4
    expected = sorted(by_hand.values(), key=abs, reverse=True)
    np.testing.assert_allclose([path.product for path in paths], expected, rtol=1e-12)
    assert sum(path.product for path in paths) == pytest.approx(paths.gradient, rel=1e-12)
    assert str(paths[0]).startswith("W1[0,1] → z1[")
    assert str(paths[0]).endswith("→ L")


@given(random_examples, st.data())
@settings(max_examples=15)
@pytest.mark.filterwarnings("ignore")
def test_the_heaviest_path_of_few_is_the_heaviest_of_many(example: Example, data: Any) -> None:
    model, x, y, sample_weight = built(example)
    with np.errstate(all="ignore"):
        found = explain.trace(model, x, y, sample_weight)
    name = data.draw(st.sampled_from(explainable(found)))
    gradient = found[name].gradient
    assume(gradient is not None and np.isfinite(found.loss))
    assume(all(np.isfinite(found[n].gradient).all() for n in explainable(found)))
    index = (0,) * found[name].value.ndim
    few, many = (found.paths(name, *index, count=count) for count in (3, 200))
    assert [path.product for path in few] == [path.product for path in many][:3]
    if len(many) < 200:
        total = sum(abs(path.product) for path in many)
        # each path is a product of at most 60 factors, each of them rounded a few times where it was computed
        assert (
            abs(sum(path.product for path in many) - many.gradient) <= 1e3 * np.finfo(example.dtype).eps * total + 1e-37
        )


def test_paths_of_a_large_network_are_found_at_once() -> None:
    """Of some 10^7 paths; only what leads to the first is looked at."""
    tinynn.config.set_floatx("float32")
    layers = tinynn.layers
    model = tinynn.Sequential(
        [tinynn.Input((300,)), *[layers.Dense(100, activation="relu") for _ in range(3)], layers.Dense(5)]
    )
    model.compile("sgd", "mse", jit_compile=False)
    rng = np.random.default_rng(0)
    found = explain.trace(model, rng.normal(size=(20, 300)), rng.normal(size=(20, 5)))
    paths = found.paths("dense/kernel", 7, 3, count=3)
    assert len(paths) == 3
    assert found.why("dense/kernel", 7, 3).adds_up


def test_a_wrong_gradient_does_not_add_up() -> None:
    """An operation whose backward pass is wrong by 0.1 % in one place only is linear still, but the next link tells."""

    model, x, y = two_three_two()
    found = explain.trace(model, x, y)
    gradient = found.gradient_of(found["dense/z"].tensor)
    assert gradient is not None
    gradient[1, 1] *= 1.001
    assert not found.why("dense/kernel", 0, 1).adds_up
    assert "No: link 1" in str(found.why("dense/kernel", 0, 1))


def test_penalties_are_a_term_of_their_own() -> None:
    model, x, y = everything()
    found = explain.trace(model, x, y)
    why = found.why("dense/kernel", 2, 3)
    assert why.penalty == pytest.approx(2 * 0.01 * float(found["dense/kernel"].value[2, 3]), rel=1e-6)
    assert "penalty" in str(why)
    assert found.why("dense/a", 0, 1).adds_up


def test_what_is_too_large_to_be_written_down_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    @tinynn.custom_gradient
    def mixed(x: Any) -> Any:
        return x[::-1].cumsum(), lambda d: d[::-1].cumsum()

    class Mixed(tinynn.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return ops.reshape(mixed(ops.reshape(inputs, (-1,))), inputs.shape)

    monkeypatch.setattr(local_module, "MOST_CALLS", 3)
    model = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(2), Mixed()])
    model.compile("sgd", "mse", jit_compile=False)
    found = explain.trace(model, np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(
        ValueError, match=r'"mixed" turns 4 numbers into 4 in a way of its own.*Explain a smaller batch'
    ):
        found.why("dense/kernel", 0, 0)
