"""Build the S3 server: `python -m tools.s3_server`."""

from __future__ import annotations

import sys

from tools.go_tool import main
from tools.s3_server.build import TOOL

if __name__ == "__main__":
    sys.exit(main(TOOL))
