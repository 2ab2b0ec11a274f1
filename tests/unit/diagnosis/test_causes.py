"""The table of causes is whole: each rule is produced for real, or it is said why it cannot be; and the page is the table."""

from __future__ import annotations

import pytest

from seaway.platform.diagnosis.table import RULES
from tools.causes import BY_HAND, KINDS, NOT_REAL, OF_RUNS, PAGE, decided, name_of, page

NAMES = [name_of(rule) for rule in RULES]


@pytest.fixture(scope="module")
def endings() -> dict[str, list[str]]:
    return decided()


def test_each_rule_is_produced_or_says_why_it_is_not(endings: dict[str, list[str]]) -> None:
    for name in NAMES:
        for kind in KINDS:
            recorded = [one for one in endings.get(name, ()) if one.startswith(f"{kind}-")]
            tested = name in OF_RUNS and kind in OF_RUNS[name].kinds
            excused = name in BY_HAND or (kind == "real" and name in NOT_REAL)
            assert bool(recorded or tested) is not excused, (
                f"{name} on {kind}: {recorded or 'nothing produces it'}"
            )


def test_the_table_names_rules_that_exist() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {*BY_HAND, *NOT_REAL, *OF_RUNS} <= set(NAMES)


def test_the_page_is_the_table(endings: dict[str, list[str]]) -> None:
    assert PAGE.read_text() == page(endings), "python tools/causes.py makes it anew"
