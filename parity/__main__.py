"""`python -m parity`: the pins come first, because NumPy and TensorFlow read them when they are imported."""

from __future__ import annotations

import sys

from parity import environment


def run() -> int:
    """Pin, then hand over to the command line."""
    environment.pin()
    from parity.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
