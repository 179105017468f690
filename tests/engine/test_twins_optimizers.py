"""Compiled twins of the optimizers and of what happens around them, held against their references as in `test_twins`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import test_twins
from tests.engine.test_twins import (
    DTYPES,
    ULPS,
    Arguments,
    Case,
    Draw,
    assert_twin,
    bitwise,
    call,
    eps,
    kernels_of,
    same_bits,
    same_but_for_the_sign_of_zero,
    wide,
)
from tinynn._typing import Array
from tinynn.kernels import muon

twins_are_machine_code = test_twins.twins_are_machine_code

_RATES = "NumPy computes the rates of a whole stretch of steps before the loop starts"
WITHOUT_TWIN = {
    "adamax.effective_rate": _RATES,
    "nadam.effective_rates": _RATES,
    "nadam.u_products": _RATES,
    "lamb.effective_rates": _RATES,
    "adafactor.effective_rates": _RATES,
    "schedule_free_adamw.effective_rates": _RATES,
    "muon.effective_rates": _RATES,
    "muon.direction": "written out in the twin's loops, and held to the reference by them",
    "muon.room_for": "asked before the loop starts",
}


def slots(d: Draw, **further: Any) -> Arguments:
    return {"params": d.flat(), "grads": d.flat(), **further}


def betas(d: Draw, **further: Any) -> Arguments:
    return {**further, "beta_1": d.number(0.1), "beta_2": d.number(), "epsilon": float(d.random.choice([1e-7, 1e-3]))}


def rates(d: Draw, k: int) -> Array:
    return d.random.uniform(0.01, 1, k).astype(d.dtype)


def starts(d: Draw) -> Array:
    """Borders within d.flat(): as many variables as rows."""
    return np.arange(d.rows + 1, dtype=np.int64) * d.columns


def shapes(d: Draw) -> Array:
    """One vector, then what is left as one matrix or a few, whose rows and columns differ."""
    rest = d.rows - 1
    found = [(0, 1, 0, d.columns)]
    if rest:
        blocks = 2 if rest % 2 == 0 else 1
        found.append((d.columns, blocks, rest // blocks, d.columns))
    return np.array(found, np.int64)


def adafactor_arguments(d: Draw) -> Arguments:
    parts = shapes(d)
    matrix = parts[-1] if len(parts) > 1 else (0, 0, 0, 0)
    r, c = (np.abs(d.like(int(n))) for n in (matrix[1] * matrix[2], matrix[1] * matrix[3]))
    numbers = {
        "epsilon_1": float(d.random.choice([1e-30, 1e-3])),
        "epsilon_2": d.number(),
        "clip_threshold": d.number(0.1),
    }
    return slots(d, r=r, c=c, velocity=d.positive(), shapes=parts, rates=rates(d, 2), **numbers)


def muon_arguments(d: Draw) -> Arguments:
    """A vector and a matrix, which stands or lies."""
    rest = d.rows - 1
    sizes = [(0, 0, d.columns, 0)] + ([(d.columns, rest, d.columns, 0)] if rest else [])
    table = np.array(sizes, np.int64)
    numbers = {
        "momentum": d.number(),
        "nesterov": bool(d.random.integers(2)),
        "ns_steps": int(d.random.integers(3)),
        "muon_a": 3.4445,
        "muon_b": -4.775,
        "muon_c": 2.0315,
        "adam_beta_1": d.number(0.1),
        "adam_beta_2": d.number(),
        "epsilon": 1e-3,
    }
    rates_ = rates(d, 3) * np.array([1, 1, d.random.choice([1, -1])], d.dtype)
    room = np.zeros(muon.room_for(table), d.dtype)
    v = np.abs(d.like(d.columns))
    return slots(d, m=d.flat(), v=v, shapes=table, room=room, rates=rates_, **numbers)


def of_muon(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """Products in another order. A round makes relative errors of x at most 20 times as large: its polynomial's slopes, in
    sizes, add up to 3.4 + 3 4.8 + 5 2.0 = 28 where s is 1, and no round starts with |x| above 1 but for rounding. Sums have
    up to n terms, and steps are as long as the matrix's norm, which is at most sqrt(rows), in the scale's units."""
    n, rows = a["params"].size, len(a["params"]) // len(a["v"])
    longest = np.abs(a["rates"][0]) * 2 * np.sqrt(n) * max(1, abs(a["rates"][2]))
    steps = 28.0 ** a["ns_steps"] * (2 * n + 20) * longest * np.sqrt(rows)
    return {
        "params": eps(expected) * (steps + 4 * np.abs(wide(expected["params"])) + 4 * np.abs(wide(a["params"]))),
        "m": 4 * eps(expected) * (np.abs(wide(a["m"])) + np.abs(wide(a["grads"]))),
        "room": np.full(a["room"].shape, np.inf),
    }


def ftrl_arguments(d: Draw) -> Arguments:
    sums = {"accumulator": d.positive(), "linear": d.flat(), "rate": d.number(0.01)}
    power = {"learning_rate_power": float(d.random.choice([-0.5, -0.5, -0.7, -1.0, 0.0]))}
    strengths = {f"{name}_regularization_strength": d.number() for name in ("l1", "l2", "l2_shrinkage")}
    return slots(d, **sums, **power, **strengths, beta=d.number())


def of_scaled(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """Every entry times a quotient of norms: sums of squares in another order, and a handful of roundings."""
    return {"grads": (a["grads"].size + 6) * eps(expected) * np.abs(wide(expected["grads"]))}


def of_moved(a: Arguments, expected: Arguments) -> Array:
    """A step whose length is a quotient of norms, in the size of what it starts from and leads to."""
    sizes = np.abs(wide(a["params"])) + np.abs(wide(expected["params"]))
    return (4 * a["params"].size + 20) * eps(expected) * sizes


def of_lamb(a: Arguments, expected: Arguments) -> dict[str, Array]:
    return {"params": of_moved(a, expected)}


def of_adafactor(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """Means of positive numbers in another order; the mean square a quotient and a product of three of them."""
    n = a["params"].size
    means = {name: (n + 6) * eps(expected) * wide(expected[name]) for name in ("r", "c")}
    return {
        **means,
        "velocity": (3 * n + 20) * eps(expected) * wide(expected["velocity"]),
        "params": of_moved(a, expected),
    }


def of_ftrl(a: Arguments, expected: Arguments) -> dict[str, Array]:
    """Roots bit for bit; other powers are e^(q log x), which turns an error of log x into a relative one."""
    if a["learning_rate_power"] == -0.5:
        return same_but_for_the_sign_of_zero("params")(a, expected)
    q, new, rate = -a["learning_rate_power"], wide(expected["accumulator"]), a["rate"]
    power = new**q
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.abs(np.log(new)) + np.where(a["accumulator"] > 0, np.abs(np.log(wide(a["accumulator"]))), 0)
    of_power = eps(expected) * (4 * ULPS + 4 * np.where(np.isfinite(logs), logs, 0))
    of_linear = of_power * (2 * power / rate * np.abs(a["params"]) + np.abs(wide(expected["linear"]))) + 4 * eps(
        expected
    ) * (np.abs(a["grads"]) + np.abs(a["params"]) + np.abs(a["linear"]))
    quadratic = power / rate + 2 * a["l2_regularization_strength"] + a["beta"] / rate
    return {"linear": of_linear, "params": of_linear / quadratic + 4 * of_power * np.abs(wide(expected["params"]))}


def step(d: Draw, *names: str) -> Arguments:
    """Of momentum and velocity kinds: signed and positive slots by name."""
    signed = ("momentum", "linear", "accumulator", "average")
    return slots(d, **{name: d.flat() if name in signed else d.positive() for name in names})


CASES: dict[str, Case] = {
    "clip.by_value": Case(lambda d: {"grads": d.flat(), "clipvalue": d.number()}, bitwise),
    "clip.by_norm": Case(lambda d: {"grads": d.flat(), "starts": starts(d), "clipnorm": d.number(0.1, 3)}, of_scaled),
    "clip.by_global_norm": Case(
        lambda d: {"grads": d.flat(), "starts": starts(d), "clipnorm": d.number(0.1, 3)}, of_scaled
    ),
    "weight_decay.shrink": Case(
        lambda d: {
            "params": d.flat(),
            "starts": starts(d),
            "decays": d.random.choice([0.0, 0.004, 0.3], d.rows),
            "learning_rate": d.number(),
        },
        bitwise,
    ),
    "moving_average.update": Case(
        lambda d: {"average": d.flat(), "params": d.flat(), "momentum": float(d.random.choice([0.0, 0.99, 1.0, 0.3]))},
        bitwise,
    ),
    "gradient_accumulation.add": Case(lambda d: {"accumulator": d.flat(), "grads": d.flat()}, bitwise),
    "gradient_accumulation.finish": Case(
        lambda d: {"accumulator": d.flat(), "grads": d.flat(), "batches": int(d.random.integers(2, 9))}, bitwise
    ),
    "adadelta.step": Case(
        lambda d: {
            **step(d, "accumulated_grad", "accumulated_delta_var"),
            "rate": d.number(),
            "rho": d.number(),
            "epsilon": 1e-7,
        },
        bitwise,
    ),
    "adagrad.step": Case(
        lambda d: slots(d, accumulator=d.positive(), rate=d.number(), epsilon=float(d.random.choice([1e-7, 1e-3]))),
        bitwise,
    ),
    "adamax.step": Case(lambda d: {**step(d, "momentum", "norm"), "rate": d.number(), **betas(d)}, bitwise),
    "nadam.step": Case(lambda d: {**step(d, "momentum", "velocity"), "rates": rates(d, 3), **betas(d)}, bitwise),
    "lion.step": Case(
        lambda d: {**step(d, "momentum"), "rate": d.number(), "beta_1": d.number(), "beta_2": d.number()}, bitwise
    ),
    "ftrl.step": Case(ftrl_arguments, of_ftrl),
    "lamb.step": Case(
        lambda d: {**step(d, "momentum", "velocity"), "starts": starts(d), "rates": rates(d, 3), **betas(d)}, of_lamb
    ),
    "adafactor.step": Case(adafactor_arguments, of_adafactor),
    "muon.step": Case(muon_arguments, of_muon),
    "schedule_free_adamw.step": Case(
        lambda d: {**step(d, "momentum", "velocity"), "rates": rates(d, 3), **betas(d)}, bitwise
    ),
}


def assert_this_twin(name: str, arguments: Arguments) -> None:
    assert_twin(name, arguments, CASES)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 7),
    columns=st.integers(1, 11),
    scale=st.sampled_from([1.0, 1e-3, 30.0, 1000.0]),
)
def test_twin_equals_reference(name: str, dtype: str, seed: int, rows: int, columns: int, scale: float) -> None:
    assert_this_twin(name, CASES[name].arguments(Draw(seed, rows, columns, scale, dtype)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_a_gradient_that_is_not_finite_goes_where_it_goes_in_the_reference(name: str, dtype: str) -> None:
    if "grads" not in CASES[name].arguments(Draw(0, 2, 5, 1.0, dtype)):
        return
    for wrong in (np.nan, np.inf):
        arguments = CASES[name].arguments(Draw(1, 3, 5, 1.0, dtype))
        arguments["grads"][3] = wrong
        with np.errstate(all="ignore"):  # infinity less infinity, and on
            assert_this_twin(name, arguments)


@pytest.mark.parametrize("name", CASES)
def test_the_comparison_rejects_a_twin_that_is_off_by_a_thousandth(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, twin = kernels_of(name)
    arguments = CASES[name].arguments(Draw(3, 4, 5, 1.0, "float64"))
    after = call(plain, arguments)
    arrays = {k: a for k, a in after.items() if isinstance(a, np.ndarray) and a.any()}
    changed = next(k for k, a in arrays.items() if not same_bits(a, arguments[k]))

    def scaled(*given_: Any) -> None:
        twin(*given_)
        given_[list(arguments).index(changed)][...] *= 1.001

    monkeypatch.setattr(f"tinynn.kernels.{name.split('.')[0]}.{name.split('.')[1]}_compiled", scaled)
    with pytest.raises(AssertionError):
        assert_this_twin(name, arguments)
