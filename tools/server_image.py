"""Carry out the Dockerfile's build stage without a container engine: its own commands, with a folder in place of `/`.

What comes out is a folder like the image's `/opt/seaway`, for an interpreter of this machine. It shows that the steps work,
and a node of ours can run the server out of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.go_tool import cache_folder

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "Dockerfile"
_FOLDERS = ("/opt/seaway", "/build")
"""What the build stage writes to."""
_SECONDS = 500


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile."""

    word: str
    rest: str


def parse(text: str) -> list[list[Instruction]]:
    """Return the stages of a Dockerfile, each with its FROM first; what stands before the first one is a stage too."""
    stages: list[list[Instruction]] = [[]]
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append(Instruction(word, re.sub(r"\s{2,}", " ", rest.strip())))
    return stages


def build(target: Path, python: Path) -> Path:
    """Carry out the build stage below a folder; return the folder that stands for `/opt/seaway`.

    The steps before the first COPY of our source depend on the lock alone: their result is kept in the cache of test tools.

    Args:
        target: an empty folder.
        python: the interpreter in place of the base image's.

    Raises:
        subprocess.CalledProcessError: a step failed; its output says why.
    """
    steps = [one for one in parse(DOCKERFILE.read_text())[1] if one.word in ("RUN", "COPY")]
    first = next(number for number, one in enumerate(steps) if one.rest.startswith("src/"))
    kept = cache_folder() / "server-image" / _key(steps[:first])
    if not kept.is_dir():
        unfinished = kept.with_name(f".{kept.name}.{os.getpid()}")
        try:
            _carry_out(steps[:first], unfinished, python)
            if not kept.is_dir():
                unfinished.rename(kept)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    link_tree(kept, target)
    _move(target, kept, python)
    _carry_out(steps[first:], target, python)
    return target / "opt" / "seaway"


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder, by hard links where both are on one disk."""

    def link(from_: str, to: str) -> str:
        try:
            os.link(from_, to, follow_symlinks=False)
        except OSError:
            shutil.copy2(from_, to, follow_symlinks=False)
        return to

    shutil.copytree(source, target, symlinks=True, copy_function=link, dirs_exist_ok=True)


def _key(steps: Sequence[Instruction]) -> str:
    told = [f"{one.word} {one.rest}" for one in steps]
    told += [(ROOT / one.rest.split()[0]).read_text() for one in steps if one.word == "COPY"]
    told.append(sys.version)
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]


def _carry_out(steps: Sequence[Instruction], root: Path, python: Path) -> None:
    environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    for one in steps:
        if one.word == "COPY":
            *sources, to = (word for word in one.rest.split() if not word.startswith("--"))
            for source in sources:
                _copy(ROOT / source, root / to.lstrip("/"), into=to.endswith("/"))
            continue
        for folder in _FOLDERS:
            (root / folder.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        command = one.rest
        for folder in _FOLDERS:
            command = re.sub(rf"(?<![\w/]){folder}\b", f"{root}{folder}", command)
        subprocess.run(
            ["bash", "-euc", command], env=environment, cwd=root, check=True, capture_output=True, text=True,
            timeout=_SECONDS,
        )  # fmt: skip


def _copy(source: Path, target: Path, *, into: bool) -> None:
    target = target / source.name if into else target
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, target)


def _move(root: Path, kept: Path, python: Path) -> None:
    """Make a venv that was made elsewhere one of this place: its interpreter's links and its own path."""
    venv = root / "opt" / "seaway"
    configuration = venv / "pyvenv.cfg"
    text = configuration.read_text().replace(str(kept), str(root))
    configuration.unlink()  # it may be a hard link of the kept one
    configuration.write_text(re.sub(r"^home = .*$", f"home = {python.parent}", text, flags=re.MULTILINE))
    for name in ("python", "python3", python.name):
        link = venv / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(python)
