"""Every row of docs/differences.md holds: its story shows the difference, and no other one."""

from __future__ import annotations

import pytest

from tools.compare.listed import PAGE, read_listed
from tools.compare.witnesses import WITNESSES

LISTED = {
    row.id: row for row in read_listed(PAGE.read_text()) if not row.id.startswith(("protocol-", "discovery-"))
}  # those are the business of `test_scenes` and `test_discovery`


def test_every_row_has_a_story():
    assert set(LISTED) == set(WITNESSES)


@pytest.mark.real
@pytest.mark.parametrize("name", LISTED)
def test_the_difference_is_there(both, name):
    story = WITNESSES[name]
    found = both.differences(story)
    assert any(LISTED[name].covers(difference) for difference in found), "this row can go"
    assert both.compare(story) == []
