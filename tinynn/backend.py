"""`keras.backend`: settings, and a fresh start."""

from __future__ import annotations

from tinynn._naming import reset_names
from tinynn.config import epsilon, floatx, set_epsilon, set_floatx
from tinynn.random import global_seed

__all__ = ["backend", "clear_session", "epsilon", "floatx", "set_epsilon", "set_floatx"]


def backend() -> str:
    """The name of what computes."""
    return "tinynn"


def clear_session(free_memory: bool = True) -> None:
    """Count automatic names from the start again and forget the seed of unseeded random calls.

    Models and layers that exist stay as they are; Python's garbage collection frees what is not used.
    """
    reset_names()
    global_seed.reset()
