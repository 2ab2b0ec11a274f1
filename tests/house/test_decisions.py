"""Decisions are numbered without gaps or doubles, bear their number, are short, and say context, choice and cost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))
LINES = 30


def test_numbers_have_no_gap_and_no_double() -> None:
    numbers = [int(page.name.partition("-")[0]) for page in PAGES]
    assert numbers == list(range(1, len(PAGES) + 1)), "rename the page to the next free number"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_the_form_of_the_others(page: Path) -> None:
    text = page.read_text()
    number = int(page.name.partition("-")[0])
    assert text.startswith(f"# {number}. "), f"the title should begin with {number}."
    assert len(text.splitlines()) <= LINES
    told = re.findall(r"^\*\*(Context|Choice|Cost)\.?\*\*", text, re.MULTILINE)
    assert told == ["Context", "Choice", "Cost"]
