"""Compiled twins of losses against their references: bit for bit entry by entry; sums of n terms to n eps sum|terms|.

Logarithms and powers may be 4 ulp off. What follows from that, and from sums in another order, is propagated in float64.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import test_twins
from tests.engine.test_twins import (
    DTYPES,
    EPSILON,
    ULPS,
    Arguments,
    Case,
    Draw,
    assert_twin,
    bitwise,
    eps,
    of_mean,
    same_but_for_the_sign_of_zero,
    some_ulps,
    wide,
)
from tests.engine.test_twins import twins_are_machine_code as twins_are_machine_code  # of this file, too
from tinynn._typing import Array
from tinynn.kernels import circle

Bounds = dict[str, Array]
Maker = Callable[[Draw], Arguments]

# What twins are tried on ------------------------------------------------------------------------------------------------


def pair(d: Draw, **more: float) -> Arguments:
    """Targets some of which are hit exactly."""
    return {**test_twins.pair(d), **more}


def shares(d: Draw, **more: Any) -> Arguments:
    """Probabilities for probabilities, some of them 0 and 1."""
    return {"y_true": d.shares(), "y_pred": d.shares(), **more}


def signs(d: Draw) -> Arguments:
    """Labels 0 and 1, or -1 and 1; some scores on the margin."""
    y_true = (d.random.random((d.rows, d.columns)) < 0.5).astype(d.dtype)
    y_true = y_true if d.random.random() < 0.5 else 2 * y_true - 1
    y_pred = np.where(d.random.random(y_true.shape) < 0.2, np.sign(d.table()), d.table()).astype(d.dtype)
    return {"y_true": y_true, "y_pred": y_pred}


def scores(d: Draw) -> Arguments:
    """One-hot labels, so that the sums are exact whatever their order; tied scores."""
    return {"y_true": d.one_hot(), "y_pred": d.table().round(1)}


def focal(d: Draw, logits: bool = False) -> Arguments:
    balance = {"apply_class_balancing": bool(d.random.random() < 0.5), "alpha": d.number()}
    if logits:
        gamma = float(d.random.choice([0.0, 1.0, 2.0, 3.5]))
        return {"y_true": d.shares(), "logits": d.table(), **balance, "gamma": gamma}
    gamma = float(d.random.choice([0.0, 0.5, 1.0, 2.0, 3.5]))
    return {"y_true": d.shares(), "probs": d.shares(), **balance, "gamma": gamma, "epsilon": EPSILON}


def categorical_focal(d: Draw) -> Arguments:
    gamma = float(d.random.choice([0.0, 0.5, 1.0, 2.0, 3.5]))
    alpha = d.random.random(d.columns).astype(d.dtype)
    return {"y_true": d.one_hot(), "probs": d.shares(), "alpha": alpha, "gamma": gamma, "epsilon": EPSILON}


def doubtful(d: Draw) -> Arguments:
    """Class numbers, some of them none of the classes. No probability is 0, where the gradient is infinite."""
    labels, probs = d.random.integers(-1, d.columns + 1, d.rows), np.maximum(d.shares(), d.dtype.type(1e-3))
    return {"labels": labels, "probs": probs, "q": d.number(0.05, 0.95)}


def embeddings(d: Draw) -> Arguments:
    """Rows of length 1 of three classes, against others or against each other."""

    def unit(rows: int) -> Array:
        x = d.random.normal(size=(rows, d.columns))
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(d.dtype)

    y_pred, labels = unit(d.rows), d.random.integers(0, 3, d.rows).astype(np.int32)
    refs = int(d.random.integers(1, 9))
    among = d.random.random() < 0.5
    others = (labels, y_pred) if among else (d.random.integers(0, 3, refs).astype(np.int32), unit(refs))
    margin, gamma = d.number(0.0, 0.5), float(d.random.choice([1.0, 10.0, 80.0]))
    numbers = {"gamma": gamma, "margin": margin, "remove_diagonal": bool(d.random.random() < 0.5)}
    return {"labels": labels, "y_pred": y_pred, "ref_labels": others[0], "ref_embeddings": others[1], **numbers}


def forward(maker: Maker) -> Maker:
    return lambda d: {**maker(d), "losses": d.space(d.rows)}


def backward(maker: Maker, name: str = "d_pred") -> Maker:
    return lambda d: {"d_losses": d.row(), **maker(d), name: d.space()}


def circle_backward(d: Draw) -> Arguments:
    a = embeddings(d)
    return {"d_losses": d.row(), **a, "d_pred": d.space(), "d_ref": d.space(*a["ref_embeddings"].shape)}


# How far they may be off ------------------------------------------------------------------------------------------------


def of_squared_logarithms(a: Arguments, expected: Arguments) -> Bounds:
    """Each logarithm has its ulps, and so has their difference, absolutely."""
    logs = [np.log1p(np.maximum(wide(a[name]), EPSILON)) for name in ("y_pred", "y_true")]
    difference, off = np.abs(logs[0] - logs[1]), (ULPS + 1) * eps(expected) * (logs[0] + logs[1])
    terms = (2 * difference + off) * off + (a["y_pred"].shape[1] + 4) * eps(expected) * difference**2
    return {"losses": terms.mean(axis=1)}


def of_squared_logarithms_backward(a: Arguments, expected: Arguments) -> Bounds:
    p = np.maximum(wide(a["y_pred"]), EPSILON)
    off = (ULPS + 1) * eps(expected) * (np.log1p(p) + np.log1p(np.maximum(wide(a["y_true"]), EPSILON)))
    share = 2 * np.abs(wide(a["d_losses"]))[:, None] / p.shape[1]
    return {"d_pred": off * share / (p + 1) + 4 * eps(expected) * np.abs(wide(expected["d_pred"]))}


def of_log_cosh(a: Arguments, expected: Arguments) -> Bounds:
    size = np.abs(wide(a["y_pred"]) - wide(a["y_true"]))
    return {"losses": (size.shape[1] + 2 * ULPS + 4) * eps(expected) * (size + 1.4).mean(axis=1)}


def of_divergence(a: Arguments, expected: Arguments) -> Bounds:
    t, p = np.clip(wide(a["y_true"]), EPSILON, 1), np.clip(wide(a["y_pred"]), EPSILON, 1)
    # The argument t / p of the logarithm is rounded alike in both; where it is near 1, by eps absolutely.
    return {"losses": (t.shape[1] + ULPS + 3) * eps(expected) * (t * (np.abs(np.log(t / p)) + 1)).sum(axis=1)}


def of_poisson(a: Arguments, expected: Arguments) -> Bounds:
    t, p = wide(a["y_true"]), wide(a["y_pred"])
    terms = np.abs(p) + np.abs(t * np.log(np.maximum(p + EPSILON, 1e-300))) + np.abs(t)
    return {"losses": (p.shape[1] + ULPS + 3) * eps(expected) * terms.mean(axis=1)}


def of_categorical_hinge(a: Arguments, expected: Arguments) -> Bounds:
    t, p = wide(a["y_true"]), wide(a["y_pred"])
    return {"losses": 4 * eps(expected) * (np.abs(t * p).sum(axis=1) + np.abs(p).max(axis=1) + 1)}


def of_cosine(a: Arguments, expected: Arguments) -> Bounds:
    """Sums of n squares are off by n eps relatively, lengths by half of that."""
    t, u = units(a)
    return {"losses": 2 * (t.shape[1] + 4) * eps(expected) * np.abs(t * u).sum(axis=1)}


def of_cosine_backward(a: Arguments, expected: Arguments) -> Bounds:
    t, u = units(a)
    r = reach(a["y_pred"])
    off = 4 * (t.shape[1] + 4) * eps(expected)
    terms = np.abs(t) + np.abs(u) * np.abs(t * u).sum(axis=1, keepdims=True)
    return {"d_pred": off * terms * r * np.abs(wide(a["d_losses"]))[:, None]}


def reach(x: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.minimum(1 / np.sqrt((wide(x) ** 2).sum(axis=1, keepdims=True)), 1 / EPSILON)


def units(a: Arguments) -> tuple[Array, Array]:
    return wide(a["y_true"]) * reach(a["y_true"]), wide(a["y_pred"]) * reach(a["y_pred"])


def of_overlap(a: Arguments, expected: Arguments) -> Bounds:
    """Quotients of sums of n terms, none of them negative; the loss is what they lack to 1."""
    return {"losses": np.full(len(a["y_pred"]), (3 * a["y_pred"].shape[1] + 12) * eps(expected))}


def of_overlap_backward(a: Arguments, expected: Arguments) -> Bounds:
    t, p = wide(a["y_true"]), wide(a["y_pred"])
    overlap = (t * p).sum(axis=1, keepdims=True)
    if "alpha" in a:
        size = overlap + a["alpha"] * ((1 - p) * t).sum(axis=1, keepdims=True)
        size += a["beta"] * (p * (1 - t)).sum(axis=1, keepdims=True) + EPSILON
        moved = t + a["alpha"] * t + a["beta"] * (1 - t)
    else:
        size, moved = (t + p).sum(axis=1, keepdims=True) + EPSILON, np.ones_like(t)
    terms = (overlap / size * moved + t) * 2 * np.abs(wide(a["d_losses"]))[:, None] / size
    # (1 - p) t and p (1 - t) may cancel to what 1 - p rounds to.
    return {"d_pred": 4 * (t.shape[1] + 6) * eps(expected) * terms * (1 + (t + p).sum(axis=1, keepdims=True) / size)}


def weight_of(a: Arguments) -> Array:
    y = wide(a["y_true"])
    return y * a["alpha"] + (1 - y) * (1 - a["alpha"]) if a["apply_class_balancing"] else np.ones_like(y)


def powers(u: Array, gamma: float, off: Any) -> tuple[Array, Array, Array, Array]:
    """u^gamma and gamma u^(gamma-1) where u is uncertain by off: each with how far it may stray."""
    low, high = np.maximum(u - off, 0), u + off
    with np.errstate(divide="ignore", invalid="ignore"):
        top, slope = high**gamma, np.where(u == 0, 0, gamma * np.maximum(u, 1e-300) ** (gamma - 1))
        spread = top - low**gamma
        slopes = np.abs(gamma * high ** (gamma - 1) - gamma * low ** (gamma - 1)) if gamma else np.zeros_like(u)
    return top, spread, slope, np.where(np.isfinite(slopes), slopes, 0)


def of_focal(a: Arguments, expected: Arguments) -> Bounds:
    y, p = wide(a["y_true"]), wide(a["probs"])
    u, entropy, _ = focal_parts(a, y, p)
    terms = weight_of(a) * u ** a["gamma"] * entropy
    return {"losses": (y.shape[1] + 2 * ULPS + 8) * eps(expected) * terms.mean(axis=1)}


def of_focal_backward(a: Arguments, expected: Arguments) -> Bounds:
    y, p = wide(a["y_true"]), wide(a["probs"])
    u, entropy, d_entropy = focal_parts(a, y, p)
    _, _, slope, _ = powers(u, a["gamma"], 0)
    terms = weight_of(a) * (u ** a["gamma"] * d_entropy + slope * entropy)
    return {"d_probs": (2 * ULPS + 12) * eps(expected) * terms * np.abs(wide(a["d_losses"]))[:, None] / y.shape[1]}


def focal_parts(a: Arguments, y: Array, p: Array) -> tuple[Array, Array, Array]:
    """u as the kernels round it, and the sizes of H and of dH/dp."""
    y_given, p_given = a["y_true"], a["probs"]
    real = p_given.dtype.type
    u = wide(1 - (y_given * p_given + (1 - y_given) * (1 - p_given)))
    c = np.clip(p_given, real(EPSILON), real(1 - EPSILON))
    rest = wide(1 - c)
    c = wide(c)
    return u, y * np.abs(np.log(c)) + (1 - y) * np.abs(np.log(rest)), (1 - y) / rest + y / c


def of_sigmoid_focal(a: Arguments, expected: Arguments) -> Bounds:
    y, _, _, top, spread, _, _, entropy, off_entropy = sigmoid_focal_parts(a, expected)
    terms = weight_of(a) * (spread * entropy + top * off_entropy)
    return {"losses": (terms + (y.shape[1] + ULPS + 4) * eps(expected) * weight_of(a) * top * entropy).mean(axis=1)}


def of_sigmoid_focal_backward(a: Arguments, expected: Arguments) -> Bounds:
    y, s, off, top, spread, slope, slopes, entropy, off_entropy = sigmoid_focal_parts(a, expected)
    first = spread * np.abs(s - y) + top * off
    second = slopes * s * (1 - s) * entropy + slope * (off * entropy + off_entropy)
    rounding = (2 * ULPS + 8) * eps(expected) * (top * np.abs(s - y) + slope * s * (1 - s) * entropy)
    terms = 2 * weight_of(a) * (first + second + rounding)
    return {"d_logits": terms * np.abs(wide(a["d_losses"]))[:, None] / y.shape[1]}


def sigmoid_focal_parts(a: Arguments, expected: Arguments) -> Any:
    y, x = wide(a["y_true"]), wide(a["logits"])
    e = np.exp(-np.abs(x))
    s = np.where(x < 0, e, 1) / (1 + e)
    off = (2 * ULPS + 4) * eps(expected)  # of s, and so of u
    size = np.abs(x) + np.abs(x * y) + np.log1p(e)
    u = np.maximum(1 - (y * s + (1 - y) * (1 - s)), 0)
    top, spread, slope, slopes = powers(u, a["gamma"], off)
    entropy = np.maximum(x, 0) - x * y + np.log1p(e)
    return y, s, off, top, spread, np.maximum(slope, 0), slopes, entropy, (2 * ULPS + 4) * eps(expected) * size


def of_categorical_focal(a: Arguments, expected: Arguments) -> Bounds:
    terms, off = categorical_focal_parts(a, expected)[:2]
    return {"losses": (off + (a["probs"].shape[1] + ULPS + 4) * eps(expected) * terms).sum(axis=1)}


def of_categorical_focal_backward(a: Arguments, expected: Arguments) -> Bounds:
    _, _, q, total, d_q, off = categorical_focal_parts(a, expected)
    sums = ((off + (q.shape[1] + 4) * eps(expected) * d_q) * q).sum(axis=1, keepdims=True)
    return {"d_probs": 2 * (off + 4 * eps(expected) * d_q + sums) / total}


def categorical_focal_parts(a: Arguments, expected: Arguments) -> Any:
    """Sizes of the loss's terms and of dL/dq, and how far each may be off: q by (n + 1) eps relatively, 1 - q as much."""
    y, p, alpha = wide(a["y_true"]), wide(a["probs"]), wide(a["alpha"])
    d = np.abs(wide(a["d_losses"]))[:, None] if "d_losses" in a else 1.0
    total = p.sum(axis=1, keepdims=True)
    real = a["probs"].dtype.type
    q = p / total
    c = np.clip(q, EPSILON, float(real(1 - EPSILON)))
    off = (p.shape[1] + 2) * eps(expected) * c
    top, spread, slope, slopes = powers(1 - c, a["gamma"], np.minimum(off, (1 - c) / 2))
    logs, off_logs = -np.log(c), ULPS * eps(expected) * -np.log(c) + off / c
    terms = alpha * y * top * logs
    off_terms = alpha * y * (spread * logs + top * off_logs)
    d_q = alpha * y * (slope * logs + top / c) * d
    off_q = alpha * y * (slopes * logs + slope * off_logs + spread / c + top / c * (off / c)) * d
    return terms, off_terms, q, total, d_q, off_q + (2 * ULPS + 8) * eps(expected) * d_q


def of_generalized(a: Arguments, expected: Arguments) -> Bounds:
    return {"losses": np.full(len(a["labels"]), (ULPS + 3) * eps(expected) * 2 / a["q"])}


def of_circle(a: Arguments, expected: Arguments) -> Bounds:
    return {"losses": np.full(len(a["labels"]), 4 * off_exponent(a, expected))}


def of_circle_backward(a: Arguments, expected: Arguments) -> Bounds:
    """Every weight in a softmax is off by as much relatively as its exponent absolutely; slopes are below 6 gamma."""
    parts = [wide(a[name]) for name in ("y_pred", "ref_embeddings")]
    rest = a["gamma"], a["margin"], a["remove_diagonal"]
    _, _, same, other = circle._parts(a["labels"], parts[0], a["ref_labels"], parts[1], *rest)
    d = np.abs(wide(a["d_losses"]))[:, None]
    weights = (circle._softmax(same) + circle._softmax(other)) * 6 * a["gamma"] * d
    off = 6 * off_exponent(a, expected)
    return {"d_pred": off * weights @ np.abs(parts[1]), "d_ref": off * weights.T @ np.abs(parts[0])}


def off_exponent(a: Arguments, expected: Arguments) -> float:
    """A product of rows of length 1 is off by (n + 1) eps, d the same; P and N by 6 gamma as much, and are below 12 gamma."""
    refs, n = a["ref_embeddings"].shape
    return float((6 * a["gamma"] * (n + 3) + 24 * a["gamma"] + refs + 2 * ULPS) * eps(expected))


def focal_space(d: Draw) -> Arguments:
    return focal(d, logits=True)


def settings_of_overlap(d: Draw) -> Arguments:
    return shares(d, alpha=d.number(0.1, 1), beta=d.number(0.1, 1), epsilon=EPSILON)


CASES: dict[str, Case] = {
    "mean_absolute_percentage_error.forward": Case(
        forward(lambda d: pair(d, epsilon=EPSILON)),
        of_mean(
            lambda a: (
                100 * np.abs(wide(a["y_true"]) - wide(a["y_pred"])) / np.maximum(np.abs(wide(a["y_true"])), EPSILON)
            )
        ),
    ),
    "mean_absolute_percentage_error.backward": Case(backward(lambda d: pair(d, epsilon=EPSILON)), bitwise),
    "mean_squared_logarithmic_error.forward": Case(forward(lambda d: pair(d, epsilon=EPSILON)), of_squared_logarithms),
    "mean_squared_logarithmic_error.backward": Case(
        backward(lambda d: pair(d, epsilon=EPSILON)), of_squared_logarithms_backward
    ),
    "huber.forward": Case(
        forward(lambda d: pair(d, delta=d.number(0, 2))),
        of_mean(
            lambda a: np.minimum(np.abs(e := wide(a["y_true"]) - wide(a["y_pred"])) * a["delta"], e**2 / 2 + 1e-30)
        ),
    ),
    "huber.backward": Case(backward(lambda d: pair(d, delta=d.number(0, 2))), bitwise),
    "log_cosh.forward": Case(forward(pair), of_log_cosh),
    "log_cosh.backward": Case(backward(pair), some_ulps("d_pred")),
    "kl_divergence.forward": Case(forward(lambda d: shares(d, epsilon=EPSILON)), of_divergence),
    "kl_divergence.backward": Case(
        backward(lambda d: shares(d, epsilon=EPSILON)), same_but_for_the_sign_of_zero("d_pred")
    ),
    "poisson.forward": Case(forward(lambda d: pair(d, epsilon=EPSILON)), of_poisson),
    "poisson.backward": Case(backward(lambda d: pair(d, epsilon=EPSILON)), bitwise),
    "hinge.forward": Case(forward(signs), of_mean(lambda a: np.abs(wide(a["y_pred"])) + 1)),
    "hinge.backward": Case(backward(signs), bitwise),
    "squared_hinge.forward": Case(forward(signs), of_mean(lambda a: (np.abs(wide(a["y_pred"])) + 1) ** 2)),
    "squared_hinge.backward": Case(backward(signs), same_but_for_the_sign_of_zero("d_pred")),
    "categorical_hinge.forward": Case(forward(scores), of_categorical_hinge),
    "categorical_hinge.backward": Case(backward(scores), same_but_for_the_sign_of_zero("d_pred")),
    "cosine_similarity.forward": Case(forward(lambda d: pair(d, epsilon=EPSILON)), of_cosine),
    "cosine_similarity.backward": Case(backward(lambda d: pair(d, epsilon=EPSILON)), of_cosine_backward),
    "dice.forward": Case(forward(lambda d: shares(d, epsilon=EPSILON)), of_overlap),
    "dice.backward": Case(backward(lambda d: shares(d, epsilon=EPSILON)), of_overlap_backward),
    "tversky.forward": Case(forward(settings_of_overlap), of_overlap),
    "tversky.backward": Case(backward(settings_of_overlap), of_overlap_backward),
    "binary_focal_crossentropy.forward": Case(forward(focal), of_focal),
    "binary_focal_crossentropy.backward": Case(backward(focal, "d_probs"), of_focal_backward),
    "sigmoid_focal_crossentropy.forward": Case(forward(focal_space), of_sigmoid_focal),
    "sigmoid_focal_crossentropy.backward": Case(backward(focal_space, "d_logits"), of_sigmoid_focal_backward),
    "categorical_focal_crossentropy.forward": Case(forward(categorical_focal), of_categorical_focal),
    "categorical_focal_crossentropy.backward": Case(
        backward(categorical_focal, "d_probs"), of_categorical_focal_backward
    ),
    "generalized_crossentropy.forward": Case(forward(doubtful), of_generalized),
    "generalized_crossentropy.backward": Case(backward(doubtful, "d_probs"), some_ulps("d_probs")),
    "circle.forward": Case(forward(embeddings), of_circle),
    "circle.backward": Case(circle_backward, of_circle_backward),
}


def assert_this_twin(name: str, arguments: Arguments) -> None:
    assert_twin(name, arguments, CASES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 9),
    columns=st.integers(1, 19),
    scale=st.sampled_from([1.0, 1e-3, 30.0]),
)
def test_twin_equals_reference(name: str, dtype: str, seed: int, rows: int, columns: int, scale: float) -> None:
    assert_this_twin(name, CASES[name].arguments(Draw(seed, rows, columns, scale, dtype)))


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith("backward")])
def test_the_comparison_rejects_a_twin_that_is_off_by_a_thousandth(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, twin = test_twins.kernels_of(name)
    arguments = CASES[name].arguments(Draw(3, 4, 5, 1.0, "float64"))

    def scaled(*given_: Any) -> None:
        twin(*given_)
        given_[-1][...] *= 1.001

    monkeypatch.setattr(importlib.import_module(f"tinynn.kernels.{name.split('.')[0]}"), "backward_compiled", scaled)
    with pytest.raises(AssertionError):
        assert_this_twin(name, arguments)
