"""Shared by all tests: Keras when it is there, settings put back after each test, Hypothesis without deadlines."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import tinynn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN reorders sums
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile(
    "tinynn", deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tinynn")


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras on TensorFlow; the test is skipped where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras", reason="Keras is not installed: pip install tinynn-engine[keras]")


@pytest.fixture(autouse=True)
def settings_put_back() -> Iterator[None]:
    """A test that changes the float type or the fuzz factor leaves no trace."""
    floatx, epsilon = tinynn.config.floatx(), tinynn.config.epsilon()
    yield
    tinynn.config.set_floatx(floatx)
    tinynn.config.set_epsilon(epsilon)
