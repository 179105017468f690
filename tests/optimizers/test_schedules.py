"""Learning-rate schedules: by hand, one step as many, beside Keras, as descriptions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinynn import Variable
from tinynn.optimizers import schedules

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "exponential": ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    "exponential, stairs": (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True},
    ),
    "inverse time": ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.7}),
    "inverse time, stairs": (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.7, "staircase": True},
    ),
    "piecewise": ("PiecewiseConstantDecay", {"boundaries": [3, 10, 25], "values": [1.0, 0.5, 0.3, 0.1]}),
    "polynomial": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "end_learning_rate": 0.01}),
    "polynomial, cycle": (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 6, "power": 2.5, "cycle": True},
    ),
    "cosine": ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.1}),
    "cosine, warm": (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 20, "warmup_target": 0.3, "warmup_steps": 5},
    ),
    "restarts": ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "m_mul": 0.8}),
    "restarts, even": (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.0, "alpha": 0.2},
    ),
}


def made(k: Any, kind: str) -> Any:
    name, arguments = KINDS[kind]
    return getattr(k, name)(**arguments)


@pytest.mark.keras
@pytest.mark.parametrize("kind", KINDS)
def test_learning_rates_are_keras_s_in_float32(keras: Any, kind: str) -> None:
    theirs, ours = made(keras.optimizers.schedules, kind), made(schedules, kind)
    steps = np.arange(45)
    expected = np.array([np.asarray(theirs(int(step))) for step in steps])
    found = schedules.at_steps(ours, steps)
    assert found.dtype == expected.dtype == np.float32
    # Powers are rounded from float64 here and by the C library there, which is the same for these. Its cosine is an ulp off
    # now and then; near the end 1 + cos loses what its ulps are of 1.
    rate = max(float(expected.max()), 1e-3)
    allowed = 2 * float(np.finfo(np.float32).eps) * rate if "Cosine" in KINDS[kind][0] else 0.0
    assert np.abs(found - expected).max() <= allowed
    assert ours.get_config() == theirs.get_config()
    assert schedules.serialize(ours) == keras.optimizers.schedules.serialize(theirs)
    ours_signature, theirs_signature = (inspect.signature(type(schedule)) for schedule in (ours, theirs))
    names = {p.name: p.default for p in theirs_signature.parameters.values()}
    assert {p.name: p.default for p in ours_signature.parameters.values()} == names


@pytest.mark.parametrize("kind", KINDS)
@given(steps=st.lists(st.integers(0, 2000), min_size=1, max_size=20))
def test_many_steps_at_once_are_those_steps_one_by_one(kind: str, steps: list[int]) -> None:
    schedule = made(schedules, kind)
    together = schedule(np.array(steps))
    assert together.dtype == np.float32
    assert np.allclose(
        together, [schedule(step) for step in steps], rtol=4e-7, atol=1e-9
    )  # vector code rounds by itself
    assert schedule(Variable(np.array(steps[0]))) == schedule(steps[0])


BY_HAND: list[tuple[Any, int, float]] = [
    (schedules.ExponentialDecay(1.0, 10, 0.25), 5, 0.5),
    (schedules.ExponentialDecay(1.0, 10, 0.25, staircase=True), 19, 0.25),
    (schedules.InverseTimeDecay(1.0, 2, 0.5), 4, 0.5),
    (schedules.PolynomialDecay(1.0, 10, 0.5), 5, 0.75),
    (schedules.PolynomialDecay(1.0, 10, 0.5), 99, 0.5),
    (schedules.PolynomialDecay(1.0, 10, 0.0, cycle=True), 15, 0.25),
    (schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25]), 2, 1.0),
    (schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25]), 3, 0.5),
    (schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25]), 5, 0.25),
    (schedules.CosineDecay(1.0, 10), 5, 0.5),
    (schedules.CosineDecay(1.0, 10, alpha=0.25), 11, 0.25),
    (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), 1, 0.25),
    (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), 4, 1.0),
    (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), 9, 0.5),
    (schedules.CosineDecayRestarts(1.0, 10), 20, 0.5),
    (schedules.CosineDecayRestarts(1.0, 10, t_mul=1.0, m_mul=0.5), 10, 0.5),
]


@pytest.mark.parametrize(("schedule", "step", "rate"), BY_HAND)
def test_rates_by_hand(schedule: Any, step: int, rate: float) -> None:
    assert float(schedule(step)) == pytest.approx(rate, abs=2e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_descriptions_make_the_schedule_again(kind: str) -> None:
    schedule = made(schedules, kind)
    again = schedules.deserialize(schedules.serialize(schedule))
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()


class Own(schedules.LearningRateSchedule):
    def __call__(self, step: Any) -> Any:
        return 0.5 if step < 2 else 0.25

    def get_config(self) -> dict[str, Any]:
        return {}


class Slower(schedules.CosineDecay):
    """A built-in schedule with a `__call__` of its own, which knows numbers alone."""

    def __call__(self, step: Any) -> Any:
        return super().__call__(step) if step < 2 else 0.125


def test_own_schedules_are_asked_step_by_step() -> None:
    assert schedules.at_steps(Own(), np.arange(4)).tolist() == [0.5, 0.5, 0.25, 0.25]
    assert schedules.at_steps(Slower(1.0, 10), np.array([0, 2, 3])).tolist() == [1.0, 0.125, 0.125]
    described = schedules.serialize(Own())
    assert isinstance(schedules.deserialize(described, {"Own": Own}), Own)


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no steps": (
        lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
        ValueError,
        r"`decay_steps` must be > 0\. Received: d",
    ),
    "no first steps": (lambda: schedules.CosineDecayRestarts(0.1, -1), ValueError, r"`first_decay_steps` must be > 0"),
    "lengths": (
        lambda: schedules.PiecewiseConstantDecay([1, 2], [1.0, 2.0]),
        ValueError,
        r"boundaries=\[1, 2\] of length 2, and values=\[1\.0, 2\.0\] of length 2\.",
    ),
    "falling": (lambda: schedules.PiecewiseConstantDecay([2, 1], [1, 2, 3]), ValueError, r"boundaries that rise; got"),
    "no call": (
        lambda: schedules.LearningRateSchedule()(1),
        NotImplementedError,
        r"must override `__call__\(self, step\)`",
    ),
    "no config": (
        lambda: schedules.LearningRateSchedule().get_config(),
        NotImplementedError,
        r"in order to be serializ",
    ),
    "unknown": (
        lambda: schedules.deserialize({"class_name": "CosineDecai"}),
        ValueError,
        r'Did you mean "CosineDecay"\?',
    ),
    "no description": (lambda: schedules.deserialize({}), ValueError, r'a dict with "class_name" and "config"'),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_was_expected_and_what_came(case: str) -> None:
    call, kind, text = ERRORS[case]
    with pytest.raises(kind, match=text):
        call()
