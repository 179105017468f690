"""`python -m parity`: the pins come first, because NumPy and TensorFlow read them when they are imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from parity import environment

COMMANDS = {"check": "parity.check_cli"}
"""`python -m parity NAME ...`, and the module whose `main` takes the rest; without a name, `parity.cli`."""


def run(argv: Sequence[str] | None = None) -> int:
    """Pin, then hand over to the command line."""
    environment.pin()
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = COMMANDS.get(arguments[0]) if arguments else None
    main = import_module(command or "parity.cli").main
    return int(main(arguments[1:] if command else arguments))


if __name__ == "__main__":
    sys.exit(run())
