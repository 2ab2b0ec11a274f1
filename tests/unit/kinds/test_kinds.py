"""The other kinds: what is filled in, refused and printed."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.kinds.batch import JOB
from seaway.controlplane.kinds.cells import human_duration
from seaway.controlplane.kinds.configs import CONFIG_MAP, SECRET
from seaway.controlplane.kinds.core import NAMESPACE, PERSISTENT_VOLUME_CLAIM
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.kinds.events import EVENT, EVENT_V1
from seaway.controlplane.kinds.job_validation import CONTROLLER_UID
from seaway.controlplane.kinds.nodes import NODE
from seaway.controlplane.kinds.rbac import CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from seaway.controlplane.kinds.scheduling import PRIORITY_CLASS
from seaway.controlplane.kinds.services import SERVICE
from seaway.objects.builtin import BUILTIN_RESOURCES

NOW = 1_800_000_000.0


def made(kind: Kind, **fields: Any) -> dict[str, Any]:
    """Return a defaulted object of a kind."""
    metadata = {"name": "one", "uid": "uid-1", "creationTimestamp": "2027-01-15T07:55:00Z"}
    if kind.resource.namespaced:
        metadata["namespace"] = "default"
    obj = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "metadata": metadata} | fields
    kind.default(obj)
    return obj


def faults(kind: Kind, obj: dict[str, Any]) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in kind.validate(obj)]


def row(kind: Kind, obj: dict[str, Any], *, wide: bool = False) -> list[Any]:
    return [column.cell(obj, NOW) for column in kind.columns if wide or not column.priority]


JOB_SPEC: dict[str, Any] = {
    "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "python"}]}}
}


def job(**spec: Any) -> dict[str, Any]:
    created = made(JOB, spec=copy.deepcopy(JOB_SPEC) | spec)
    JOB.prepare_create(created)
    return created


def test_every_builtin_resource_is_declared_once() -> None:
    assert [kind.resource for kind in BUILTIN_KINDS] == list(BUILTIN_RESOURCES)


@pytest.mark.parametrize("kind", BUILTIN_KINDS, ids=lambda kind: kind.resource.group_resource)
def test_every_kind_has_cells_for_an_empty_object(kind: Kind) -> None:
    """Printing never fails, whatever is missing."""
    bare = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "metadata": {"name": "one"}}
    kind.default(bare)
    assert [column.name for column in kind.columns]
    assert "one" in row(kind, bare, wide=True)
    for label in kind.field_labels.values():
        assert isinstance(label(bare), str)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in BUILTIN_KINDS if kind is not EVENT_V1],
    ids=lambda kind: kind.resource.group_resource,
)
def test_a_name_is_required(kind: Kind) -> None:
    obj = made(kind)
    del obj["metadata"]["name"]
    assert any(fault.startswith("metadata.name: Required value") for fault in faults(kind, obj))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (200, "3m20s"), (3600, "60m"), (4 * 3600 + 60, "4h1m"), (30 * 3600, "30h"),
     (3 * 86400, "3d"), (3 * 86400 + 7200, "3d2h"), (400 * 86400, "400d"), (800 * 86400, "2y70d"), (-10, "<invalid>")],
)  # fmt: skip
def test_ages_have_at_most_two_units(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def test_a_job_gets_a_selector_of_its_own() -> None:
    created = job()
    labels = created["spec"]["template"]["metadata"]["labels"]
    assert labels == {
        "batch.kubernetes.io/job-name": "one",
        "job-name": "one",
        "batch.kubernetes.io/controller-uid": "uid-1",
        "controller-uid": "uid-1",
    }
    assert created["spec"]["selector"] == {"matchLabels": {CONTROLLER_UID: "uid-1"}}
    spec = {key: value for key, value in created["spec"].items() if key not in ("template", "selector")}
    assert spec == {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }
    assert faults(JOB, created) == []


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"backoffLimit": -1}, "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0"),
        ({"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}, 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'),
        ({"completionMode": "Indexed", "parallelism": 2}, "spec.completions: Required value: when completion mode is Indexed"),
        ({"template": {"spec": {"restartPolicy": "Never"}}}, "spec.template.spec.containers: Required value"),
    ],
)  # fmt: skip
def test_a_bad_job_is_refused(spec: dict[str, Any], expected: str) -> None:
    assert expected in faults(JOB, job(**spec))


def test_a_jobs_template_is_fixed_and_its_parallelism_is_not() -> None:
    old, new = job(), job(parallelism=3, completions=1)
    assert JOB.validate_update(new, old) == []
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert [cause.field for cause in JOB.validate_update(new, old)] == ["spec.template"]


def test_a_replaced_job_says_its_selector() -> None:
    old, new = job(), made(JOB, spec=copy.deepcopy(JOB_SPEC))
    assert "spec.selector" in [cause.field for cause in JOB.validate_update(new, old)]


@pytest.mark.parametrize(
    ("status", "cells"),
    [
        ({}, ["one", "Running", "0/1", "", "5m"]),
        ({"startTime": "2027-01-15T07:59:00Z"}, ["one", "Running", "0/1", "60s", "5m"]),
        (
            {"startTime": "2027-01-15T07:55:00Z", "completionTime": "2027-01-15T07:55:09Z", "succeeded": 1,
             "conditions": [{"type": "Complete", "status": "True"}]},
            ["one", "Complete", "1/1", "9s", "5m"],
        ),
    ],
    ids=["new", "running", "complete"],
)  # fmt: skip
def test_a_jobs_row(status: dict[str, Any], cells: list[Any]) -> None:
    assert row(JOB, job() | {"status": status}) == cells


def test_a_services_ports_are_filled_in() -> None:
    service = made(
        SERVICE, spec={"selector": {"app": "a"}, "ports": [{"port": 80}], "clusterIP": "127.1.255.9"}
    )
    assert service["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["sessionAffinity"] == "None"
    assert faults(SERVICE, service) == []
    assert row(SERVICE, service, wide=True) == [
        "one",
        "ClusterIP",
        "127.1.255.9",
        "<none>",
        "80/TCP",
        "5m",
        "app=a",
    ]


def test_a_service_keeps_its_address() -> None:
    old = made(
        SERVICE, spec={"ports": [{"port": 80}], "clusterIP": "127.1.255.9", "clusterIPs": ["127.1.255.9"]}
    )
    new = made(SERVICE, spec={"ports": [{"port": 81}]})
    SERVICE.prepare_update(new, old)
    assert new["spec"]["clusterIP"] == "127.1.255.9"
    assert SERVICE.validate_update(new, old) == []
    new["spec"] |= {"clusterIP": "127.1.255.10", "clusterIPs": ["127.1.255.10"]}
    assert [cause.field for cause in SERVICE.validate_update(new, old)] == ["spec.clusterIPs[0]"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "spec.ports: Required value"),
        ({"ports": [{"port": 0}]}, "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"),
        ({"ports": [{"port": 1}, {"port": 2}]}, "spec.ports[0].name: Required value"),
        ({"type": "Magic", "ports": [{"port": 1}]}, 'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
        ({"type": "ExternalName"}, "spec.externalName: Required value"),
    ],
)  # fmt: skip
def test_a_bad_service_is_refused(spec: dict[str, Any], expected: str) -> None:
    assert expected in faults(SERVICE, made(SERVICE, spec=spec))


def test_string_data_becomes_data() -> None:
    secret = made(SECRET, stringData={"token": "abc"}, data={"other": "eA=="})
    assert "stringData" not in secret
    assert secret["data"] == {"other": "eA==", "token": base64.b64encode(b"abc").decode()}
    assert secret["type"] == "Opaque"
    assert faults(SECRET, secret) == []


def test_a_bad_secret_is_refused_without_showing_its_value() -> None:
    data = {".dockerconfigjson": base64.b64encode(b"hidden").decode()}
    found = faults(SECRET, made(SECRET, data=data, type="kubernetes.io/dockerconfigjson"))
    assert len(found) == 1
    assert found[0].startswith('data[.dockerconfigjson]: Invalid value: "<secret contents redacted>"')
    assert "hidden" not in found[0]


@pytest.mark.parametrize("kind", [CONFIG_MAP, SECRET], ids=["config map", "secret"])
def test_keys_size_and_immutability(kind: Kind) -> None:
    assert any(
        "a valid config key must consist of" in fault for fault in faults(kind, made(kind, data={"a b": ""}))
    )
    large = base64.b64encode(b"x" * (1024 * 1024 + 1)).decode()
    field = "data" if kind is SECRET else "[]"  # Kubernetes means the whole object
    assert f"{field}: Too long: may not be more than 1048576 bytes" in faults(
        kind, made(kind, data={"a": large})
    )
    old, new = made(kind, data={"a": "eA=="}, immutable=True), made(kind, data={"a": "eQ=="}, immutable=True)
    assert [cause.field for cause in kind.validate_update(new, old)] == ["data"]
    del new["immutable"]
    assert {cause.field for cause in kind.validate_update(new, old)} == {"data", "immutable"}


def test_a_namespace_begins_active_and_keeps_its_finalizer() -> None:
    namespace = made(NAMESPACE)
    NAMESPACE.prepare_create(namespace)
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "one"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert row(NAMESPACE, namespace) == ["one", "Active", "5m"]
    new = made(NAMESPACE)
    NAMESPACE.prepare_update(new, namespace)
    assert new["spec"] == {"finalizers": ["kubernetes"]}


def test_a_claim_says_what_it_needs() -> None:
    found = faults(PERSISTENT_VOLUME_CLAIM, made(PERSISTENT_VOLUME_CLAIM, spec={}))
    assert "spec.accessModes: Required value: at least 1 access mode is required" in found
    assert "spec.resources[storage]: Required value" in found


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"resources": ["pods"], "apiGroups": [""]}, "rules[0].verbs: Required value: verbs must contain at least one value"),
        ({"verbs": ["get"], "resources": ["pods"]}, "rules[0].apiGroups: Required value: resource rules must supply at least one api group"),
        ({"verbs": ["get"], "nonResourceURLs": ["/a"]}, 'rules[0].nonResourceURLs: Invalid value: ["/a"]: namespaced rules cannot apply to non-resource URLs'),
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused(rule: dict[str, Any], expected: str) -> None:
    assert expected in faults(ROLE, made(ROLE, rules=[rule]))


def test_a_binding_fills_in_groups_and_is_fixed() -> None:
    fields = {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]}
    old = made(ROLE_BINDING, **fields)
    assert old["roleRef"]["apiGroup"] == old["subjects"][0]["apiGroup"] == "rbac.authorization.k8s.io"
    assert faults(ROLE_BINDING, old) == []
    new = made(ROLE_BINDING, roleRef={"kind": "Role", "name": "other"})
    assert [cause.field for cause in ROLE_BINDING.validate_update(new, old)] == ["roleRef"]
    cluster = made(
        CLUSTER_ROLE_BINDING,
        roleRef={"kind": "Role", "name": "r"},
        subjects=[{"kind": "ServiceAccount", "name": "a"}],
    )
    found = faults(CLUSTER_ROLE_BINDING, cluster)
    assert 'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"' in found
    assert "subjects[0].namespace: Required value" in found


def test_a_priority_class_is_fixed_and_bounded() -> None:
    assert faults(PRIORITY_CLASS, made(PRIORITY_CLASS, value=2_000_000_000)) == [
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
    ]
    old, new = made(PRIORITY_CLASS, value=1), made(PRIORITY_CLASS, value=2)
    assert [cause.field for cause in PRIORITY_CLASS.validate_update(new, old)] == ["value"]


def test_a_nodes_row() -> None:
    node = made(
        NODE, spec={"unschedulable": True}, status={"conditions": [{"type": "Ready", "status": "True"}]}
    )
    node["metadata"]["labels"] = {
        "node-role.kubernetes.io/control-plane": "",
        "node-role.kubernetes.io/gpu": "",
    }
    node["status"] |= {
        "addresses": [{"type": "InternalIP", "address": "127.1.0.1"}],
        "nodeInfo": {"kubeletVersion": "v1"},
    }
    cells = row(NODE, node, wide=True)
    assert cells[:7] == [
        "one",
        "Ready,SchedulingDisabled",
        "control-plane,gpu",
        "5m",
        "v1",
        "127.1.0.1",
        "<none>",
    ]


def test_both_forms_of_an_event_are_one() -> None:
    core = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"}, "message": "m",
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "count": 2, "reason": "Started",
        "source": {"component": "scheduler"}, "lastTimestamp": "2027-01-15T07:59:00Z", "type": "Normal",
    }  # fmt: skip
    new = EVENT_V1.from_storage(core)
    assert (new["note"], new["regarding"]["name"], new["deprecatedCount"]) == ("m", "p", 2)
    assert EVENT_V1.to_storage(new) == core
    assert row(EVENT, core) == ["60s", "Normal", "Started", "pod/p", "m"]
    assert EVENT.field_labels["involvedObject.name"](core) == "p"
    assert EVENT.field_labels["source"](core) == "scheduler"
