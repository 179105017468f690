"""`keras.ops.numpy`: the array functions of `tinynn.ops` under a second address; there are no others here."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    from tinynn import ops

    if name in ops.__all__:
        return getattr(ops, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from tinynn import ops

    return ops.__all__
