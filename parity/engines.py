"""The two sides of a comparison: a module with the Keras API, and what it needs besides."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import tinynn


def _anything(model: Any) -> None:
    """No check."""


@dataclass(frozen=True)
class Engine:
    """Keras or tinynn.

    Args:
        name: as printed.
        keras: the module.
        compile_arguments: given to every `compile`.
        scope: a context in which models are made and trained.
        check: looks at a trained model and raises if it did not run as it should.
    """

    name: str
    keras: Any
    compile_arguments: dict[str, Any] = field(default_factory=dict)
    scope: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext
    check: Callable[[Any], None] = _anything


TINYNN = Engine("tinynn", tinynn)


@contextlib.contextmanager
def fresh_session(engine: Engine, dtype: str, seed: int) -> Iterator[None]:
    """Names counted from the start, this float type, this seed; the float type is put back afterwards."""
    keras = engine.keras
    before = keras.config.floatx()
    try:
        keras.config.set_floatx(dtype)
        keras.backend.clear_session(free_memory=False)  # Keras keeps the old float type in its dtype policy until this
        keras.utils.set_random_seed(seed)
        with engine.scope():
            yield
    finally:
        keras.config.set_floatx(before)
        keras.backend.clear_session(free_memory=False)
