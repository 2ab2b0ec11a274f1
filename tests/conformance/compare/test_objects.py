"""Objects of every built-in kind, valid and not: created, shown, changed and deleted alike by both servers.

SEAWAY_TEST_EXAMPLES says how many stories a kind gets, at random; without it a few are told, always the same.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.objects.builtin import (
    HORIZONTAL_POD_AUTOSCALERS_V1,
    MUTATING_ADMISSION_POLICIES,
    MUTATING_ADMISSION_POLICY_BINDINGS,
    MUTATING_WEBHOOK_CONFIGURATIONS,
    PERSISTENT_VOLUMES,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
)
from tools.compare.calls import Story
from tools.compare.seeds.objects import SEEDS
from tools.compare.stories import stories

WANTED = int(os.environ.get("SEAWAY_TEST_EXAMPLES") or 0)
FEW = 16
pytestmark = pytest.mark.real


def test_every_kind_has_something_to_start_from():
    held = {
        PERSISTENT_VOLUMES,  # no controller here takes their finalizer off: a name is good for one story only
        # they would judge the other stories: test_extension.py compares them
        MUTATING_WEBHOOK_CONFIGURATIONS,
        VALIDATING_WEBHOOK_CONFIGURATIONS,
        VALIDATING_ADMISSION_POLICIES,
        VALIDATING_ADMISSION_POLICY_BINDINGS,
        MUTATING_ADMISSION_POLICIES,
        MUTATING_ADMISSION_POLICY_BINDINGS,
        HORIZONTAL_POD_AUTOSCALERS_V1,  # the same objects once more: test_autoscaling.py reads them in both versions
    }
    assert {kind.resource for kind in BUILTIN_KINDS} - held == set(SEEDS)


@pytest.mark.timeout(0 if WANTED else 120)
@pytest.mark.parametrize("resource", SEEDS, ids=lambda r: f"{r.plural}.{r.group}".rstrip("."))
def test_both_servers_treat_objects_alike(both, resource, record_property):
    before = both.stories

    @settings(
        max_examples=WANTED or FEW,
        derandomize=not WANTED,
        database=None,
        phases=[Phase.generate, Phase.shrink] if WANTED else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(stories(resource))
    def alike(story: Story) -> None:
        found = both.compare(story)
        assert not found, "\n".join(map(str, found))

    try:
        alike()
    finally:
        record_property("stories compared", both.stories - before)
