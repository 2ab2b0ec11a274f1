"""The differences that are known, read from the table of docs/differences.md.

A row: id, call, field, ours, Kubernetes, why. In the four in the middle `*` stands for any text. Each id has a story
(`tests/conformance/compare/witnesses.py`) that shows the difference, so that a row goes when its difference is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.compare.differences import Difference

PAGE = Path(__file__).parents[2] / "docs/differences.md"


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of the table."""

    id: str
    call: str
    field: str
    ours: str
    theirs: str
    why: str

    def covers(self, difference: Difference) -> bool:
        """Tell whether a difference is this one."""
        pairs = (
            (self.call, difference.call), (self.field, difference.field),
            (self.ours, difference.ours), (self.theirs, difference.theirs),
        )  # fmt: skip
        return all(_matches(pattern, text) for pattern, text in pairs)


def read_listed(text: str) -> list[Listed]:
    """Return the rows of the page's table. Raises ValueError for a row without six cells."""
    found: list[Listed] = []
    for line in text.splitlines():
        if not line.startswith("| `"):
            continue
        cells = [cell.strip().strip("`").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 6:
            raise ValueError(f"a row has the cells id, call, field, ours, Kubernetes, why: {line}")
        found.append(Listed(*cells))
    return found


def of_objects(rows: Iterable[Listed]) -> list[Listed]:
    """Return the rows that the stories about objects may show; those of the protocol are the scenes' own."""
    return [row for row in rows if not row.id.startswith("protocol-")]


def unlisted(found: Iterable[Difference], listed: Sequence[Listed]) -> list[Difference]:
    """Return the differences that no row covers."""
    return [difference for difference in found if not any(row.covers(difference) for row in listed)]


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
