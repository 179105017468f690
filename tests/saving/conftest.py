"""For tests of what is in a file: the disk need not keep up."""

from __future__ import annotations

import os

import pytest

_ABOUT_CONTENT = ("test_formats", "test_matrix", "test_onnx", "test_refusals")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """fsync takes seconds where others write, too. Only a loss of power could tell the difference."""
    if request.module.__name__.rpartition(".")[2] in _ABOUT_CONTENT:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
