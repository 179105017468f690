"""Twins of normalizations, penalties and constraints against their references: bit for bit, or to the bound of reordered sums.

In the bounds n is the number of terms of a sum, and absolute values stand where the formula has signs.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.test_twins import (
    DTYPES,
    Arguments,
    Case,
    Draw,
    assert_twin,
    bitwise,
    call,
    eps,
    kernels_of,
    same_bits,
    twins_are_machine_code,  # noqa: F401  (a fixture)
    wide,
)
from tinynn import kernels
from tinynn._typing import Array
from tinynn.kernels import (
    batch_normalization,
    layer_normalization,
    orthogonality,
    rms_normalization,
    unit_normalization,
)

SMALL = 1e-3

Bounds = dict[str, Array]


def parameters(d: Draw) -> dict[str, Array]:
    return {"gamma": d.like(d.columns), "beta": d.like(d.columns)}


def of_normalized(a: Arguments, expected: Arguments, mean: Array, inverse: Array, n: int) -> tuple[Array, Array, Array]:
    """How far mean, 1 / deviation (relatively) and gamma (x - mean) / deviation + beta may be off.

    The mean moves by n eps max|x|, which moves the variance by its square alone.
    """
    e, x = eps(expected), np.abs(wide(a["x"]))
    largest = x.max(initial=0.0)
    of_mean = np.full(mean.shape, n * e * largest)
    of_inverse = (n + 8) * e + (n * e * largest * inverse) ** 2
    gamma, beta = (np.abs(wide(a[name])) if name in a else 0.0 for name in ("gamma", "beta"))
    gamma = gamma if "gamma" in a else np.abs(wide(a["scale"]))
    reach = (x + np.abs(mean) + of_mean) * inverse * gamma
    return of_mean, of_inverse, reach * (of_inverse + 6 * e) + of_mean * inverse * gamma + 4 * e * beta


def of_batch_forward(a: Arguments, expected: Arguments) -> Bounds:
    n, mean, inverse = len(a["x"]), wide(expected["mean"]), wide(expected["inverse"])
    of_mean, of_inverse, of_out = of_normalized(a, expected, mean, inverse, n)
    spread = wide(expected["variance"]) + of_mean**2
    return {
        "mean": of_mean,
        "variance": (n + 4) * eps(expected) * spread + of_mean**2,
        "inverse": of_inverse * inverse,
        "out": of_out,
    }


def of_layer_forward(a: Arguments, expected: Arguments) -> Bounds:
    n, mean, inverse = a["x"].shape[1], wide(expected["mean"])[:, None], wide(expected["inverse"])[:, None]
    of_mean, of_inverse, of_out = of_normalized(a, expected, mean, inverse, n)
    return {"mean": of_mean[:, 0], "inverse": (of_inverse * inverse)[:, 0], "out": of_out}


def of_rms_forward(a: Arguments, expected: Arguments) -> Bounds:
    n, e = a["x"].shape[1] + 8, eps(expected)
    return {name: n * e * np.abs(wide(expected[name])) for name in ("inverse", "out")}


def of_unit_forward(a: Arguments, expected: Arguments) -> Bounds:
    return of_rms_forward(a, expected)


def batch_backward(d: Draw) -> Arguments:
    x, gamma, beta = d.table(), d.like(d.columns), d.like(d.columns)
    mean, variance, inverse = (d.space(d.columns) for _ in range(3))
    batch_normalization.forward(x, gamma, beta, SMALL, mean, variance, inverse, d.space())
    spaces = {"d_x": d.space(), "d_gamma": d.space(d.columns), "d_beta": d.space(d.columns)}
    return {"d_out": d.table(), "x": x, "gamma": gamma, "mean": mean, "inverse": inverse, **spaces}


def of_batch_backward(a: Arguments, expected: Arguments) -> Bounds:
    e, n = eps(expected), len(a["x"])
    d, gamma, inverse = np.abs(wide(a["d_out"])), np.abs(wide(a["gamma"])), wide(a["inverse"])
    y = np.abs(wide(a["x"]) - wide(a["mean"])) * inverse + 2 * e * np.abs(wide(a["x"])) * inverse
    sums = (d * y).sum(axis=0), d.sum(axis=0)
    return {
        "d_gamma": (n + 6) * e * sums[0],
        "d_beta": (n + 6) * e * sums[1],
        "d_x": (n + 10) * e * gamma * inverse * (d + sums[1] / n + y * sums[0] / n),
    }


def of_inference_backward(a: Arguments, expected: Arguments) -> Bounds:
    return {name: bound for name, bound in of_batch_backward(a, expected).items() if name != "d_x"}


def inference(d: Draw) -> Arguments:
    statistics = {"mean": d.like(d.columns), "variance": np.abs(d.like(d.columns)), "inverse": d.space(d.columns)}
    return {"x": d.table(), **parameters(d), "epsilon": SMALL, **statistics, "out": d.space()}


def layer_backward(d: Draw) -> Arguments:
    x, gamma, beta = d.table(), d.like(d.columns), d.like(d.columns)
    mean, inverse = d.space(d.rows), d.space(d.rows)
    layer_normalization.forward(x, gamma, beta, SMALL, mean, inverse, d.space())
    spaces = {"d_x": d.space(), "d_gamma": d.space(d.columns), "d_beta": d.space(d.columns)}
    return {"d_out": d.table(), "x": x, "gamma": gamma, "mean": mean, "inverse": inverse, **spaces}


def of_layer_backward(a: Arguments, expected: Arguments) -> Bounds:
    e, (rows, n) = eps(expected), a["x"].shape
    d, gamma, inverse = np.abs(wide(a["d_out"])), np.abs(wide(a["gamma"])), wide(a["inverse"])[:, None]
    mean = wide(a["mean"])[:, None] if "mean" in a else 0.0
    y = np.abs(wide(a["x"]) - mean) * inverse + 2 * e * np.abs(wide(a["x"])) * inverse
    g = d * gamma
    level, along = g.mean(axis=1, keepdims=True), (g * y).mean(axis=1, keepdims=True)
    return {
        "d_gamma": (rows + 6) * e * (d * y).sum(axis=0),
        "d_beta": (rows + 6) * e * d.sum(axis=0),
        "d_x": (n + 10) * e * inverse * (g + level + y * along),
    }


def rms_backward(d: Draw) -> Arguments:
    x, scale, inverse = d.table(), d.like(d.columns), d.space(d.rows)
    rms_normalization.forward(x, scale, SMALL, inverse, d.space())
    spaces = {"d_x": d.space(), "d_scale": d.space(d.columns)}
    return {"d_out": d.table(), "x": x, "scale": scale, "inverse": inverse, **spaces}


def of_rms_backward(a: Arguments, expected: Arguments) -> Bounds:
    found = of_layer_backward({**a, "gamma": a["scale"]}, expected)
    return {"d_x": found["d_x"], "d_scale": found["d_gamma"]}


def unit_backward(d: Draw) -> Arguments:
    inverse, out = d.space(d.rows), d.space()
    unit_normalization.forward(d.table(), 1e-12, inverse, out)
    return {"d_out": d.table(), "out": out, "epsilon": 1e-12, "inverse": inverse, "d_x": d.space()}


def of_unit_backward(a: Arguments, expected: Arguments) -> Bounds:
    e, d, out = eps(expected), np.abs(wide(a["d_out"])), np.abs(wide(a["out"]))
    along = (d * out).sum(axis=1, keepdims=True)
    return {"d_x": (d.shape[1] + 6) * e * (d + out * along) * wide(a["inverse"])[:, None]}


def of_penalty(a: Arguments, expected: Arguments) -> Bounds:
    return {"penalty": (a["x"].size + 6) * eps(expected) * np.abs(wide(expected["penalty"]))}


def of_orthogonality(a: Arguments, expected: Arguments) -> Bounds:
    """A cosine is a sum of n products of at most 1 in all, each of numbers good to n + 8 roundings; terms are at most 1."""
    n, e = sum(a["x"].shape) + 8, eps(expected)
    relative = {name: n * e * np.abs(wide(expected[name])) for name in ("unit", "inverse")}
    return {**relative, "penalty": np.full(1, 4 * n * e * abs(a["factor"]))}


def orthogonality_backward(d: Draw) -> Arguments:
    x, unit, inverse = d.table(), d.space(), d.space(d.rows)
    x[np.arange(d.rows), 0] += 1.0  # nobody is orthogonal to another by accident: a sign would be left to rounding
    orthogonality.forward(x, 0.5, 1e-7, unit, inverse, d.space(1))
    return {"d_penalty": d.like(1), "factor": 0.5, "epsilon": 1e-7, "unit": unit, "inverse": inverse, "d_x": d.space()}


def of_orthogonality_backward(a: Arguments, expected: Arguments) -> Bounds:
    """Signs times entries of unit vectors, rows - 1 of them, projected; where a cosine is near 0 its sign may differ."""
    unit, e = wide(a["unit"]), eps(expected)
    rows, columns = unit.shape
    share = abs(wide(a["d_penalty"])[0]) * a["factor"] / max(rows * (rows - 1) / 2, 1)
    unsure = (np.abs(unit @ unit.T) < 4 * columns * e).sum(axis=1, keepdims=True)
    return {
        "d_x": share
        * wide(a["inverse"])[:, None]
        * ((rows + columns + 10) * e * rows * 2 + 4 * unsure)
        * np.ones_like(unit)
    }


def limits(d: Draw) -> Arguments:
    axis = int(d.random.integers(0, 2))
    low, high = sorted([d.number(0, d.scale), d.number(0, 3 * d.scale)])
    rate = 1.0 if d.random.random() < 0.5 else d.number()
    norms = d.space(d.rows if axis else d.columns)
    values = {"w": d.table(), "min_value": low, "max_value": high, "rate": rate, "axis": axis, "epsilon": 1e-7}
    return {**values, "norms": norms, "out": d.space()}


def unit_limits(d: Draw) -> Arguments:
    found = limits(d)
    return {name: found[name] for name in ("w", "axis", "epsilon", "norms", "out")}


def of_limits(a: Arguments, expected: Arguments) -> Bounds:
    n, e = max(a["w"].shape) + 8, eps(expected)
    return {
        "norms": n * e * wide(expected["norms"]),
        "out": 2 * n * e * np.abs(wide(a["w"])) * (1 + of_factor(a, expected)),
    }


def of_factor(a: Arguments, expected: Arguments) -> Array:
    """out = w factor: the largest that the factor is."""
    w, out = np.abs(wide(a["w"])), np.abs(wide(expected["out"]))
    return np.max(np.divide(out, w, out=np.zeros_like(w), where=w > 0), initial=1.0)  # type: ignore[no-any-return]


def kept(d: Draw) -> Array:
    return (d.random.random(d.rows * d.columns) < 0.7).astype(d.dtype)


CASES: dict[str, Case] = {
    "batch_normalization.forward": Case(
        lambda d: {
            "x": d.table(),
            **parameters(d),
            "epsilon": SMALL,
            **{name: d.space(d.columns) for name in ("mean", "variance", "inverse")},
            "out": d.space(),
        },
        of_batch_forward,
    ),
    "batch_normalization.backward": Case(batch_backward, of_batch_backward),
    "batch_normalization.inference_forward": Case(inference, bitwise),
    "batch_normalization.inference_backward": Case(batch_backward, of_inference_backward),
    "batch_normalization.update": Case(
        lambda d: {
            "mean": d.like(d.columns),
            "variance": d.like(d.columns),
            "momentum": d.number(),
            "moving_mean": d.like(d.columns),
            "moving_variance": d.like(d.columns),
        },
        bitwise,
    ),
    "layer_normalization.forward": Case(
        lambda d: {
            "x": d.table(),
            **parameters(d),
            "epsilon": SMALL,
            "mean": d.space(d.rows),
            "inverse": d.space(d.rows),
            "out": d.space(),
        },
        of_layer_forward,
    ),
    "layer_normalization.backward": Case(layer_backward, of_layer_backward),
    "rms_normalization.forward": Case(
        lambda d: {
            "x": d.table(),
            "scale": d.like(d.columns),
            "epsilon": SMALL,
            "inverse": d.space(d.rows),
            "out": d.space(),
        },
        of_rms_forward,
    ),
    "rms_normalization.backward": Case(rms_backward, of_rms_backward),
    "unit_normalization.forward": Case(
        lambda d: {"x": d.table(), "epsilon": 1e-12, "inverse": d.space(d.rows), "out": d.space()}, of_unit_forward
    ),
    "unit_normalization.backward": Case(unit_backward, of_unit_backward),
    "alpha_dropout.forward": Case(
        lambda d: {"x": d.flat(), "kept": kept(d), "rate": d.number(), "out": d.space(d.rows * d.columns)}, bitwise
    ),
    "alpha_dropout.backward": Case(
        lambda d: {"d_out": d.flat(), "kept": kept(d), "rate": d.number(), "d_x": d.space(d.rows * d.columns)}, bitwise
    ),
    "l1_l2.forward": Case(lambda d: {"x": d.flat(), "l1": 0.1, "l2": d.number(), "penalty": d.space(1)}, of_penalty),
    "l1_l2.backward": Case(
        lambda d: {
            "d_penalty": d.like(1),
            "x": d.flat(),
            "l1": 0.1 if d.rows % 2 else 0.0,
            "l2": d.number(),
            "d_x": d.space(d.rows * d.columns),
        },
        lambda a, expected: {"d_x": np.zeros(a["x"].shape)},  # but for the sign of zero
    ),
    "orthogonality.forward": Case(
        lambda d: {
            "x": d.table(),
            "factor": 0.5,
            "epsilon": 1e-7,
            "unit": d.space(),
            "inverse": d.space(d.rows),
            "penalty": d.space(1),
        },
        of_orthogonality,
    ),
    "orthogonality.backward": Case(orthogonality_backward, of_orthogonality_backward),
    "norm_limits.forward": Case(limits, of_limits),
    "norm_limits.unit_forward": Case(unit_limits, of_limits),
    "non_negative.forward": Case(lambda d: {"w": d.flat(), "out": d.space(d.rows * d.columns)}, bitwise),
}


def assert_this_twin(name: str, arguments: Arguments) -> None:
    assert_twin(name, arguments, CASES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 9),
    columns=st.integers(1, 19),
    scale=st.sampled_from([1.0, 1e-3, 30.0, 1000.0]),
)
def test_twin_equals_reference(name: str, dtype: str, seed: int, rows: int, columns: int, scale: float) -> None:
    assert_this_twin(name, CASES[name].arguments(Draw(seed, rows, columns, scale, dtype)))


@pytest.mark.parametrize("name", CASES)
def test_the_comparison_rejects_a_twin_that_is_off_by_a_thousandth(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, twin = kernels_of(name)
    arguments = CASES[name].arguments(Draw(3, 4, 5, 1.0, "float64"))
    output = [argument for argument, value in arguments.items() if isinstance(value, np.ndarray) and value.size][-1]
    place = list(inspect.signature(plain).parameters).index(output)

    def scaled(*given_: Any) -> None:
        twin(*given_)
        given_[place][...] *= 1.001

    short, function = name.split(".")
    monkeypatch.setattr(importlib.import_module(f"{kernels.__name__}.{short}"), f"{function}_compiled", scaled)
    with pytest.raises(AssertionError):
        assert_this_twin(name, arguments)


@pytest.mark.parametrize(
    "name", ["batch_normalization", "layer_normalization", "rms_normalization", "unit_normalization"]
)
def test_backward_may_overwrite_its_upstream_gradient(name: str) -> None:
    """The loop overwrites d_out by d_x."""
    arguments = CASES[f"{name}.backward"].arguments(Draw(7, 4, 5, 1.0, "float64"))
    twin = kernels_of(f"{name}.backward")[1]
    expected = call(twin, arguments)["d_x"]
    arguments["d_x"] = arguments["d_out"]
    twin(*arguments.values())
    assert same_bits(arguments["d_x"], expected)


def test_constraints_may_overwrite_the_weights() -> None:
    for name in ("norm_limits.forward", "norm_limits.unit_forward", "non_negative.forward"):
        for function in kernels_of(name):
            arguments = CASES[name].arguments(Draw(7, 4, 5, 1.0, "float64"))
            expected = call(function, arguments)["out"]
            arguments["out"] = arguments["w"]
            function(*arguments.values())
            assert same_bits(arguments["w"], expected)
