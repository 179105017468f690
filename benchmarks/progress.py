"""The line that says what is going on, on standard error: redrawn on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Args:
    stream: where to; `sys.stderr` by default.
    every: at least so many seconds between lines that cannot be redrawn.
    """

    def __init__(self, stream: TextIO | None = None, every: float = 10.0) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._redraws = self._stream.isatty()
        self._every, self._begin = every, time.monotonic()
        self._last, self._shown = self._begin - every, 0

    def say(self, text: str) -> None:
        """What is being done now."""
        text = f"{text}  [{time.monotonic() - self._begin:.0f} s]"
        if self._redraws:
            self._stream.write("\r" + text[:110].ljust(self._shown))
            self._shown = min(len(text), 110)
        elif time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            self._stream.write(text + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Make room for a line of results."""
        if self._shown:
            self._stream.write("\r" + " " * self._shown + "\r")
            self._stream.flush()
            self._shown = 0
