"""The two ways in which a comparison does not take place; and how one that broke down is told."""

from __future__ import annotations

import traceback


class SetupError(Exception):
    """The program cannot start as asked: told to the user, exit code 2."""


class NotAvailable(Exception):
    """One model cannot be trained here, for want of data or a package: told in its row, NOT RUN."""


def told(error: BaseException) -> str:
    """What was raised and where, in a line; by names alone, for reports that are kept and travel."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {at.name}, line {at.lineno}: {error}"
