"""Build the real control plane: `python -m tools.real_kubernetes`."""

from __future__ import annotations

import sys

from tools.go_tool import main
from tools.real_kubernetes.build import TOOL

if __name__ == "__main__":
    sys.exit(main(TOOL))
