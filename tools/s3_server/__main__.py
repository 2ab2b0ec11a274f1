"""Build the S3 server: `python -m tools.s3_server`. Without Go it says so, and that is no failure."""

from __future__ import annotations

import shutil
import sys

from tools.go_tool import CannotBuild, build
from tools.s3_server.build import TOOL


def main() -> int:
    """Build, or say in one sentence why not."""
    if not TOOL.is_built() and shutil.which("go") is None:
        print(
            "Go is not installed: the S3 server is not built, and the tests that need it are skipped.",
            file=sys.stderr,
        )
        return 0
    try:
        folder = build(TOOL)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{TOOL.title}: {folder}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
