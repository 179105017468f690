"""The command `tinynn`: train on a table, look at models, convert and check them, without writing Python."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """What the console script runs; the exit code: 0 done, 1 a check failed, 2 wrong use, 130 interrupted."""
    try:
        from tinynn.cli.app import app
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich", "pandas", "sklearn"):
            raise
        print(
            f"The command line needs {error.name}, which is not installed: pip install tinynn-engine[cli]",
            file=sys.stderr,
        )
        return 2
    app(prog_name="tinynn")  # ends the process by itself, with the exit code
    return 0
