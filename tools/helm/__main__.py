"""Fetch Helm: `python -m tools.helm`. Where it cannot be had, say so in one sentence; the tests that need it are skipped."""

from __future__ import annotations

import sys

from tools.helm.fetch import TITLE, CannotFetch, fetch


def main() -> int:
    """Fetch, or say why not."""
    try:
        folder = fetch()
    except CannotFetch as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{TITLE}: {folder}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
