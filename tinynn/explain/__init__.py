"""Show me the mathematics: gradients checked, exercises, derivations."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "check": "checks",
    "check_gradients": "checks",
    "derivation": "derivations",
    "exercise": "workbook",
    "exercises": "workbook",
}

__all__ = ["check", "check_gradients", "derivation", "exercise", "exercises"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tinynn.explain' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tinynn.explain.{_HOMES[name]}"), name)
