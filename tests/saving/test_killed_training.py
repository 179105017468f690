"""Processes that are killed in the middle of a training; `make kill-test` kills more of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.saving.killed_training import kill_over_and_over

pytestmark = pytest.mark.slow


def test_a_training_survives_its_process(tmp_path: Path) -> None:
    assert kill_over_and_over(kills=3, seed=0, folder=tmp_path, plans=[1], longest=0.4) >= 1
