"""Names that come from files, or go into them: short, and of letters that mean nothing to a file system."""

from __future__ import annotations

import re

from tinynn.saving.limits import Limits

_PART = re.compile(r"[\w .\-:>]+")
"""Letters of any language. Keras adds ">" (own packages) and, in files of version 2, ":" ("kernel:0")."""


def check_name(name: object, limits: Limits, what: str = "The name of a layer") -> None:
    """Refuse a name that is no string of letters, digits, spaces and `_ - . : >`, or is too long, or dots alone.

    Raises:
        ValueError: it is.
    """
    if not isinstance(name, str) or not _PART.fullmatch(name) or not name.strip(". "):
        raise ValueError(f"{what} is made of letters, digits, spaces and _ - . in a file; got {str(name)[:80]!r}.")
    limits.check("name_length", len(name), f"The length of {what[0].lower()}{what[1:]}")


def check_path_name(path: str, limits: Limits) -> None:
    """The same of names joined by "/", together no longer than the limit, and in ASCII: HDF5 keeps others in another way.

    Raises:
        ValueError: one of them is none, such as "..", or they are too long.
    """
    if not path.isascii():
        raise ValueError(f"The names of groups and arrays in a file are made of ASCII characters; got {path[:80]!r}.")
    limits.check("name_length", len(path), "The length of a path in a file")
    for part in path.split("/"):
        check_name(part, limits, "A name in a path")
