"""The how-to pages do what they say: every command is typed, every line shown is looked for in what was printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGES = sorted(
    path for path in (Path(__file__).parents[2] / "docs" / "howto").glob("*.md") if path.name != "README.md"
)
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: file=(?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"


@dataclass(frozen=True)
class Command:
    """One typed line, the exit code that the page says ("any" for either) and the lines that it shows."""

    line: str
    exit_code: str
    shown: tuple[str, ...]


def commands(text: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        typed, *shown = part.rstrip("\n").split("\n")
        line, _, note = typed.partition("    # exits ")
        yield Command(line, note or "0", tuple(line for line in shown if line.strip()))


def pattern(shown: str) -> re.Pattern[str]:
    """Return what matches a shown line: runs of blanks are equal, an ellipsis stands for anything."""
    words = [r"\s+".join(re.escape(word) for word in piece.split()) for piece in shown.split(ANY)]
    return re.compile(r".*".join(words))


@pytest.mark.registry
@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_page(page: Path, tmp_path: Path) -> None:
    """Type the page from top to bottom in an empty folder with an empty home."""
    text = page.read_text()
    if "kubectl get" in text and shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    folder = tmp_path / "project"
    folder.mkdir()
    home = tmp_path / "home"
    environment = os.environ | {
        "SEAWAY_HOME": str(home),
        "NO_COLOR": "1",
        "KUBECONFIG": str(home / "kubeconfig-user"),
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("VIRTUAL_ENV", None)
    if not any(match["file"] == "requirements.txt" for match in BLOCK.finditer(text)):
        (folder / "requirements.txt").touch()  # else the tests' own environment would be captured
    try:
        for match in BLOCK.finditer(text):
            if match["file"]:
                (folder / match["file"]).write_text(match["text"])
            elif match["kind"] == "console":
                for command in commands(match["text"]):
                    check(command, folder, environment)
    finally:
        subprocess.run(["seaway", "down"], env=environment, capture_output=True, timeout=100)


def check(command: Command, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", command.line],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert command.exit_code in (str(done.returncode), "any"), f"$ {command.line}\n{done.stdout}"
    for line in command.shown:
        assert pattern(line).search(done.stdout), (
            f"$ {command.line}\nshould print: {line}\nprinted:\n{done.stdout}"
        )
