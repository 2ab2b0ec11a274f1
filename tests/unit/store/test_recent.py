"""What is kept of values that are history: events, of which there are many, are not kept parsed."""

from __future__ import annotations

import orjson
import pytest

from seaway.controlplane.store.log import Change, make_record
from seaway.controlplane.store.recent import RecentChanges


@pytest.mark.parametrize(
    ("key", "is_kept"), [("/registry/core/pods/ns/a", True), ("/registry/core/events/ns/a", False)]
)
def test_the_parsed_form_of_an_event_goes_when_it_is_history(key: str, *, is_kept: bool) -> None:
    recent = RecentChanges(10_000, 1 << 20, 0)
    parsed = {"number": 1}
    first = make_record(key, 1, 1, orjson.dumps(parsed), parsed)
    recent.append(Change("create", first, None))
    assert first.object is parsed, "its watchers still want it"
    for revision in range(2, 1000):
        record = make_record(f"{key}-{revision}", revision, revision, b"{}")
        recent.append(Change("create", record, None))
    assert (first.object is parsed) == is_kept
    assert (first.object is first.object) == is_kept
    assert first.object == parsed
