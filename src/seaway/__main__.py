"""Run the command line as `python -m seaway`, and as the command `seaway`."""

from __future__ import annotations

import sys


def start() -> int:
    """Run the command line; return its exit code. Ctrl-C is no traceback while it is still being loaded."""
    try:
        from seaway.cli.main import main  # in here, so that Ctrl-C finds the handler below

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(start())
