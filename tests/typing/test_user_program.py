"""The program that type checkers are given does something."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")

from tests.typing.user_program import main


def test_the_typed_program_runs() -> None:
    assert 0 < main() < 2
