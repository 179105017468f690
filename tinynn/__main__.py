"""`python -m tinynn`: the command line."""

import sys

from tinynn.cli import main

if __name__ == "__main__":
    sys.exit(main())
