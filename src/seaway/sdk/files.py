"""Which files make up a project: what git knows, or what lies in the folder. Bounded on big trees."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seaway.sdk.errors import InvalidInput
from seaway.sdk.ignore import DEFAULT_PATTERNS, IgnoreRules

IGNORE_FILE = ".seawayignore"
MAX_FILES = 50_000
"""More files than any code has; walking goes no further."""
GIT_TIMEOUT = 30.0
PROJECT_FILES = ("pyproject.toml", "uv.lock", "requirements.txt")
ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
"""A folder that holds one of these is an environment: packages of this machine, whatever its name."""


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """One file or symbolic link of a project."""

    path: str
    """Relative to the root, with "/"."""
    size: int
    mode: int
    """As lstat says."""


def project_root(folder: Path, *, home: Path | None = None) -> Path:
    """Return the root of the project that holds a folder.

    That is its git repository; without one, the nearest folder with a file that names its packages; else the folder itself.

    Args:
        folder: of the script.
        home: the user's home folder, which is no project whatever lies in it.
    """
    folder = folder.resolve()
    above = [place for place in (folder, *folder.parents) if place != home]
    repository = next((place for place in above if (place / ".git").exists()), None)
    named = (place for place in above if any((place / mark).is_file() for mark in PROJECT_FILES))
    return repository or next(named, folder)


def project_files(root: Path, *, exclude: tuple[Path, ...] = ()) -> list[ProjectFile]:
    """Return the files of a project, sorted by path.

    Args:
        root: as `project_root` says.
        exclude: folders that never belong to it, such as a Seaway home. Neither do virtual and conda environments.

    Raises:
        InvalidInput: there are too many of them, or git cannot list them.
    """
    rules = _rules(root)
    outside = tuple(str(folder.resolve()) for folder in exclude)
    names = _git_names(root) if (root / ".git").exists() else _walked_names(root, rules, outside)
    files: list[ProjectFile] = []
    environments = {"": False}
    for name in names:
        full = str(root / name)
        if rules.ignores(name) or any(
            full == folder or full.startswith(folder + os.sep) for folder in outside
        ):
            continue
        if _in_environment(root, name.rpartition("/")[0], environments):
            continue
        try:
            status = os.lstat(full)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            files.append(ProjectFile(name, status.st_size, status.st_mode))
        if len(files) > MAX_FILES:
            raise InvalidInput(
                f"{root} holds more than {MAX_FILES:,} files: too many for code",
                field="code",
                remedy=f"Name folders that the script does not need in {root / IGNORE_FILE}",
            )
    return sorted(files, key=lambda file: file.path)


def _in_environment(root: Path, folder: str, known: dict[str, bool]) -> bool:
    """Return whether a folder of a project is an environment or in one; what was found out is kept in `known`."""
    if folder not in known:
        known[folder] = _in_environment(root, folder.rpartition("/")[0], known) or _is_environment(
            root / folder
        )
    return known[folder]


def _is_environment(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in ENVIRONMENT_MARKS)


def _rules(root: Path) -> IgnoreRules:
    lines = list(DEFAULT_PATTERNS)
    sources = [root / IGNORE_FILE] if (root / ".git").exists() else [root / ".gitignore", root / IGNORE_FILE]
    for source in sources:
        if source.is_file():
            lines += source.read_text(errors="replace").splitlines()
    return IgnoreRules(lines)


def _git_names(root: Path) -> Iterator[str]:
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, timeout=GIT_TIMEOUT).stdout
    except FileNotFoundError:
        yield from _walked_names(root, _rules(root), ())
        return
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(
            f"git took more than {GIT_TIMEOUT:g} s to list the files of {root}",
            field="code",
            remedy="Name large untracked folders in .gitignore",
        ) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise InvalidInput(f"git cannot list the files of {root}: {said}", field="code") from error
    for name in dict.fromkeys(os.fsdecode(part) for part in listed.split(b"\0") if part):
        name = name.rstrip("/")
        if (root / name).is_dir() and not (root / name).is_symlink():
            inner = _git_names(root / name) if (root / name / ".git").exists() else iter(())
            yield from (f"{name}/{path}" for path in inner)
        else:
            yield name


def _walked_names(root: Path, rules: IgnoreRules, outside: tuple[str, ...]) -> Iterator[str]:
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except PermissionError:
            raise InvalidInput(
                f"{root / folder} cannot be read",
                field="code",
                remedy=f"Name it in {root / IGNORE_FILE}, or make it readable",
            ) from None
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if rules.ignores(name, folder=is_folder) or entry.path in outside:
                continue
            if is_folder:
                stack += () if _is_environment(root / name) else (name,)
            else:
                yield name
