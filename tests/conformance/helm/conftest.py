"""Helm, and the chart as installed with the package."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import seaway
from tools.helm.fetch import NOT_FETCHED, find

CHART = Path(seaway.__file__).parent / "platform" / "deploy" / "chart"
SECONDS = 90


@dataclass(frozen=True)
class Helm:
    """One Helm, with folders of its own."""

    binary: Path
    folder: Path
    kubeconfig: Path | None = None

    def run(self, *arguments: str, values: Any = None) -> subprocess.CompletedProcess[str]:
        """Run it to its end, well or not; values come in as a file."""
        words = [str(self.binary), *arguments]
        if values is not None:
            file = self.folder / "values.json"
            file.write_text(json.dumps(values))
            words += ["--values", str(file)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "NO_PROXY": "*"}
        if self.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        return subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )

    def __call__(self, *arguments: str, values: Any = None) -> str:
        """Run it, expect that it ends well, and return what it wrote."""
        done = self.run(*arguments, values=values)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def fails(self, *arguments: str, values: Any = None) -> str:
        """Run it, expect that it fails, and return what it said."""
        done = self.run(*arguments, values=values)
        assert done.returncode != 0, f"helm {' '.join(arguments)} should fail"
        return done.stderr

    def template(
        self, values: Any, *, name: str = "seaway", namespace: str = "research"
    ) -> list[dict[str, Any]]:
        """Return the objects that the chart makes."""
        written = self("template", name, str(CHART), "--namespace", namespace, values=values)
        return [one for one in yaml.safe_load_all(written) if one]


@pytest.fixture(scope="session")
def helm_binary() -> Path:
    found = find("helm")
    if found is None:
        pytest.skip(NOT_FETCHED)
    return found


@pytest.fixture
def helm(helm_binary: Path, tmp_path: Path) -> Helm:
    """Helm without a cluster."""
    return Helm(helm_binary, tmp_path)
