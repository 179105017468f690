"""Files with faults: a share of what `make fuzz` tries."""

from __future__ import annotations

from tests.saving.fuzz import fuzz


def test_faults_in_files_are_ordinary_errors() -> None:
    assert fuzz(seed=0, start=0, stop=280, keep=None, tell=lambda line: None) == {}
