"""What both servers count: where ours has a name of Kubernetes', it means the same with the same labels."""

from __future__ import annotations

import json
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import wait_until
from tools.compare.messages import Message
from tools.compare.wire import Wire

pytestmark = pytest.mark.real

OURS_ALONE = ("seaway_", "node_", "kubelet_")
"""Prefixes of what is no API server's: its nodes are in the same process."""
PATH = "/api/v1/namespaces/default/configmaps"


def families(endpoint) -> dict[str, object]:
    """Return what a server tells after calls that it counts, while a watch is open."""
    wire, watching = Wire(endpoint), Wire(endpoint)
    name = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "counted"}}
    for method, path, body in (
        ("POST", PATH, name),
        ("GET", PATH, None),
        ("DELETE", f"{PATH}/counted", None),
    ):
        answer = wire.send(Message(method, path, json.dumps(body).encode() if body else None))
        assert answer.status in (200, 201)
    watch = threading.Thread(
        target=watching.send, args=[Message("GET", f"{PATH}?watch=1&timeoutSeconds=60", events=1)]
    )
    watch.start()
    found: dict[str, object] = {}

    def seen() -> bool:
        told = wire.send(Message("GET", "/metrics"))
        assert told.status == 200
        found.update({family.name: family for family in text_string_to_metric_families(told.body)})
        open_ = found.get("apiserver_longrunning_requests")
        return any(
            s.labels["resource"] == "configmaps" and s.labels["scope"] == "namespace" for s in open_.samples
        )

    try:
        wait_until(seen)
    finally:
        wire.send(Message("POST", PATH, json.dumps(name).encode()))  # the event that ends the watch
        watch.join()
        wire.send(Message("DELETE", f"{PATH}/counted"))
        wire.close()
    return found


@pytest.fixture(scope="module")
def told(both) -> tuple[dict[str, object], dict[str, object]]:
    """What ours tells, and Kubernetes' own."""
    return families(both.ours.endpoint), families(both.theirs.endpoint)


def test_what_has_kubernetes_names_has_its_labels(told) -> None:
    ours, theirs = told
    shared = {name for name in ours if not name.startswith(OURS_ALONE)}
    assert shared <= set(theirs), shared - set(theirs)
    assert len(shared) >= 5
    for name in shared:
        assert ours[name].type == theirs[name].type, name
        assert labels(ours[name]) == labels(theirs[name]), name


def test_the_same_calls_are_counted_alike(told) -> None:
    ours, theirs = (counted(found["apiserver_request"]) for found in told)
    assert {("POST", "resource", "201"), ("LIST", "namespace", "200"), ("DELETE", "resource", "200")} <= ours
    assert ours <= theirs, ours - theirs


def labels(family) -> set[str]:
    return {label for sample in family.samples for label in sample.labels}


def counted(family) -> set[tuple[str, str, str]]:
    """Return what was counted of ConfigMaps, without watches: Kubernetes counts those when they end, and ours when they begin."""
    return {
        (sample.labels["verb"], sample.labels["scope"], sample.labels["code"])
        for sample in family.samples
        if sample.labels["resource"] == "configmaps" and sample.labels["verb"] != "WATCH"
    }
