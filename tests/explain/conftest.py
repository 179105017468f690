"""Layers are named anew in every test: dense, dense_1, ..."""

from __future__ import annotations

import pytest

import tinynn


@pytest.fixture(autouse=True)
def names_begin_again() -> None:
    tinynn.backend.clear_session()
