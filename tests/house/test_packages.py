"""Every package says what belongs in it, and holds no code in its `__init__`."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "seaway"
PACKAGES = sorted(path.parent for path in SOURCE.rglob("__init__.py"))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(SOURCE.parent).as_posix())
def test_package_has_a_purpose(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text())
    assert ast.get_docstring(tree), f"{package.name}/__init__.py should say what belongs in the package"


def test_no_package_is_an_empty_room() -> None:
    empty = [
        str(package)
        for package in PACKAGES
        if not any(p.name != "__init__.py" for p in package.iterdir() if p.suffix or p.is_dir())
    ]
    assert empty == []


def test_no_path_of_one_machine_stands_in_the_tree() -> None:
    """Nothing committed names a folder that exists on one machine only."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    private = re.compile(r"(?<![\w./-])/(?:home|root|work|Users)/\w+")
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match}" for match in private.findall(text)]
    assert found == []
