"""Which files are left out of a code snapshot: patterns in the manner of gitignore(5), pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_PATTERNS = (
    ".git/", ".hg/", ".svn/",
    ".venv/", "venv/", ".tox/", ".nox/", "node_modules/", "__pypackages__/", ".conda/",
    "__pycache__/", "*.pyc", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".ipynb_checkpoints/", "*.egg-info/", ".eggs/",
    ".DS_Store",
    "mlruns/", "wandb/", "lightning_logs/", ".dvc/cache/", "seaway-outputs/",
)  # fmt: skip
"""What is never code: version control, environments, caches, and the folders where trackers keep big data."""


@dataclass(frozen=True, slots=True)
class _Rule:
    expression: re.Pattern[str]
    negated: bool
    folders_only: bool


class IgnoreRules:
    """Patterns as in .gitignore: the last one that fits decides, `!` takes back, `/` at the end means folders."""

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._rules = tuple(rule for line in lines if (rule := _rule(line)) is not None)

    def ignores(self, path: str, *, folder: bool = False) -> bool:
        """Return whether a path, relative with "/", is left out by itself or because a folder above it is."""
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            is_folder = folder or depth < len(parts)
            if self._decides("/".join(parts[:depth]), is_folder):
                return True
        return False

    def _decides(self, path: str, is_folder: bool) -> bool:
        for rule in reversed(self._rules):
            if (is_folder or not rule.folders_only) and rule.expression.fullmatch(path):
                return not rule.negated
        return False


def _rule(line: str) -> _Rule | None:
    pattern = line.rstrip("\r\n")
    pattern = pattern.rstrip() if not pattern.endswith("\\ ") else pattern
    if not pattern or pattern.startswith("#"):
        return None
    negated = pattern.startswith("!")
    pattern = pattern[1:] if negated or pattern.startswith("\\") else pattern
    folders_only = pattern.endswith("/")
    pattern = pattern.rstrip("/")
    if not pattern:
        return None
    anchored = "/" in pattern
    expression = _expression(pattern.lstrip("/"))
    return _Rule(re.compile(expression if anchored else f"(?:.*/)?{expression}"), negated, folders_only)


def _expression(pattern: str) -> str:
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            parts.append("(?:.*/)?")
            position += 3
        elif pattern.startswith("**", position):
            parts.append(".*")
            position += 2
        elif pattern[position] == "[" and (end := pattern.find("]", position + 2)) > 0:
            inner = pattern[position + 1 : end].replace("\\", "\\\\")
            parts.append("[" + ("^" + inner[1:] if inner.startswith("!") else inner) + "]")
            position = end + 1
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(pattern[position], re.escape(pattern[position])))
            position += 1
    return "".join(parts)
