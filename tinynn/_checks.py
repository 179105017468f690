"""Checks at the border, and the words of their errors: what was expected, what came, how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """' Did you mean "relu"?' when one of the known names is close to the given one, else ''."""
    known = list(known)
    lowered = {candidate.lower(): candidate for candidate in reversed(known)}
    plain = {candidate.replace("_", ""): candidate for candidate in reversed(known)}
    asked = name.lower()
    if asked in lowered:
        return f' Did you mean "{lowered[asked]}"?'
    if asked.replace("_", "") in plain:
        return f' Did you mean "{plain[asked.replace("_", "")]}"?'
    starts = [candidate for candidate in known if len(asked) >= 3 and candidate.startswith(asked)]
    close = starts or difflib.get_close_matches(asked, known, n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for a string that names nothing: `raise unknown_name("activation", "rellu", table)`."""
    known = sorted(set(known))
    return ValueError(f'Unknown {kind} "{name}".{did_you_mean(name, known)} Known: {", ".join(known)}.')


def no_extra_arguments(
    where: str, extra: dict[str, Any], known: Iterable[str], error: type[Exception] = TypeError
) -> None:
    """Refuse misspelt keyword arguments, naming the nearest right one.

    Raises:
        TypeError: as Python itself does for an unexpected keyword, or the error that Keras has there.
    """
    known = sorted(known)
    for name in extra:
        raise error(f'{where} has no argument "{name}".{did_you_mean(name, known)} Its arguments: {", ".join(known)}.')


def positive_integer(where: str, name: str, value: Any) -> int:
    """`value` as an int when it is a whole number above zero (NumPy integers are welcome, booleans are not).

    Raises:
        ValueError: otherwise.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 1:
        raise ValueError(f"{where} expects {name} to be a positive integer; got {value!r}.")
    return int(value)
