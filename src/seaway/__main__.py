"""Run the command line as `python -m seaway`, and as the command `seaway`; with DAEMON, what `seaway up` starts."""

from __future__ import annotations

import sys

DAEMON = "daemon"


def start() -> int:
    """Run the command line; return its exit code. Ctrl-C is no traceback while it is still being loaded."""
    try:  # all imports in here, so that Ctrl-C finds the handler below
        if sys.argv[1:2] == [DAEMON] and len(sys.argv) == 4:
            from seaway.cli.daemon import serve_home

            return serve_home(*sys.argv[2:])
        from seaway.cli.main import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(start())
