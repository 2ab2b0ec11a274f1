"""Start the fork server of a node: `python -I -S <this folder> NODE_FOLDER`.

Returns (exit code 0) as soon as the server listens, in the background, in a session of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Without site packages the interpreter does not find this package by itself; last, so that the standard library comes first.
    sys.path[0:1] = []
    sys.path.append(str(Path(__file__).resolve().parents[4]))
    from seaway.controlplane.node.shim.server import main

    sys.exit(main(sys.argv[1:]))
