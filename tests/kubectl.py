"""Which kubectl the tests drive: of several versions where the machine has them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

VERSIONS = ("1.31", "1.32", "1.33")
NO_KUBECTL = "no kubectl found: put one on PATH, or name some in SEAWAY_TEST_KUBECTL"


def _binaries() -> tuple[Path, ...]:
    if named := os.environ.get("SEAWAY_TEST_KUBECTL"):
        return tuple(Path(name) for name in named.split(os.pathsep))
    gcloud, on_path = shutil.which("gcloud"), shutil.which("kubectl")
    beside = [Path(gcloud).resolve().parent / f"kubectl.{version}" for version in VERSIONS] if gcloud else []
    return tuple(path for path in beside if path.exists()) or ((Path(on_path),) if on_path else ())


BINARIES = _binaries()
"""Those that the caller names, else those of the Google Cloud SDK, else the one on PATH; the oldest first."""
