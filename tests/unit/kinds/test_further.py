"""The kinds that Kubernetes' own controllers work on: what is filled in, refused, fixed and printed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seaway.controlplane.kinds.apps import CONTROLLER_REVISION, DEPLOYMENT, REPLICA_SET
from seaway.controlplane.kinds.autoscaling import HORIZONTAL_POD_AUTOSCALER
from seaway.controlplane.kinds.certificates import CERTIFICATE_SIGNING_REQUEST
from seaway.controlplane.kinds.claims import RESOURCE_CLAIM, RESOURCE_SLICE
from seaway.controlplane.kinds.cronjobs import CRON_JOB, schedule_faults
from seaway.controlplane.kinds.daemon_sets import DAEMON_SET, TEMPLATE_GENERATION
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.kinds.discovery import ENDPOINT_SLICE, ENDPOINTS_KIND
from seaway.controlplane.kinds.further import FURTHER_KINDS
from seaway.controlplane.kinds.networking import IP_ADDRESS, SERVICE_CIDR
from seaway.controlplane.kinds.persistent_volumes import PERSISTENT_VOLUME
from seaway.controlplane.kinds.policy import POD_DISRUPTION_BUDGET
from seaway.controlplane.kinds.quotas import RESOURCE_QUOTA
from seaway.controlplane.kinds.replication import REPLICATION_CONTROLLER
from seaway.controlplane.kinds.stateful_sets import STATEFUL_SET
from seaway.controlplane.kinds.storage import (
    CSI_DRIVER,
    CSI_NODE,
    CSI_STORAGE_CAPACITY,
    VOLUME_ATTACHMENT,
    VOLUME_ATTRIBUTES_CLASS,
)
from seaway.controlplane.kinds.storage_classes import STORAGE_CLASS
from seaway.objects.further import FURTHER_RESOURCES

NOW = 1_800_000_000.0
Object = dict[str, Any]
POD: Object = {"containers": [{"name": "a", "image": "python"}]}
WEB: Object = {"app": "web"}
SPEC: Object = {"selector": {"matchLabels": WEB}, "template": {"metadata": {"labels": WEB}, "spec": POD}}


def made(kind: Kind, **fields: Any) -> Object:
    """Return a defaulted object of a kind."""
    metadata = {"name": "one", "uid": "uid-1", "creationTimestamp": "2027-01-15T07:55:00Z"}
    if kind.resource.namespaced:
        metadata["namespace"] = "default"
    metadata |= fields.pop("metadata", {})
    obj = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "metadata": metadata}
    obj |= copy.deepcopy(fields)
    kind.default(obj)
    return obj


def faults(kind: Kind, obj: Object) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in kind.validate(obj)]


def row(kind: Kind, obj: Object, *, wide: bool = False) -> list[Any]:
    return [column.cell(obj, NOW) for column in kind.columns if wide or not column.priority]


def test_every_further_resource_is_declared_once() -> None:
    assert [kind.resource for kind in FURTHER_KINDS] == list(FURTHER_RESOURCES)


@pytest.mark.parametrize("kind", FURTHER_KINDS, ids=lambda kind: kind.resource.group_resource)
def test_every_kind_has_cells_for_an_empty_object(kind: Kind) -> None:
    """Printing never fails, whatever is missing."""
    bare = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "metadata": {"name": "one"}}
    kind.default(bare)
    assert "one" in row(kind, bare, wide=True)
    for label in kind.field_labels.values():
        assert isinstance(label(bare), str)


@pytest.mark.parametrize("kind", FURTHER_KINDS, ids=lambda kind: kind.resource.group_resource)
@pytest.mark.parametrize("spec", [{}, {"spec": {}}, {"spec": None}], ids=["nothing", "empty", "null"])
def test_an_empty_object_is_refused_or_accepted_but_never_fails(kind: Kind, spec: Object) -> None:
    obj = made(kind, **spec)
    kind.prepare_create(obj)
    first = faults(kind, obj)
    again = copy.deepcopy(obj)
    kind.default(again)
    assert again == obj, "filling in defaults twice changes nothing"
    assert faults(kind, obj) == first
    assert list(kind.validate_update(copy.deepcopy(obj), obj)) == []


@pytest.mark.parametrize("kind", FURTHER_KINDS, ids=lambda kind: kind.resource.group_resource)
def test_a_name_is_required(kind: Kind) -> None:
    obj = made(kind)
    del obj["metadata"]["name"]
    assert any(fault.startswith("metadata.name: Required value") for fault in faults(kind, obj))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            DEPLOYMENT,
            {
                "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
            },
        ),
        (REPLICA_SET, {"replicas": 1}),
        (
            STATEFUL_SET,
            {
                "replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            },
        ),
        (
            DAEMON_SET,
            {
                "revisionHistoryLimit": 10,
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            },
        ),
    ],
    ids=["deployment", "replica set", "stateful set", "daemon set"],
)  # fmt: skip
def test_what_a_workload_gets(kind: Kind, expected: Object) -> None:
    obj = made(kind, spec=SPEC)
    assert {key: value for key, value in obj["spec"].items() if key not in SPEC} == expected
    assert obj["spec"]["template"]["spec"]["restartPolicy"] == "Always"
    assert faults(kind, obj) == []


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (DEPLOYMENT, {"selector": None}, "spec.selector: Required value"),
        (DEPLOYMENT, {"selector": {}}, "spec.selector: Invalid value: {}: empty selector is invalid for deployment"),
        (
            DEPLOYMENT, {"selector": {"matchLabels": {"app": "other"}}},
            "spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`",
        ),
        (DEPLOYMENT, {"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (DEPLOYMENT, {"strategy": {"type": "Blue"}}, "spec.strategy: Unsupported value"),
        (DEPLOYMENT, {"strategy": {"type": "Recreate", "rollingUpdate": {}}}, "spec.strategy.rollingUpdate: Forbidden"),
        (
            DEPLOYMENT, {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "0%"}}},
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (
            DEPLOYMENT, {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "101%", "maxSurge": 1}}},
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%",
        ),
        (
            DEPLOYMENT, {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "x", "maxSurge": 1}}},
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"x\": a valid percent string",
        ),
        (
            DEPLOYMENT, {"progressDeadlineSeconds": 5, "minReadySeconds": 5},
            "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
        ),
        (
            REPLICA_SET, {"template": {"metadata": {"labels": WEB}, "spec": POD | {"restartPolicy": "Never"}}},
            'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        ),
        (
            REPLICA_SET, {"template": {"metadata": {"labels": WEB}, "spec": POD | {"activeDeadlineSeconds": 5}}},
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
        ),
        (STATEFUL_SET, {"podManagementPolicy": "Any"}, "spec.podManagementPolicy: Invalid value: \"Any\""),
        (STATEFUL_SET, {"serviceName": "Not A Name"}, "spec.serviceName: Invalid value: \"Not A Name\""),
        (
            STATEFUL_SET, {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            "spec.updateStrategy.rollingUpdate: Invalid value: {\"Partition\":1,\"MaxUnavailable\":null}: only allowed for updateStrategy 'RollingUpdate'",
        ),
        (STATEFUL_SET, {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}]}, "spec.volumeClaimTemplates[0].spec.accessModes: Required value"),
        (
            DAEMON_SET, {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}},
            "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
        ),
        (
            DAEMON_SET, {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}},
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
        ),
    ],
)  # fmt: skip
def test_a_bad_workload_is_refused(kind: Kind, changes: Object, expected: str) -> None:
    found = faults(kind, made(kind, spec=copy.deepcopy(SPEC) | changes))
    assert any(fault.startswith(expected) for fault in found), found


def test_a_claimed_volume_of_a_stateful_set_can_be_mounted() -> None:
    mounting = {
        "containers": [
            {"name": "a", "image": "python", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        ]
    }
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    template = {"metadata": {"labels": WEB}, "spec": mounting}
    spec = SPEC | {"template": template, "volumeClaimTemplates": [claim]}
    assert faults(STATEFUL_SET, made(STATEFUL_SET, spec=spec)) == []
    assert faults(STATEFUL_SET, made(STATEFUL_SET, spec=SPEC | {"template": template})) != []


@pytest.mark.parametrize("kind", [DEPLOYMENT, REPLICA_SET, DAEMON_SET], ids=lambda kind: kind.resource.kind)
def test_a_selector_is_fixed(kind: Kind) -> None:
    old = made(kind, spec=SPEC)
    new = copy.deepcopy(old)
    new["spec"]["selector"]["matchLabels"] = {"app": "other"}
    assert [cause.field for cause in kind.validate_update(new, old)] == ["spec.selector"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [("replicas", 5, []), ("serviceName", "other", ["spec"])],
    ids=["replicas", "service"],
)
def test_what_may_change_in_a_stateful_set(field: str, value: Any, expected: list[str]) -> None:
    old = made(STATEFUL_SET, spec=SPEC)
    new = copy.deepcopy(old)
    new["spec"][field] = value
    assert [cause.field for cause in STATEFUL_SET.validate_update(new, old)] == expected


def test_the_generation_of_a_daemon_sets_template_counts_its_changes_alone() -> None:
    old = made(DAEMON_SET, spec=SPEC)
    DAEMON_SET.prepare_create(old)
    assert old["metadata"]["annotations"][TEMPLATE_GENERATION] == "1"
    same, other = copy.deepcopy(old), copy.deepcopy(old)
    same["metadata"]["annotations"] = {TEMPLATE_GENERATION: "77"}
    other["spec"]["template"]["spec"]["hostNetwork"] = True
    for new, expected in ((same, "1"), (other, "2")):
        DAEMON_SET.prepare_update(new, old)
        assert new["metadata"]["annotations"][TEMPLATE_GENERATION] == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", ""), ("*/5 0-12/3 1,15 jan-mar mon-fri", ""), ("@hourly", ""), ("@every 1h30m", ""), ("0 0 ? * 0", ""),
        ("* * * *", "expected exactly 5 fields, found 4"), ("60 * * * *", "above maximum (59)"),
        ("* * 0 * *", "below minimum (1)"), ("5-1 * * * *", "beyond end of range"), ("a * * * *", "failed to parse int"),
        ("*/0 * * * *", "positive number"), ("@often", "unrecognized descriptor"), ("@every x", "failed to parse duration"), ("1-2-3 * * * *", "too many hyphens"),
        ("TZ=UTC * * * * *", "use timeZone field instead"), ("* * * * 8", "above maximum (6)"),
    ],
)  # fmt: skip
def test_schedules(schedule: str, expected: str) -> None:
    found = [cause.message for cause in schedule_faults(schedule, "spec.schedule")]
    assert bool(found) == bool(expected)
    assert expected in "".join(found)


def cron_job(**changes: Any) -> Object:
    template = {"spec": {"template": {"spec": POD | {"restartPolicy": "Never"}}}}
    return made(CRON_JOB, spec={"schedule": "@daily", "jobTemplate": template} | changes)


def test_what_a_cron_job_gets() -> None:
    obj = cron_job()
    kept = {key: value for key, value in obj["spec"].items() if key not in ("schedule", "jobTemplate")}
    assert kept == {"concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}  # fmt: skip
    assert list(obj["spec"]["jobTemplate"]["spec"]) == ["template"], "a job's own defaults come with the job"
    assert faults(CRON_JOB, obj) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schedule": ""}, "spec.schedule"),
        ({"timeZone": "Middle/Earth"}, "spec.timeZone"),
        ({"concurrencyPolicy": "Maybe"}, "spec.concurrencyPolicy"),
        ({"failedJobsHistoryLimit": -1}, "spec.failedJobsHistoryLimit"),
        (
            {"jobTemplate": {"spec": {"template": {"spec": POD}}}},
            "spec.jobTemplate.spec.template.spec.restartPolicy",
        ),
        ({"jobTemplate": {"spec": {"manualSelector": True}}}, "spec.jobTemplate.spec.manualSelector"),
    ],
)
def test_a_bad_cron_job_is_refused(changes: Object, field: str) -> None:
    assert field in [cause.field for cause in CRON_JOB.validate(cron_job(**changes))]


def test_a_cron_jobs_name_leaves_room_for_its_jobs() -> None:
    obj = cron_job()
    obj["metadata"]["name"] = "a" * 53
    assert any("must be no more than 52 characters" in fault for fault in faults(CRON_JOB, obj))


BAD: list[Any] = [
    (POD_DISRUPTION_BUDGET, {"spec": {"minAvailable": 1, "maxUnavailable": 1}}, "spec: Invalid value"),
    (POD_DISRUPTION_BUDGET, {"spec": {"minAvailable": "120%"}}, "spec.minAvailable: Invalid value"),
    (POD_DISRUPTION_BUDGET, {"spec": {"unhealthyPodEvictionPolicy": "x"}}, "spec.unhealthyPodEvictionPolicy: Unsupported"),
    (HORIZONTAL_POD_AUTOSCALER, {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}}, "spec.maxReplicas: Required"),
    (HORIZONTAL_POD_AUTOSCALER, {"spec": {"maxReplicas": 2, "minReplicas": 3}}, "spec.maxReplicas: Invalid value: 2"),
    (HORIZONTAL_POD_AUTOSCALER, {"spec": {"maxReplicas": 2}}, "spec.scaleTargetRef.kind: Required"),
    (ENDPOINTS_KIND, {"subsets": [{"addresses": [{"ip": "x"}]}]}, "subsets[0].addresses[0].ip: Invalid value"),
    (ENDPOINTS_KIND, {"subsets": [{"ports": [{"port": 1}]}]}, "subsets[0]: Required value"),
    (ENDPOINT_SLICE, {}, "addressType: Required value"),
    (ENDPOINT_SLICE, {"addressType": "IPv9"}, "addressType: Unsupported value"),
    (ENDPOINT_SLICE, {"addressType": "IPv4", "endpoints": [{"addresses": []}]}, "endpoints[0].addresses: Required value"),
    (ENDPOINT_SLICE, {"addressType": "IPv4", "ports": [{"name": "a"}, {"name": "a"}]}, "ports[1].name: Duplicate value"),
    (SERVICE_CIDR, {"spec": {"cidrs": ["10.0.0.0/40"]}}, "spec.cidrs[0]: Invalid value"),
    (SERVICE_CIDR, {"spec": {}}, "spec.cidrs: Required value"),
    (IP_ADDRESS, {"spec": {"parentRef": {"resource": "services", "name": "web"}}}, "metadata.name: Invalid value"),
    (REPLICATION_CONTROLLER, {"spec": {}}, "spec.template: Required value"),
    (REPLICATION_CONTROLLER, {"spec": {"selector": {"a": "b"}, "template": SPEC["template"]}}, "spec.template.metadata.labels: Invalid"),
    (PERSISTENT_VOLUME, {"spec": {}}, "spec.capacity: Required value"),
    (PERSISTENT_VOLUME, {"spec": {"hostPath": {}, "nfs": {}}}, "spec.nfs: Forbidden: may not specify more than 1 volume type"),
    (RESOURCE_QUOTA, {"spec": {"hard": {"bananas": "1"}}}, "spec.hard[bananas]: Invalid value"),
    (RESOURCE_QUOTA, {"spec": {"hard": {"pods": "0.5"}}}, "spec.hard[pods]: Invalid value"),
    (STORAGE_CLASS, {}, "provisioner: Required value"),
    (STORAGE_CLASS, {"provisioner": "x/y", "reclaimPolicy": "Keep"}, "reclaimPolicy: Unsupported value"),
    (CSI_NODE, {"spec": {"drivers": [{"name": "a", "nodeID": "1"}, {"name": "a", "nodeID": "2"}]}}, "spec.drivers[1].name: Duplicate"),
    (CSI_DRIVER, {"spec": {"volumeLifecycleModes": ["Sometimes"]}}, "spec.volumeLifecycleModes: Unsupported value"),
    (CSI_STORAGE_CAPACITY, {"capacity": "-1"}, "storageClassName: Invalid value"),
    (VOLUME_ATTACHMENT, {"spec": {"attacher": "a", "nodeName": "n", "source": {}}}, "spec.source: Required value"),
    (VOLUME_ATTRIBUTES_CLASS, {"driverName": "a"}, "parameters: Required value"),
    (RESOURCE_CLAIM, {"spec": {"devices": {"requests": [{"name": "gpu"}]}}}, "spec.devices.requests[0]: Required value"),
    (RESOURCE_SLICE, {"spec": {"driver": "a"}}, "spec.pool.name: Required value"),
    (CONTROLLER_REVISION, {"revision": -1}, "data: Required value"),
    (CERTIFICATE_SIGNING_REQUEST, {"spec": {"request": "bm90aGluZw=="}}, "spec.request: Invalid value"),
    (CERTIFICATE_SIGNING_REQUEST, {"spec": {"signerName": "x"}}, "spec.signerName: Invalid value"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    BAD,
    ids=lambda value: getattr(getattr(value, "resource", None), "kind", None),
)
def test_a_bad_object_is_refused(kind: Kind, fields: Object, expected: str) -> None:
    found = faults(kind, made(kind, **fields))
    assert any(fault.startswith(expected) for fault in found), found


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        (STORAGE_CLASS, ("provisioner",), "other/one"),
        (VOLUME_ATTACHMENT, ("spec", "nodeName"), "other"),
        (RESOURCE_CLAIM, ("spec", "devices"), {}),
        (ENDPOINT_SLICE, ("addressType",), "IPv6"),
        (CERTIFICATE_SIGNING_REQUEST, ("spec", "username"), "root"),
        (CONTROLLER_REVISION, ("data",), {"other": 1}),
        (PERSISTENT_VOLUME, ("spec", "hostPath"), {"path": "/other"}),
    ],
    ids=lambda value: getattr(getattr(value, "resource", None), "kind", None),
)
def test_what_is_fixed_cannot_change(kind: Kind, path: tuple[str, ...], value: Any) -> None:
    old = made(kind, spec={}) if path[0] == "spec" else made(kind)
    new = copy.deepcopy(old)
    place = new
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert [cause.field for cause in kind.validate_update(new, old)]


@pytest.mark.parametrize(
    ("kind", "fields", "cells"),
    [
        (DEPLOYMENT, {"spec": SPEC, "status": {"readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}, ["one", "1/1", 1, 1, "5m"]),
        (REPLICA_SET, {"spec": SPEC, "status": {"replicas": 1}}, ["one", 1, 1, 0, "5m"]),
        (STATEFUL_SET, {"spec": SPEC}, ["one", "0/1", "5m"]),
        (DAEMON_SET, {"spec": SPEC, "status": {"desiredNumberScheduled": 2}}, ["one", 2, 0, 0, 0, 0, "<none>", "5m"]),
        (POD_DISRUPTION_BUDGET, {"spec": {"minAvailable": "50%"}}, ["one", "50%", "N/A", 0, "5m"]),
        (RESOURCE_QUOTA, {"status": {"hard": {"pods": "4", "limits.cpu": "2"}, "used": {"pods": "1"}}}, ["one", "pods: 1/4", "limits.cpu: 0/2", "5m"]),
        (RESOURCE_CLAIM, {"status": {"allocation": {"devices": {}}}}, ["one", "allocated", "5m"]),
        (SERVICE_CIDR, {"spec": {"cidrs": ["10.0.0.0/8"]}}, ["one", "10.0.0.0/8", "5m"]),
        (ENDPOINT_SLICE, {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": [f"10.0.0.{n}"]} for n in range(5)]}, ["one", "IPv4", "80", "10.0.0.0,10.0.0.1,10.0.0.2 + 2 more...", "5m"]),
        (HORIZONTAL_POD_AUTOSCALER, {"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}}}, ["one", "Deployment/web", "cpu: <unknown>/80%", "1", 3, 0, "5m"]),
    ],
    ids=lambda value: getattr(getattr(value, "resource", None), "kind", None),
)  # fmt: skip
def test_cells(kind: Kind, fields: Object, cells: list[Any]) -> None:
    assert row(kind, made(kind, **fields)) == cells
