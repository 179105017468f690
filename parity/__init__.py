"""Parity: the same models trained in tinynn and in Keras, and how far apart they end. Run it: `python -m parity`.

As a library, for a model of your own, of either library:

    parity.check(model, x, y)       # is it the same function in the other library? A report, rung by rung
    parity.twin(model)              # the same model in the other library

Read `models.py` (what is trained), `modes.py` (the three ways to compare), `compare.py` (what counts as agreement), in
this order; for models of users `ladder.py`. TensorFlow is imported in `keras_side.py` alone, after `environment.py` has
set it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.checking import Report, check
    from parity.errors import SetupError
    from parity.twinning import CannotTwin, twin

_HOMES = {
    "Report": "checking",
    "check": "checking",
    "CannotTwin": "twinning",
    "twin": "twinning",
    "SetupError": "errors",
}

__all__ = ["CannotTwin", "Report", "SetupError", "check", "twin"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: `python -m parity` pins threads before anything imports NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'parity' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"parity.{_HOMES[name]}"), name)
