"""The two ways in which a comparison does not take place."""

from __future__ import annotations


class SetupError(Exception):
    """The program cannot start as asked: told to the user, exit code 2."""


class NotAvailable(Exception):
    """One model cannot be trained here, for want of data or a package: told in its row, NOT RUN."""
