"""The further kinds on both API servers: created, read, printed, changed, scaled, deleted; and what is wrong is refused alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.kinds.further import FURTHER_KINDS
from seaway.objects.builtin import (
    CRON_JOBS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    HORIZONTAL_POD_AUTOSCALERS,
    INGRESS_CLASSES,
    INGRESSES,
    NETWORK_POLICIES,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
)
from seaway.objects.further import FURTHER_RESOURCES
from seaway.objects.workloads import WORKLOAD_RESOURCES
from tests.conformance.parts.samples import Object, samples
from tools.compare.calls import Call, Edit, Story
from tools.compare.connection import Connection
from tools.compare.differences import Difference
from tools.compare.pair import Pair
from tools.compare.servers import run_ours, theirs
from tools.real_kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.real

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
MERGE = "application/merge-patch+json"
NETWORK = (ENDPOINTS, ENDPOINT_SLICES, INGRESSES, INGRESS_CLASSES, NETWORK_POLICIES)
ACTED_ON = (CRON_JOBS, HORIZONTAL_POD_AUTOSCALERS, PERSISTENT_VOLUMES, STORAGE_CLASSES)
RESOURCES = {
    resource.kind: resource for resource in (*WORKLOAD_RESOURCES, *FURTHER_RESOURCES, *NETWORK, *ACTED_ON)
}
SAMPLES = samples()
KNOWN = (
    ("", r"columnDefinitions.*\.description", "our descriptions are our own words"),
    ("Endpoints", r"answer", "pods have loopback addresses"),
    ("IPAddress", r"columnDefinitions\[2\]", "Kubernetes prints an age there and names no column for it"),
    ("EndpointSlice", r"endpoints\[1\]\.addresses\[0\]", "pods have loopback addresses"),
    ("DaemonSet", r"rows\[0\]\.object\.metadata\.annotations", "in tables the count of changes is left out"),
    ("ControllerRevision", r"answer", "its data is compared as a value, not as the text that was sent"),
    ("PersistentVolume", r"spec\.capacity\]\.message", "null is shown as an empty text"),
    ("CSINode", r"managedFields", "an empty list has no manager"),
)
"""Kind ("" for all), part of the field, and why the two differ there."""


@pytest.fixture(scope="module")
def pair(bare: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with run_ours(tmp_path_factory.mktemp("ours"), (*BUILTIN_KINDS, *FURTHER_KINDS)) as ours:
        found = Pair(Connection(ours), Connection(theirs(bare)), prefix="further")
        yield found
        found.ours.close()
        found.theirs.close()


def story(kind: str, name: str, sample: Object) -> Story:
    """Return what is done with a sample."""
    resource = RESOURCES[kind]
    metadata = {"name": "one-{namespace}"} | sample.get("metadata", {})
    body = {"apiVersion": resource.api_version, "kind": kind} | sample | {"metadata": metadata}
    everything = resource.path("{namespace}" if resource.namespaced else None)
    one = f"{everything}/{metadata['name']}"
    edit = Edit(
        0,
        (
            {"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}},
            {"op": "remove", "path": "/metadata/resourceVersion"},
        ),
    )
    calls = [
        Call("POST", everything, body),
        Call("GET", one),
        Call("GET", one, headers=TABLE),
        Call("PATCH", one, {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE),
        Call("PUT", one, edit),
    ]
    if "status" in resource.subresources:
        calls.append(Call("GET", f"{one}/status"))
    if "scale" in resource.subresources:
        scale = f"{one}/scale"
        calls += [Call("GET", scale), Call("PATCH", scale, {"spec": {"replicas": 3}}, content_type=MERGE)]
    return Story((*calls, Call("DELETE", one)), name)


def is_known(kind: str, difference: Difference) -> bool:
    if all(re.fullmatch(r'"\d+s"', str(text)) for text in (difference.ours, difference.theirs)):
        return True  # an age has moved on by a second between the two
    return any(of in ("", kind) and re.search(field, difference.field) for of, field, _ in KNOWN)


@pytest.mark.parametrize("kind", RESOURCES)
def test_a_kind_answers_as_kubernetes_own(pair: Pair, kind: str) -> None:
    found = [
        f"{name}: {difference}"
        for of, name, sample in SAMPLES
        if of == kind
        for difference in pair.differences(story(kind, name, sample))
        if not is_known(kind, difference)
    ]
    assert not found, "\n".join(found)


def test_every_kind_is_compared() -> None:
    assert {kind for kind, name, _ in SAMPLES if name == "valid"} == set(RESOURCES)
