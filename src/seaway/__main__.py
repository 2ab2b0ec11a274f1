"""Run the command line as `python -m seaway`."""

from __future__ import annotations

import sys

from seaway.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
