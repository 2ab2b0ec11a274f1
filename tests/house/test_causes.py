"""The page of causes has a row for each rule, and names recordings and tests that exist.

Which rule decides a recording is asked by tests/unit/diagnosis/test_causes.py, which takes longer.
"""

from __future__ import annotations

import re
from pathlib import Path

from seaway.platform.diagnosis.table import RULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "causes.md").read_text()
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]


def test_each_rule_has_its_row_in_the_order_in_which_it_is_asked() -> None:
    rules = [f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}" for rule in RULES]
    assert [row[0].strip(" `") for row in ROWS] == rules, "python tools/causes.py makes the page anew"


def test_what_a_row_names_exists() -> None:
    corpus = {path.stem for path in (ROOT / "tests" / "corpus").glob("*.yaml")}
    for _, _, embedded, real, hand, _ in ROWS:
        for kind, cell in (("embedded-", embedded), ("real-", real), ("", hand)):
            for name in re.sub(r"\(\*played\*\)", "", cell).split(","):
                if found := re.match(r" *`(?P<path>[^`:]+)::(?P<test>\w+)` *$", name):
                    text = (ROOT / "tests" / found["path"]).read_text()
                    assert re.search(rf"^(async )?def {found['test']}\(", text, re.MULTILINE), name
                elif name.strip():
                    assert kind + name.strip() in corpus, name
