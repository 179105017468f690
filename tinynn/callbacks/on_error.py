"""What callbacks that write models do when the disk does not let them."""

from __future__ import annotations

import warnings

from tinynn._checks import unknown_name

CHOICES = ("raise", "warn")


def checked(where: str, on_error: str) -> str:
    """The argument `on_error`.

    Raises:
        ValueError: it is neither "raise" nor "warn".
    """
    if on_error not in CHOICES:
        raise unknown_name(f"on_error of {where}", str(on_error), CHOICES)
    return on_error


def failed(on_error: str, what: str, error: OSError) -> None:
    """Raise an error about a file with what was to be done, or warn of it.

    Raises:
        OSError: with on_error="raise".
    """
    if on_error == "raise":
        error.add_note(f'{what}. With on_error="warn" the training goes on.')
        raise error
    warnings.warn(f"{what}: {error}. The training goes on.", RuntimeWarning, stacklevel=4)
