"""The line that says what is going on: redrawn in place on a terminal, now and then a line of its own elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

SECONDS_BETWEEN_LINES = 20.0
"""Where lines cannot be redrawn: enough for a log to show life, too little to bury the table."""


class Progress:
    """Says how far the program is, on standard error, so that standard output holds the table alone.

    Args:
        stream: where to; `sys.stderr` by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._redraws = self._stream.isatty()
        self._begin = self._last = time.monotonic()
        self._task = ""
        self._shown = 0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._begin

    def start(self, task: str) -> None:
        """A new task: '[ 4/18] medical trial, float32'."""
        self._task = task
        self.say("")

    def say(self, detail: str) -> None:
        """How far the task is."""
        text = f"{self._task}  {detail}".rstrip() + f"  {clock(self.seconds)}"
        if self._redraws:
            text = text[:79]
            self._write("\r" + text.ljust(self._shown))
            self._shown = len(text)
        elif time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._write(text + "\n")

    def clear(self) -> None:
        """Make room for a line of the table."""
        if self._shown:
            self._write("\r" + " " * self._shown + "\r")
            self._shown = 0

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def clock(seconds: float) -> str:
    """'7 s' or '2 min 05 s'."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"
