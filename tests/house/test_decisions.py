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


def test_every_page_is_listed_with_its_title() -> None:
    titles = [page.read_text().partition("\n")[0].partition(". ")[2] for page in PAGES]
    wanted = [
        f"{number}. [{title}]({page.name})"
        for number, (title, page) in enumerate(zip(titles, PAGES, strict=True), start=1)
    ]
    listed = [line for line in (FOLDER / "README.md").read_text().splitlines() if line[:1].isdigit()]
    assert listed == wanted, "docs/decisions/README.md lists each page by its number and title"
