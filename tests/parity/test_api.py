"""Every difference of the public API from Keras's has a reason, every reason a difference, and docs/api.md is current."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import tinynn
from parity import api

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(keras: Any) -> list[str]:
    return api.differences(keras, tinynn)


@pytest.mark.keras
def test_every_difference_has_a_reason(found: list[str]) -> None:
    assert api.unexplained(found) == []


@pytest.mark.keras
def test_every_reason_has_a_difference(found: list[str]) -> None:
    assert api.unneeded(found) == []


@pytest.mark.keras
def test_the_page_is_current(keras: Any) -> None:
    written = api.PAGE.read_text(encoding="utf-8")
    assert written == api.page(keras, tinynn), "docs/api.md is old: python -m parity.api --write"


def module(**names: Any) -> ModuleType:
    made = ModuleType("made")
    vars(made).update(names, __all__=sorted(names))
    return made


class Theirs:
    def __init__(self, units: int, activation: Any = None, name: str | None = None) -> None: ...
    def train(self, x: Any, epochs: int = 1) -> None: ...
    def only_theirs(self) -> None: ...


class Ours:
    def __init__(self, units: int, name: str | None = None, *, activation: Any = "relu") -> None: ...
    def train(self, x: Any, rounds: int = 1) -> None: ...
    def only_ours(self) -> None: ...


def test_the_comparison_sees_every_kind_of_difference() -> None:
    theirs = module(Dense=Theirs, gone=len, inner=module(f=lambda x, axis=-1: x))
    ours = module(Dense=Ours, more=len, inner=module(f=lambda x: x))
    assert set(api.differences(theirs, ours)) == {
        "argument extra Theirs.train(rounds)",
        "argument missing Theirs.train(epochs)",
        "argument missing inner.f(axis)",
        "default Dense(activation=None), here 'relu'",
        "extra Ours.only_ours",
        "extra more",
        "missing Theirs.only_theirs",
        "missing gone",
        "order Dense(units, activation, name), here (units, name)",
    }
    assert api.differences(theirs, theirs) == []
