"""How far a pod has got, for whoever counts on it."""

from __future__ import annotations

import pytest

from seaway.objects.pods import has_ended, is_active, is_terminating, phase


@pytest.mark.parametrize(
    ("status", "going", "ended", "active"),
    [
        (None, False, False, True),
        ({"phase": "Running"}, False, False, True),
        ({"phase": "Running"}, True, False, False),
        ({"phase": "Succeeded"}, False, True, False),
        ({"phase": "Failed"}, True, True, False),
    ],
)
def test_what_a_pods_status_means(status: dict | None, going: bool, ended: bool, active: bool) -> None:
    metadata = {"name": "p"} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {})
    pod = {"metadata": metadata} | ({"status": status} if status else {})
    assert phase(pod) == (status or {}).get("phase", "")
    assert (has_ended(pod), is_active(pod), is_terminating(pod)) == (ended, active, going and not ended)
