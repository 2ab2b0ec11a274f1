"""Migrations of the database follow each other, one a number: two of the same number would each be the newest."""

from __future__ import annotations

import re
from pathlib import Path

import seaway.platform.database

FOLDER = Path(seaway.platform.database.__file__).parent / "migrations" / "versions"


def test_each_migration_follows_the_one_before() -> None:
    found = [
        (
            page.name[1:5],
            *re.findall(r'^(?:down_)?revision = (?:"(\d+)"|None)$', page.read_text(), re.MULTILINE),
        )
        for page in sorted(FOLDER.glob("v*.py"))
    ]
    numbers = [f"{number:04}" for number in range(1, len(found) + 1)]
    wanted = list(zip(numbers, numbers, ["", *numbers[:-1]], strict=True))
    assert found == wanted, "rename the newer one to the next free number"
