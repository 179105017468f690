"""Settings shared by everything: the float type and the fuzz factor. As `keras.config`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from tinynn._checks import did_you_mean, positive_integer

__all__ = [
    "backend",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]

_floatx = "float32"
_in_this_thread = threading.local()
_epsilon = 1e-7
_image_data_format = "channels_last"
_max_epochs: int | None = None
_max_steps_per_epoch: int | None = None
_interactive_logging = True
_traceback_filtering = True


def backend() -> str:
    """The name of what computes."""
    return "tinynn"


def floatx() -> str:
    """The float type of new weights and of data on its way into a model: "float32" or "float64"."""
    return getattr(_in_this_thread, "floatx", None) or _floatx


@contextlib.contextmanager
def floatx_within(value: str) -> Iterator[None]:
    """`with` it, another float type in this thread alone: for code that follows the type of the data it is given."""
    before = getattr(_in_this_thread, "floatx", None)
    _in_this_thread.floatx = value
    try:
        yield
    finally:
        _in_this_thread.floatx = before


def set_floatx(value: str) -> None:
    """Choose the float type for everything created from now on.

    float16 and bfloat16, which Keras offers, are refused: NumPy computes them by way of float32, many times slower.

    Raises:
        ValueError: for anything but "float32" or "float64".
    """
    global _floatx
    if value not in ("float32", "float64"):
        raise ValueError(f'set_floatx expects "float32" or "float64"; got {value!r}.')
    _floatx = str(value)


def epsilon() -> float:
    """The fuzz factor, 1e-7 unless changed: cross-entropy clips probabilities to [epsilon, 1 - epsilon]."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Change the fuzz factor."""
    global _epsilon
    _epsilon = float(value)


def image_data_format() -> str:
    """Where an image has its colours: "channels_last" (height, width, channels) unless changed."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Change it. Dense networks do not look at it; code that prepares images for them may.

    Raises:
        ValueError: for anything but "channels_last" or "channels_first".
    """
    global _image_data_format
    known = ("channels_last", "channels_first")
    if data_format not in known:
        hint = did_you_mean(str(data_format), known)
        raise ValueError(
            f"The `data_format` argument must be one of channels_first, channels_last. Received: {data_format=}.{hint}"
        )
    _image_data_format = str(data_format)


def max_epochs() -> int | None:
    """At how many epochs every `fit` stops, whatever it was asked for; None unless set."""
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Shorten every `fit` from now on, with a warning: to try a long script out. None takes the limit away.

    Raises:
        ValueError: no positive integer.
    """
    global _max_epochs
    _max_epochs = None if max_epochs is None else positive_integer("set_max_epochs", "max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """At how many batches every epoch, evaluation and prediction stops; None unless set."""
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Shorten every epoch, evaluation and prediction from now on, with a warning. None takes the limit away.

    Raises:
        ValueError: no positive integer.
    """
    global _max_steps_per_epoch
    steps = max_steps_per_epoch
    _max_steps_per_epoch = None if steps is None else positive_integer("set_max_steps_per_epoch", "steps", steps)


def is_interactive_logging_enabled() -> bool:
    """Whether progress is printed to standard output (the default) or goes to the log."""
    return _interactive_logging


def enable_interactive_logging() -> None:
    """Print progress to standard output."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Send progress to Python's `logging` (the logger "tinynn", level INFO); verbose="auto" is then a line per epoch."""
    global _interactive_logging
    _interactive_logging = False


def is_traceback_filtering_enabled() -> bool:
    """What was last asked for; tracebacks of tinynn are short as they are, and never filtered."""
    return _traceback_filtering


def enable_traceback_filtering() -> None:
    """Accepted for Keras's sake."""
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Accepted for Keras's sake."""
    global _traceback_filtering
    _traceback_filtering = False
