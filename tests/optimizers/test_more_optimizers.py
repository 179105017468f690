"""All rules and all that happens around them, step by step beside Keras; properties of the options by hand."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynn
from tests.models.twins import floatx_put_back, set_floatx
from tinynn import Variable, ops, optimizers
from tinynn.buffer import pack

Rule = tuple[str, dict[str, Any]]

RULES: dict[str, Rule] = {
    "adamw": ("AdamW", {}),
    "adamw, all": ("AdamW", {"weight_decay": 0.3, "learning_rate": 0.02, "amsgrad": True, "beta_2": 0.9}),
    "adadelta": ("Adadelta", {}),
    "adadelta, fast": ("Adadelta", {"learning_rate": 1.0, "rho": 0.7, "epsilon": 1e-3}),
    "adagrad": ("Adagrad", {}),
    "adagrad, from zero": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    "adamax": ("Adamax", {}),
    "adamax, forgetful": ("Adamax", {"learning_rate": 0.1, "beta_1": 0.3, "beta_2": 0.6, "epsilon": 1e-2}),
    "nadam": ("Nadam", {}),
    "nadam, forgetful": ("Nadam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2}),
    "lion": ("Lion", {}),
    "lion, decayed": ("Lion", {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.7, "weight_decay": 0.1}),
    "ftrl": ("Ftrl", {}),
    "ftrl, sparse": (
        "Ftrl",
        {
            **{"learning_rate": 0.2, "learning_rate_power": -0.7, "initial_accumulator_value": 0.3, "beta": 0.5},
            **{"l1_regularization_strength": 0.4, "l2_regularization_strength": 0.2},
            "l2_shrinkage_regularization_strength": 0.1,
        },
    ),
    "lamb": ("Lamb", {}),
    "lamb, fast": ("Lamb", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.8, "epsilon": 1e-3}),
    "adafactor": ("Adafactor", {}),
    "adafactor, cut": ("Adafactor", {"learning_rate": 0.5, "clip_threshold": 0.3, "beta_2_decay": -0.4, "epsilon_2": 2.0}),
    "schedule-free": ("ScheduleFreeAdamW", {}),
    "schedule-free, warm": ("ScheduleFreeAdamW", {"learning_rate": 0.1, "beta_1": 0.6, "warmup_steps": 5, "epsilon": 1e-3}),
}
AROUND: dict[str, Rule] = {
    "weight decay": ("SGD", {"learning_rate": 0.1, "weight_decay": 0.3}),
    "clipnorm": ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "clipnorm": 0.7}),
    "clipvalue": ("RMSprop", {"clipvalue": 0.5}),
    "global_clipnorm": ("Adam", {"learning_rate": 0.1, "global_clipnorm": 0.9}),
    "global_clipnorm, long": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 90.0}),
    "ema": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7}),
    "ema overwrites": ("Adam", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3}),
    "accumulation": ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "gradient_accumulation_steps": 3}),
    "accumulation, adam": ("Adam", {"learning_rate": 0.1, "gradient_accumulation_steps": 2}),
    "accumulation, nadam": ("Nadam", {"learning_rate": 0.1, "gradient_accumulation_steps": 3}),
    "loss scale": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 8.0}),
    "everything": (
        "AdamW",
        {
            **{"learning_rate": 0.1, "weight_decay": 0.2, "clipnorm": 0.6, "use_ema": True, "ema_momentum": 0.8},
            **{"ema_overwrite_frequency": 2, "loss_scale_factor": 3.0, "gradient_accumulation_steps": 2},
        },
    ),
}
SHAPES = [(2, 3), (3,)]
STEPS = 20


def made(k: Any, rule: Rule, **further: Any) -> Any:
    name, arguments = rule
    return getattr(k.optimizers, name)(**{**arguments, **further})


def variables_of(k: Any, floatx: str, shapes: Any = SHAPES) -> list[Any]:
    numbers = np.random.default_rng(1)
    return [k.Variable(numbers.normal(size=shape), dtype=floatx, name=f"v{i}") for i, shape in enumerate(shapes)]


def grads_at(t: int, floatx: str, shapes: Any = SHAPES) -> list[Any]:
    numbers = np.random.default_rng(t)
    scale = [1.0, 0.1, 1e-3, 10.0, 1.0][t % 5]
    return [np.asarray(scale * numbers.normal(size=shape), floatx) for shape in shapes]


def run(k: Any, floatx: str, rule: Rule, prepare: Callable[[Any, list[Any]], None] | None = None, shapes: Any = SHAPES) -> Any:
    """All variables after each of some steps, and how the optimizer's are called."""
    set_floatx(k, floatx)
    k.backend.clear_session()
    optimizer, variables, seen = made(k, rule), variables_of(k, floatx, shapes), []
    if prepare:
        prepare(optimizer, variables)
    for t in range(STEPS):
        optimizer.apply([k.ops.convert_to_tensor(g) for g in grads_at(t, floatx, shapes)], variables)
        if t in (0, 1, 2, 5, STEPS - 1):
            seen += [np.array(v.numpy()) for v in (*variables, *optimizer.variables)]
    return seen, [(v.path, str(v.dtype), tuple(v.shape)) for v in optimizer.variables]


def assert_same_runs(keras: Any, floatx: str, *arguments: Any, **further: Any) -> None:
    with floatx_put_back(tinynn, keras):
        (ours, our_names), (theirs, their_names) = (run(k, floatx, *arguments, **further) for k in (tinynn, keras))
    assert our_names == their_names
    # Some 16 roundings a step, of numbers of an array's size, none of which a later step enlarges: 7e-14 in float64.
    bound = 16 * STEPS * float(np.finfo(floatx).eps)
    for found, expected in zip(ours, theirs, strict=True):
        assert found.dtype == expected.dtype
        assert np.abs(found - expected).max() <= bound * np.abs(expected).max()


@pytest.mark.keras
@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES)
def test_twenty_steps_of_every_rule_are_keras_s(keras: Any, rule: str, floatx: str) -> None:
    assert_same_runs(keras, floatx, RULES[rule])


@pytest.mark.keras
@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("rule", AROUND)
def test_twenty_steps_with_every_option_are_keras_s(keras: Any, rule: str, floatx: str) -> None:
    assert_same_runs(keras, floatx, AROUND[rule])
