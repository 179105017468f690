"""What ends a benchmark with a message instead of a traceback."""

from __future__ import annotations


class SetupError(Exception):
    """It cannot start as asked; the message says how to mend it."""


class NotExpressible(Exception):
    """An engine cannot run this recipe as it is; the message says why. Others can: this one is left out."""


class OutOfTime(Exception):
    """An engine has used up its seconds. What is not measured then is left out."""


class WorkerFailed(Exception):
    """An engine's process ended or raised; the message is the last of what it said."""
