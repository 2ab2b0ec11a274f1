"""What both servers count: where ours has a name of Kubernetes', it means the same with the same labels."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any, NamedTuple

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import wait_until
from tools.compare.connection import Endpoint
from tools.compare.messages import Message
from tools.compare.wire import Wire

pytestmark = pytest.mark.real

OURS_ALONE = ("seaway_", "node_", "kubelet_")
"""Prefixes of what is no API server's: its nodes are in the same process."""
RESOURCE = "poddisruptionbudgets"
"""Neither server has a part that calls itself for these."""
PATH = f"/apis/policy/v1/namespaces/default/{RESOURCE}"
BUDGET = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "counted"}, "spec": {"maxUnavailable": 1}}  # fmt: skip
CALLS: tuple[tuple[str, str, Any, int], ...] = (
    ("POST", PATH, BUDGET, 201),
    ("POST", PATH, BUDGET, 409),
    ("GET", PATH, None, 200),
    ("GET", f"{PATH}/counted", None, 200),
    ("DELETE", f"{PATH}/counted", None, 200),
    ("DELETE", f"{PATH}/counted", None, 404),
)
Families = dict[str, Metric]


class Told(NamedTuple):
    """What a server tells of itself."""

    families: Families
    """While a watch is open."""
    counted: Counter[frozenset[tuple[str, str]]]
    """How often requests of each set of labels were counted between the first of the calls and the last."""


def told_by(endpoint: Endpoint) -> Told:
    """Make calls that a server counts, and read what it tells before and after, at last while a watch is open."""
    wire, watching = Wire(endpoint), Wire(endpoint)

    def read() -> Families:
        answer = wire.send(Message("GET", "/metrics"))
        assert answer.status == 200
        return {family.name: family for family in text_string_to_metric_families(answer.body)}

    before = requests(read())
    for method, path, body, status in CALLS:
        answer = wire.send(Message(method, path, json.dumps(body).encode() if body else None))
        assert answer.status == status, answer.body
    # Kubernetes counts a request when its answer is sent: a moment later than the caller has it
    counted = wait_until(lambda: (all_ := requests(read()) - before).total() >= len(CALLS) and all_)
    watch = threading.Thread(
        target=watching.send, args=[Message("GET", f"{PATH}?watch=1&timeoutSeconds=60", events=1)]
    )
    watch.start()
    try:
        families = wait_until(lambda: watched(found := read()) and found)
    finally:
        wire.send(Message("POST", PATH, json.dumps(BUDGET).encode()))  # the event that ends the watch
        watch.join()
        wire.send(Message("DELETE", f"{PATH}/counted"))
        wire.close()
    return Told(families, counted)


def watched(families: Families) -> bool:
    return any(
        sample.labels["resource"] == RESOURCE and sample.labels["scope"] == "namespace"
        for sample in families["apiserver_longrunning_requests"].samples
    )


def requests(families: Families) -> Counter[frozenset[tuple[str, str]]]:
    """Return what was counted, without watches: Kubernetes counts those when they end, and ours when they begin."""
    family = families.get("apiserver_request")
    return Counter({
        frozenset(sample.labels.items()): int(sample.value)
        for sample in (family.samples if family else ())
        if sample.labels["resource"] == RESOURCE and sample.labels["verb"] != "WATCH"
    })  # fmt: skip


@pytest.fixture(scope="module")
def told(both) -> tuple[Told, Told]:
    """What ours tells, and Kubernetes' own."""
    return told_by(both.ours.endpoint), told_by(both.theirs.endpoint)


def test_what_has_kubernetes_names_has_its_labels(told) -> None:
    ours, theirs = (one.families for one in told)
    shared = {name for name in ours if not name.startswith(OURS_ALONE)}
    assert shared <= set(theirs), shared - set(theirs)
    assert len(shared) >= 5
    for name in shared:
        assert ours[name].type == theirs[name].type, name
        assert labels(ours[name]) == labels(theirs[name]), name


def test_the_same_calls_are_counted_alike(told) -> None:
    ours, theirs = (one.counted for one in told)
    assert ours.total() == len(CALLS)
    assert ours == theirs


def labels(family: Metric) -> set[str]:
    return {label for sample in family.samples for label in sample.labels}
