"""For all tests of files: the disk need not keep up."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """fsync takes seconds where others write, too. Only a loss of power could tell the difference; test_atomic.py keeps it."""
    if request.module.__name__.rpartition(".")[2] != "test_atomic":
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
