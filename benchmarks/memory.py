"""How much memory this process has, from the system's own account."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_mb() -> float:
    """The most memory this process has had at once, in MB (10^6 bytes).

    Linux's VmHWM: getrusage's figure begins with what the process had from which this one was started.
    """
    found = _status("VmHWM")
    if found is not None:
        return found
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def own_mb() -> float:
    """Memory of this process now, without the pages of mapped files, which the system can take back at any time.

    Raises:
        OSError: the system does not tell it.
    """
    found = _status("RssAnon")
    if found is None:
        raise OSError("this system does not tell a process's own memory from its mapped files'")
    return found


def _status(field: str) -> float | None:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return None
