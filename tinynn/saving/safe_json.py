"""JSON from a file: strict, and bounded in length and depth."""

from __future__ import annotations

import json
import math
from typing import Any

from tinynn.saving.limits import Limits


def parse(text: str | bytes, limits: Limits) -> Any:
    """What stands in a JSON text.

    Unlike Python's own reader it takes no NaN or Infinity, no number that a float or 64 bits cannot hold, no name twice.

    Args:
        text: the text; bytes must be UTF-8.
        limits: for its length, depth and lists.

    Raises:
        ValueError: no JSON (json.JSONDecodeError), or one of the above.
    """
    limits.check("json_bytes", len(text), "The length of a description")
    try:
        found = json.loads(
            text.decode("utf-8") if isinstance(text, bytes) else text,
            object_pairs_hook=_no_name_twice,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except RecursionError:
        raise ValueError("This text has brackets within brackets, too deep for a model.") from None
    check_size(found, limits)
    return found


def check_size(value: Any, limits: Limits) -> None:
    """Refuse dicts and lists too deep within each other, or too long; found without recursion.

    Raises:
        ValueError: beyond the limits.
    """
    level, depth = [value], 0
    while level:
        limits.check("json_depth", depth, "The depth of a description")
        inner: list[Any] = []
        for part in level:
            if isinstance(part, (dict, list, tuple)):
                limits.check("list_length", len(part), "The length of a list in a description")
                inner.extend(part.values() if isinstance(part, dict) else part)
        level, depth = [part for part in inner if isinstance(part, (dict, list, tuple))], depth + 1


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"One name stands twice in an object of this text: {twice[:80]!r}.")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON: this text was not written by Keras for a model that works.")


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"An integer of {len(digits)} digits is beyond 64 bits.")
    return int(digits)


def _float(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError(f"{digits[:80]} is beyond what a float holds.")
    return found
