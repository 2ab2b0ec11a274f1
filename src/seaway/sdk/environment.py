"""Which packages a run needs: a file that names them, or what is installed where the user works. Pure but for reading files."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.sdk.errors import InvalidInput

SEAWAY = "seaway"
BOOTSTRAP = frozenset({"pip", "setuptools", "wheel", "uv", "distribute"})
"""Tools that every environment brings itself."""
_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)")
_LOCAL = re.compile(
    r"^\s*(?:-e\s|--editable[\s=]|\.{1,2}/|/|file:)|@\s*file:|^\s*[\w.-]+(?:\[.*\])?\s*@\s*\.{0,2}/"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a run's packages are named."""

    kind: str
    """"requirements", "uv.lock", "pyproject" or "captured"."""
    path: Path | None
    """The file; None where they were captured."""
    text: str
    """What the resolver reads, and what its result is cached by."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """One installed distribution, as its metadata says."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    """Requirement strings (PEP 508)."""
    requested: bool = False
    """Somebody asked for it by name (PEP 376's REQUESTED)."""
    local: str = ""
    """Where it was installed from, where that is a folder or file of this machine (PEP 610)."""
    editable: bool = False
    """It is a checkout that somebody works on."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of an environment a run needs."""

    pins: tuple[str, ...] = ()
    """ "name==version", sorted."""
    local: tuple[str, ...] = field(default=())
    """ "name (path)" of what cannot be installed elsewhere, sorted."""


def choose_source(
    folder: Path,
    requirements: Path | None,
    environ: Mapping[str, str],
    *,
    root: Path | None = None,
    capture: bool = True,
) -> Source | None:
    """Return where a run's packages are named; None where nothing names any.

    In this order: the file that was given; uv.lock, pyproject.toml or requirements.txt in the script's folder, or in
    the nearest one above it up to the project's root; the caller's active environment.

    Args:
        folder: the script's folder.
        root: the project's root; None to look into the script's folder alone.
        requirements: the file given with --requirements.
        environ: the caller's environment variables (VIRTUAL_ENV and CONDA_PREFIX are read).
        capture: False where the active environment is not to be looked at.

    Raises:
        InvalidInput: a file cannot be read.
    """
    if requirements is not None:
        return read_source(requirements)
    for place in _upwards(folder, root):
        for name in ("uv.lock", "pyproject.toml", "requirements.txt"):
            if (place / name).is_file() and (source := read_source(place / name)) is not None:
                return source
    if not capture:
        return None
    site_packages = active_site_packages(environ)
    if site_packages is None:
        return None
    selection = select(read_installed(site_packages))
    warnings = tuple(f"{item} is installed from this machine and is left out" for item in selection.local)
    text = "".join(f"{pin}\n" for pin in selection.pins)
    return Source("captured", None, text, warnings) if text or warnings else None


def _upwards(folder: Path, root: Path | None) -> tuple[Path, ...]:
    """Return a folder and those above it up to the root, the nearest first; the folder alone where it is not in it."""
    folder = folder.resolve()
    if root is None or not folder.is_relative_to(root):
        return (folder,)
    return (folder, *(parent for parent in folder.parents if parent.is_relative_to(root)))


def read_source(path: Path) -> Source | None:
    """Read a file that names packages; None where it is a pyproject.toml that names none.

    Raises:
        InvalidInput: it, or a file that it includes, cannot be read.
    """
    if not path.is_file():
        what = "is a folder, not a file of requirements" if path.is_dir() else "does not exist"
        raise InvalidInput(
            f"{path} {what}", code="NoSuchFile", field="--requirements", remedy="Give a requirements.txt"
        )
    try:
        if path.name == "uv.lock":
            beside = path.with_name("pyproject.toml")
            text = path.read_text() + (beside.read_text() if beside.is_file() else "")
            return Source("uv.lock", path.resolve(), text)
        if path.suffix == ".toml":
            return _read_pyproject(path)
        return Source("requirements", path.resolve(), _with_included(path, set()))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}", field="--requirements") from error


def _read_pyproject(path: Path) -> Source | None:
    import tomllib

    text = path.read_text()
    try:
        project = tomllib.loads(text).get("project", {})
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            f"{path} is not valid TOML: {error}", field="--requirements", remedy="Mend that line"
        ) from error
    if not project.get("dependencies") and "dependencies" not in project.get("dynamic", ()):
        return None
    return Source("pyproject", path.resolve(), text)


def _with_included(path: Path, seen: set[Path]) -> str:
    """A requirements file and all that it includes, for the cache's key."""
    seen.add(path.resolve())
    text = path.read_text()
    for line in text.splitlines():
        if match := _INCLUDE.match(line):
            included = path.parent / match[1]
            if included.is_file() and included.resolve() not in seen:
                text += f"\n# {match[1]}\n" + _with_included(included, seen)
    return text


def is_empty(text: str) -> bool:
    """Return whether requirements name nothing."""
    return all(not line.split("#", 1)[0].strip() for line in text.splitlines())


def without_local(lock: str) -> tuple[str, tuple[str, ...]]:
    """Take out of a lock what lies on this machine only; return the rest and what was taken out."""
    kept: list[str] = []
    taken: list[str] = []
    dropping = False
    for line in lock.splitlines():
        if not dropping or not line.startswith((" ", "\t")):
            dropping = bool(_LOCAL.search(line))
            if dropping:
                taken.append(line.split(";")[0].rstrip("\\ ").strip())
        if not dropping:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept), tuple(taken)


def digest(lock: str) -> str:
    """Return the name of a lock: the SHA-256 of its text."""
    return hashlib.sha256(lock.encode()).hexdigest()


def active_site_packages(
    environ: Mapping[str, str], prefix: str = sys.prefix, base: str = sys.base_prefix
) -> Path | None:
    """Return where the caller's active environment keeps its packages; None where none is active."""
    active = environ.get("VIRTUAL_ENV") or environ.get("CONDA_PREFIX") or (prefix if prefix != base else None)
    if not active:
        return None
    found = sorted(Path(active).glob("lib/python3*/site-packages"))
    return found[-1] if found else None


def read_installed(site_packages: Path) -> list[Installed]:
    """Read the metadata of everything that an environment holds."""
    import json
    from importlib.metadata import distributions

    installed = []
    for distribution in distributions(path=[str(site_packages)]):
        if not distribution.metadata or not distribution.metadata["Name"]:
            continue
        name = canonical(distribution.metadata["Name"])
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        url = origin.get("url", "")
        local = url.removeprefix("file://") if url.startswith("file:") else ""
        editable = bool(local and origin.get("dir_info", {}).get("editable"))
        tools = _dependency_groups(Path(local)) if editable and name == SEAWAY else ()
        installed.append(
            Installed(
                name,
                distribution.version,
                (*(distribution.requires or ()), *tools),
                distribution.read_text("REQUESTED") is not None,
                local,
                editable,
            )
        )
    return installed


def _dependency_groups(checkout: Path) -> tuple[str, ...]:
    """Return what a checkout's developers need beside its dependencies (PEP 735)."""
    import tomllib

    project = checkout / "pyproject.toml"
    groups = tomllib.loads(project.read_text()).get("dependency-groups", {}) if project.is_file() else {}
    return tuple(item for group in groups.values() for item in group if isinstance(item, str))


def canonical(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def select(installed: Iterable[Installed]) -> Selection:
    """Choose what of an environment a run needs: all but Seaway and what is only there because of Seaway.

    A package that Seaway needs stays where somebody asked for it by name or another package that stays needs it. In
    the environment of a checkout of Seaway everything counts as asked for, because it was installed from a lock.
    """
    known = {item.name: item for item in installed}
    for_seaway = _closure({SEAWAY}, known) if SEAWAY in known else set()
    left_out = for_seaway | BOOTSTRAP
    asked_for_counts = SEAWAY not in known or not known[SEAWAY].editable
    roots = {
        name
        for name, item in known.items()
        if name not in left_out or (asked_for_counts and item.requested and name not in BOOTSTRAP)
    }
    stays = _closure(roots - {SEAWAY}, known) - {SEAWAY} - {"pip", "uv"}
    local = sorted(f"{name} ({known[name].local})" for name in stays if known[name].local)
    pins = sorted(f"{name}=={known[name].version}" for name in stays if not known[name].local)
    return Selection(tuple(pins), tuple(local))


def _closure(roots: set[str], known: Mapping[str, Installed]) -> set[str]:
    """All that some packages need, themselves included; with the extras that are asked for on the way."""
    reached: set[tuple[str, str]] = set()
    stack = [(name, "") for name in roots]
    while stack:
        name, extra = stack.pop()
        if (name, extra) in reached or name not in known:
            continue
        reached.add((name, extra))
        for requirement in known[name].requires:
            needed, extras, condition = _parse(requirement)
            if condition == extra:
                stack += [(needed, ""), *((needed, wanted) for wanted in extras)]
    return {name for name, _ in reached}


def _parse(requirement: str) -> tuple[str, tuple[str, ...], str]:
    """Return a requirement's name, the extras it asks for, and the extra that it belongs to ("" for none)."""
    head, _, marker = requirement.partition(";")
    match = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?", head)
    condition = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
    if match is None:
        return "", (), ""
    extras = tuple(canonical(extra.strip()) for extra in (match[2] or "").split(",") if extra.strip())
    return canonical(match[1]), extras, canonical(condition[1]) if condition else ""
