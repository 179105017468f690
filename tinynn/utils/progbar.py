"""The progress bar, and the one way in which tinynn prints."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from tinynn import config

__all__ = ["Progbar", "print_msg"]

Values: TypeAlias = Iterable[tuple[str, Any]] | dict[str, Any]
"""Names and what to show for them."""

_BAR = "━"
_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def print_msg(message: str, line_break: bool = True) -> None:
    """Print to whatever `sys.stdout` is now, and flush.

    Printing never ends a training: characters that the stream's encoding lacks are replaced or left out, and a reader
    that went away (`python train.py | head`) or a missing or closed stdout is ignored. Keras raises in the last cases.
    After `config.disable_interactive_logging()` the message goes to the logger "tinynn" instead.
    """
    if not config.is_interactive_logging_enabled():
        import logging

        logging.getLogger("tinynn").info(message)
        return
    stream = sys.stdout
    if stream is None or getattr(stream, "closed", False):
        return
    text = f"{message}\n" if line_break else message
    with contextlib.suppress(BrokenPipeError):
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "utf-8"
            stream.write(text.replace(_BAR, "=").encode(encoding, errors="ignore").decode(encoding))
        stream.flush()


class Progbar:
    """A bar, the time left or spent, and the metrics, redrawn in place; character for character that of Keras.

    A value is shown as the mean of what was given since the start, weighted by the steps each update covers, unless it
    is stateful: then the last one is shown as it is. Name the metrics of the one kind or of the other, not both.

    `update` costs well under a microsecond as long as `interval` has not passed since the bar was last drawn.

    Args:
        target: number of steps expected, None if unknown.
        width: length of the bar in characters.
        verbose: 0 silent, 1 a bar that moves, 2 one line at the end.
        interval: seconds between two drawings, at least.
        stateful_metrics: names of the values not to average; all others are averaged. By default all are.
        stateless_metrics: names of the values to average; all others are not.
        unit_name: what a step is called.

    Raises:
        ValueError: both stateful and stateless metrics are named.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Progbar expects stateful_metrics (the others are averaged) or stateless_metrics (the others are not); "
                f"got both: {stateful_metrics!r} and {stateless_metrics!r}."
            )
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ()) if stateless_metrics is None else None
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)

        self._dynamic_display = _can_redraw()
        self._averages_nothing = self.stateless_metrics is not None and not self.stateless_metrics
        # By name, in order of first appearance, which is the order of display:
        # the value itself if nothing is averaged, else [total, weight].
        self._values: dict[str, Any] = {}
        self._shown_as_is: set[str] = set()
        self._seen_so_far: float = 0
        self._start = time.time()
        self._time_after_first_step: float | None = None
        self._last_update = 0.0
        self._prev_total_width = 0

    def update(self, current: int, values: Values | None = None, finalize: bool | None = None) -> None:
        """Take note of step number `current` and its values, and redraw if it is time.

        Args:
            current: steps done so far.
            values: pairs (name, value), or a dictionary.
            finalize: whether this is the last update; by default it is when `current` reaches the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        if values:
            if self._averages_nothing:
                self._values.update(values)
            else:
                self._accumulate(values, 1 if finalize else max(current - self._seen_so_far, 1), finalize)
        self._seen_so_far = current
        now = time.time()
        if current == 1:
            self._time_after_first_step = now
        if self.verbose == 1:
            if not finalize and now - self._last_update < self.interval:
                return
            self._redraw(current, now, finalize)
        elif self.verbose == 2 and finalize and self.target is not None and self.target > 0:
            print_msg(self._line(current, now), line_break=False)
        self._last_update = now

    def add(self, n: int, values: Values | None = None) -> None:
        """`n` steps more."""
        self.update(int(self._seen_so_far + n), values)

    def _accumulate(self, values: Values, weight: float, finalize: bool) -> None:
        """Add each value to its total, `weight` times."""
        sums, as_is = self._values, self._shown_as_is
        for name, value in values.items() if isinstance(values, dict) else values:
            entry = sums.get(name)
            if entry is None or finalize or name in as_is:
                self._replace(name, value, weight, finalize)
            else:
                entry[0] = entry[0] + value * weight
                entry[1] += weight

    def _replace(self, name: str, value: Any, weight: float, finalize: bool) -> None:
        """Start a total, show a stateful value as it is, or, in the last update, forget the total for the value."""
        stateful = self.stateful_metrics
        if name in stateful if stateful is not None else name not in (self.stateless_metrics or ()):
            self._shown_as_is.add(name)
            finalize = True
        self._values[name] = [value, 1] if finalize else [value * weight, weight]

    def _averages(self) -> Iterator[tuple[str, Any]]:
        """The names and what to show for them: the mean of its elements for an array."""
        for name, value in self._values.items():
            total, weight = (value, 1) if self._averages_nothing else value
            yield name, (total if isinstance(total, float) else np.mean(total)) / weight

    def _redraw(self, current: int, now: float, finalize: bool) -> None:
        """Write the bar over the one drawn before, with blanks where that was longer.

        Escape codes take no room on the screen, so they are counted (`hidden`) and left out of the width.
        """
        bar, hidden = self._bar(current)
        duration = self._step_duration(current, now)
        if self.target is not None and self.target > 0 and not finalize:
            clock = _format_eta(duration * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        info = f" {_BOLD}{clock}{_PLAIN}{_format_duration(duration, self.unit_name)}"
        hidden += len(_BOLD + _PLAIN)
        for name, average in self._averages():
            info += f" - {name}: {average:.4f}" if abs(average) > 1e-3 else f" - {name}: {average:.4e}"
        width = len(bar) + len(info) - hidden
        start = "\b" * self._prev_total_width + "\r" if self._dynamic_display else "\n"
        blanks = " " * (self._prev_total_width - width)
        print_msg(start + bar + info + blanks + ("\n" if finalize else ""), line_break=False)
        self._prev_total_width = width

    def _bar(self, current: int) -> tuple[str, int]:
        """The count and the bar itself, and how many of its characters are escape codes."""
        if self.target is None or self.target <= 0:
            return f"{int(current):7d}/Unknown", 0
        done = int(self.width * (float(current) / self.target))
        bar, hidden = f"{_BOLD}{_count(current, self.target)}{_PLAIN} ", len(_BOLD + _PLAIN)
        if done > 0:
            bar += f"{_GREEN}{_BAR * done}{_PLAIN}"
            hidden += len(_GREEN + _PLAIN)
        return bar + f"{_WHITE}{_BAR * (self.width - done)}{_PLAIN}", hidden + len(_WHITE + _PLAIN)

    def _line(self, current: int, now: float) -> str:
        """The one line of verbose=2. Negative averages are always in scientific notation here, as in Keras."""
        assert self.target is not None
        duration = _format_duration(self._step_duration(current, now), self.unit_name)
        line = f"{_count(current, self.target)} - {now - self._start:.0f}s -{duration}"
        for name, average in self._averages():
            line += f" - {name}: {average:.4f}" if average > 1e-3 else f" - {name}: {average:.4e}"
        return line + "\n"

    def _step_duration(self, current: int, now: float) -> float:
        """Seconds per step. The first step, slow as first steps are, is left out as soon as there are others."""
        if not current:
            return 0
        if self._time_after_first_step is not None and current > 1:
            return (now - self._time_after_first_step) / (current - 1)
        return (now - self._start) / current


def _can_redraw() -> bool:
    """Whether the bar may overwrite itself. On a POSIX system it always does, even into a pipe: so does Keras."""
    stdout = sys.stdout
    return (
        (hasattr(stdout, "isatty") and stdout.isatty())
        or "ipykernel" in sys.modules
        or "posix" in sys.modules
        or "PYCHARM_HOSTED" in os.environ
    )


def _count(current: int, target: int) -> str:
    """The count, right-aligned to the width of the target: "  3/100"."""
    return f"{int(current):{int(math.log10(target)) + 1}d}/{int(target)}"


def _format_eta(seconds: float) -> str:
    """The time left: "7s", "1:07" or "1:00:07"."""
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    if seconds > 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"{int(seconds)}s"


def _format_duration(seconds: float, unit_name: str) -> str:
    """A duration with a blank in front: " 12ms/step"."""
    if seconds >= 1 or seconds == 0:
        return f" {seconds:.0f}s/{unit_name}"
    if seconds >= 1e-3:
        return f" {seconds * 1e3:.0f}ms/{unit_name}"
    return f" {seconds * 1e6:.0f}us/{unit_name}"
