"""The properties hold on a handful of examples each, and see what they are there to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from parity import properties
from parity.example import Example
from parity.properties import PROPERTIES, Disagreement, NotComparable
from parity.search import regressions
from parity.strategies import examples
from tinynn.kernels import dense, relu
from tinynn.optimizers import Adam

SMALL = Example(
    layers=({"class": "Dense", "units": 3, "activation": "relu"}, {"class": "Dense", "units": 2}),
    optimizer={"class": "Adam", "learning_rate": 0.1},
    features=2,
    samples=5,
    batch_size=2,
    weights="normal",
    metrics=("mae",),
)


@pytest.mark.keras
@pytest.mark.parametrize("name", PROPERTIES)
def test_property_holds(name: str, keras: Any) -> None:
    @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(examples(("layers", "loss", "optimizer", "inputs", "dtype", "metrics")))
    def holds(example: Example) -> None:
        try:
            PROPERTIES[name](example)
        except NotComparable:
            assume(False)

    holds()


@pytest.mark.keras
@pytest.mark.parametrize(("file", "name", "example"), list(regressions()), ids=lambda part: str(part)[:40])
def test_what_once_differed_does_not_differ_again(file: str, name: str, example: Example, keras: Any) -> None:
    documented = "docs/differences.md: "
    why = documented
    try:
        PROPERTIES[name](example)
    except NotComparable as reason:  # one came to be a documented difference
        why = str(reason)
    assert why.startswith(documented)


# Faults that must be seen ----------------------------------------------------------------------------------------------


def _red(name: str, example: Example) -> Disagreement:
    with pytest.raises(Disagreement) as found:
        PROPERTIES[name](example)
    return found.value


def _scaled(backward: Callable[..., None], factor: float) -> Callable[..., None]:
    def scaled(d_out: Any, *rest: Any) -> None:
        backward(d_out * d_out.dtype.type(factor), *rest)

    return scaled


@pytest.mark.keras
@pytest.mark.parametrize("name", ["gradient", "one_step", "steps_in_float64", "steps_in_float32", "fit"])
def test_a_gradient_scaled_by_1_001_is_seen(name: str, keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "backward", _scaled(dense.backward, 1.001))
    example = SMALL.but(optimizer={"class": "SGD", "learning_rate": 0.1})
    assert name in _red(name, example).property


@pytest.mark.keras
def test_a_derivative_of_1_at_relus_kink_is_seen(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def backward(d_out: Any, out: Any, d_x: Any) -> None:
        d_x[:] = d_out * (out >= 0)

    monkeypatch.setattr(relu, "backward", backward)
    found = _red("gradient", SMALL.but(inputs="zeros", weights="own"))
    assert "gradient" in found.what


@pytest.mark.keras
def test_an_epsilon_in_another_place_is_seen(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Adam.__init__

    def other(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.epsilon *= 2

    monkeypatch.setattr(Adam, "__init__", other)
    assert "new" in _red("steps_in_float64", SMALL).what


@pytest.mark.keras
def test_a_disagreement_says_what_where_and_how_much_and_brings_its_script(
    keras: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "backward", _scaled(dense.backward, 1.001))
    found = _red("gradient", SMALL)
    assert found.what == "step 1: gradient of sequential/dense/kernel"
    assert 0 < found.allowed < found.found < 1
    assert f"by {found.found:.3g}, allowed {found.allowed:.3g}" in str(found)
    assert found.script == SMALL.script()


# Judging ---------------------------------------------------------------------------------------------------------------


def test_distance_takes_nan_and_infinity_seriously() -> None:
    a = np.array([1.0, np.nan, np.inf])
    assert properties.distance(a, a) == 0
    assert properties.distance(a, np.array([1.5, np.nan, np.inf])) == 0.5
    assert properties.distance(a, np.array([1.0, np.nan, -np.inf])) == np.inf
    assert properties.distance(a, np.array([1.0, 0.0, np.inf])) == np.inf
    assert properties.distance(a, a[:2]) == np.inf


def _case(theirs: float, reach: float, dtype: str = "float64", ours: float = 1.0) -> properties.Case:
    def again(move: int | None, dtype: str, ulp: float) -> properties.Run:
        return {"outputs": np.array([ours if move is None else ours + reach], dtype)}

    runs = ({"outputs": np.array([value], dtype)} for value in (ours, theirs))
    return properties.Case("forward", SMALL, dtype, *runs, again)


def test_float64_allows_1e_9_and_eight_times_what_moved_starts_do() -> None:
    everything: Callable[[str], bool] = lambda name: True  # noqa: E731
    _case(1 + 0.9e-9, 0.0).check(everything)
    _case(1 + 7e-6, 1e-6).check(everything)
    for theirs, reach in ((1 + 1.1e-9, 0.0), (1 + 9e-6, 1e-6)):
        with pytest.raises(Disagreement):
            _case(theirs, reach).check(everything)


def test_float32_allows_eight_ulp() -> None:
    everything: Callable[[str], bool] = lambda name: True  # noqa: E731
    ulp = float(np.finfo(np.float32).eps)
    _case(1 + 7 * ulp, 0.0, "float32").check(everything)
    with pytest.raises(Disagreement):
        _case(1 + 12 * ulp, 0.0, "float32").check(everything)
