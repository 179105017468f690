"""What must be settled before NumPy and TensorFlow are imported, and the silence while TensorFlow is."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

THREADS = 1
"""Of each engine. The number of threads changes the order in which sums are taken, and so their last digits."""

PINS = {
    "KERAS_BACKEND": "tensorflow",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # oneDNN reorders sums
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    "OMP_NUM_THREADS": str(THREADS),
    "OPENBLAS_NUM_THREADS": str(THREADS),
    "MKL_NUM_THREADS": str(THREADS),
    "VECLIB_MAXIMUM_THREADS": str(THREADS),
    "NUMBA_NUM_THREADS": str(THREADS),
}


def pin() -> None:
    """Set the variables that the verdict depends on, and TensorFlow's log level unless the user chose one.

    Libraries read them when they are imported: what is already imported keeps what it found then.
    """
    global _too_late
    _too_late = [module for module in ("numpy", "tensorflow") if module in sys.modules]
    os.environ.update(PINS)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


_too_late: list[str] | None = None


def threads() -> str:
    """How many threads each engine has, as far as this program settled it."""
    if _too_late == []:
        return f"{THREADS} each"
    return "not pinned"


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; show it only if an error leaves the block.

    TensorFlow's C++ side logs a few lines before it looks at its log level, past Python's `sys.stderr`.
    """
    sys.stderr.flush()
    try:
        real = os.dup(2)
    except OSError:  # closed: nobody is listening anyway
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(real, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
