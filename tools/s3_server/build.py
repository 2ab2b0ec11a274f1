"""What is built: versitygw, of the version that go.mod names."""

from __future__ import annotations

import re
from pathlib import Path

from tools.go_tool import GoTool

_MODULE = Path(__file__).parent


def _version() -> str:
    found = re.search(
        r"^require github\.com/versity/versitygw (v\S+)", (_MODULE / "go.mod").read_text(), re.MULTILINE
    )
    assert found, "github.com/versity/versitygw is not in go.mod"
    return found[1]


VERSION = _version()
TOOL = GoTool(
    name="s3-server",
    title=f"the S3 server versitygw {VERSION}",
    module=_MODULE,
    packages={"versitygw": "github.com/versity/versitygw/cmd/versitygw"},
    linker=f"-s -w -X main.Version={VERSION}",
)
NOT_BUILT = "the S3 server is not built here: python -m tools.s3_server (needs Go; minutes, once)"
"""Why a test is skipped."""
