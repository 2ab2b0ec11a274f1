"""Build commands from Go modules, once, into a cache folder that is named by what they are built from."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class CannotBuild(Exception):
    """Why a tool cannot be built here; one sentence."""


@dataclass(frozen=True, slots=True)
class GoTool:
    """Commands that are built together from one `go.mod` of ours."""

    name: str
    """Folder in the cache."""
    title: str
    """What the progress line calls it, with its versions."""
    module: Path
    """Folder of `go.mod` and `go.sum`."""
    packages: Mapping[str, str]
    """The binary's name -> the package of its `main`."""
    linker: str = "-s -w"
    """Flags of the linker."""

    def folder(self) -> Path:
        """Return where the binaries lie, or will lie: another folder for each version of module, flags and names."""
        content = b"".join((self.module / name).read_bytes() for name in ("go.mod", "go.sum"))
        told = repr((sorted(self.packages.items()), self.linker)).encode()
        return cache_folder() / self.name / hashlib.sha256(content + told).hexdigest()[:16]

    def is_built(self) -> bool:
        """Return whether all binaries are there; the folder is published whole."""
        return self.folder().is_dir()


def cache_folder() -> Path:
    """Return the folder of built and fetched test tools: SEAWAY_TEST_CACHE, else one in the user's cache."""
    named = os.environ.get("SEAWAY_TEST_CACHE")
    return Path(named).absolute() if named else Path.home() / ".cache" / "seaway-tests"


def build(tool: GoTool) -> Path:
    """Return the folder of the binaries, built where they are missing, with a progress line.

    Raises:
        CannotBuild: Go is missing or too old, the modules cannot be fetched, or the compiler failed.
    """
    target = tool.folder()
    if tool.is_built():
        return target
    if shutil.which("go") is None:
        raise CannotBuild(f"{tool.title} cannot be built: Go is not installed (https://go.dev/doc/install)")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GOOS", "GOARCH"))},
        "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly",
    }  # fmt: skip
    total = _count_packages(tool, environment)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    try:
        _compile(tool, unfinished, environment, total)
        for name, package in tool.packages.items():
            (unfinished / _default_name(package)).rename(unfinished / name)
        if not target.exists():  # another build may have been first
            unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _default_name(package: str) -> str:
    """Return what go calls a command: the last part of its package that is no major version."""
    return next(part for part in reversed(package.split("/")) if not re.fullmatch(r"v\d+", part))


def main(tool: GoTool) -> int:
    """Build from the command line; without Go, say in one sentence what that means, which is no failure."""
    if not tool.is_built() and shutil.which("go") is None:
        print(
            f"Go is not installed: {tool.title} cannot be built, and the tests that need it are skipped.",
            file=sys.stderr,
        )
        return 0
    try:
        folder = build(tool)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{tool.title}: {folder}", file=sys.stderr)
    return 0


def _count_packages(tool: GoTool, environment: Mapping[str, str]) -> int:
    print(f"{tool.title}: fetching the modules", file=sys.stderr, flush=True)
    listed = subprocess.run(
        ["go", "list", "-deps", *tool.packages.values()],
        cwd=tool.module, env=dict(environment), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        raise CannotBuild(f"{tool.title} cannot be built: {_last_line(listed.stderr)}")
    return len(set(listed.stdout.split()))


def _compile(tool: GoTool, output: Path, environment: Mapping[str, str], total: int) -> None:
    """Build all commands at once, counting the packages that go names as it compiles them."""
    arguments = [
        "build",
        "-v",
        "-trimpath",
        f"-ldflags={tool.linker}",
        "-o",
        f"{output}/",
        *tool.packages.values(),
    ]
    process = subprocess.Popen(
        ["go", *arguments], cwd=tool.module, env=dict(environment), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    said: list[str] = []
    live = sys.stderr.isatty()
    for count, line in enumerate(process.stderr, 1):
        said = [*said[-30:], line]
        if live or count % 200 == 0:
            text = f"{tool.title}: {count} of about {total} packages compiled"
            print(f"\r{text}" if live else text, end="" if live else "\n", file=sys.stderr, flush=True)
    if live:
        print(file=sys.stderr)
    if process.wait() != 0:
        raise CannotBuild(
            f"{tool.title} cannot be built: go ended with {process.returncode}:\n{''.join(said)}"
        )


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "go said nothing"
