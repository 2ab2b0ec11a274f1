"""Objects of the further kinds, good and bad, for both API servers to answer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.conformance.parts.samples_network import network

Object = dict[str, Any]
Sample = tuple[str, str, Object]
"""Kind, what is special about it, and the object but for its apiVersion and kind."""
POD: Object = {"containers": [{"name": "a", "image": "python"}]}
WEB: Object = {"app": "web"}
SPEC: Object = {"selector": {"matchLabels": WEB}, "template": {"metadata": {"labels": WEB}, "spec": POD}}


def mod(base: Object, **changes: Any) -> Object:
    """Return a map with some entries changed; None removes one."""
    return {key: value for key, value in (base | changes).items() if value is not None}


def workloads() -> Iterator[Sample]:
    """Yield deployments, replica sets, stateful sets and daemon sets."""
    for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"):
        yield kind, "valid", {"spec": SPEC}
        yield kind, "empty", {"spec": {}}
        yield kind, "nospec", {}
        yield kind, "empty selector", {"spec": mod(SPEC, selector={})}
        yield kind, "no selector", {"spec": mod(SPEC, selector=None)}
        yield kind, "mismatch", {"spec": mod(SPEC, selector={"matchLabels": {"a": "b"}})}
        yield (
            kind,
            "never",
            {
                "spec": mod(
                    SPEC,
                    template={
                        "metadata": {"labels": WEB},
                        "spec": POD | {"restartPolicy": "Never", "activeDeadlineSeconds": 5},
                    },
                )
            },
        )
        yield kind, "negative", {"spec": mod(SPEC, replicas=-1, minReadySeconds=-1, revisionHistoryLimit=-2)}
        yield kind, "badname", {"metadata": {"name": "Bad_Name"}, "spec": SPEC}
        yield (
            kind,
            "bad selector",
            {"spec": mod(SPEC, selector={"matchExpressions": [{"key": "app", "operator": "Foo"}]})},
        )
    yield "Deployment", "recreate", {"spec": mod(SPEC, strategy={"type": "Recreate"})}
    yield (
        "Deployment",
        "recreate2",
        {"spec": mod(SPEC, strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}})},
    )
    yield (
        "Deployment",
        "zeros",
        {
            "spec": mod(
                SPEC,
                strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
            )
        },
    )
    yield (
        "Deployment",
        "pct",
        {"spec": mod(SPEC, strategy={"rollingUpdate": {"maxSurge": "abc", "maxUnavailable": "120%"}})},
    )
    yield "Deployment", "type", {"spec": mod(SPEC, strategy={"type": "Blue"})}
    yield "Deployment", "deadline", {"spec": mod(SPEC, progressDeadlineSeconds=5, minReadySeconds=5)}
    yield (
        "StatefulSet",
        "policy",
        {
            "spec": mod(
                SPEC, podManagementPolicy="Foo", serviceName="Bad Name", updateStrategy={"type": "Foo"}
            )
        },
    )
    yield (
        "StatefulSet",
        "ondelete",
        {"spec": mod(SPEC, updateStrategy={"type": "OnDelete", "rollingUpdate": {"partition": 1}})},
    )
    yield (
        "StatefulSet",
        "vct",
        {
            "spec": mod(
                SPEC,
                volumeClaimTemplates=[
                    {
                        "metadata": {"name": "d"},
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "resources": {"requests": {"storage": "1Gi"}},
                        },
                    }
                ],
            )
        },
    )
    yield (
        "StatefulSet",
        "badvct",
        {
            "spec": mod(
                SPEC,
                volumeClaimTemplates=[{"metadata": {"name": "d"}, "spec": {}}],
                persistentVolumeClaimRetentionPolicy={"whenDeleted": "x"},
                ordinals={"start": -1},
            )
        },
    )
    yield (
        "DaemonSet",
        "both",
        {
            "spec": mod(
                SPEC,
                updateStrategy={
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1},
                },
            )
        },
    )
    yield (
        "DaemonSet",
        "none",
        {
            "spec": mod(
                SPEC,
                updateStrategy={
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0},
                },
            )
        },
    )
    yield "DaemonSet", "type", {"spec": mod(SPEC, updateStrategy={"type": "Foo"})}


def cron_jobs() -> Iterator[Sample]:
    """Yield cron jobs."""
    JT = {"spec": {"template": {"spec": POD | {"restartPolicy": "Never"}}}}
    CJ = {"schedule": "* * * * *", "jobTemplate": JT}
    yield "CronJob", "valid", {"spec": CJ}
    yield "CronJob", "empty", {"spec": {}}
    for s in (
        "* * * *",
        "60 * * * *",
        "* * 0 * *",
        "5-1 * * * *",
        "a * * * *",
        "*/0 * * * *",
        "@often",
        "@every x",
        "@every 1h",
        "TZ=UTC * * * * *",
        "* * * * 7",
        "1-2-3 * * * *",
        "* * * foo *",
        "@hourly",
    ):
        yield "CronJob", s, {"spec": mod(CJ, schedule=s)}
    yield "CronJob", "tz", {"spec": mod(CJ, timeZone="Middle/Earth")}
    yield "CronJob", "tz2", {"spec": mod(CJ, timeZone="Europe/Berlin")}
    yield "CronJob", "tz3", {"spec": mod(CJ, timeZone="")}
    yield (
        "CronJob",
        "policy",
        {"spec": mod(CJ, concurrencyPolicy="x", failedJobsHistoryLimit=-1, startingDeadlineSeconds=-1)},
    )
    yield "CronJob", "always", {"spec": mod(CJ, jobTemplate={"spec": {"template": {"spec": POD}}})}
    yield (
        "CronJob",
        "manual",
        {
            "spec": mod(
                CJ,
                jobTemplate={
                    "spec": {"manualSelector": True, "template": {"spec": POD | {"restartPolicy": "Never"}}}
                },
            )
        },
    )
    yield "CronJob", "long", {"metadata": {"name": "a" * 53}, "spec": CJ}


def policies() -> Iterator[Sample]:
    """Yield disruption budgets, autoscalers, endpoints and ranges of addresses."""
    yield "PodDisruptionBudget", "valid", {"spec": {"minAvailable": 1, "selector": {"matchLabels": WEB}}}
    yield "PodDisruptionBudget", "both", {"spec": {"minAvailable": 1, "maxUnavailable": 1}}
    yield "PodDisruptionBudget", "pct", {"spec": {"minAvailable": "120%", "unhealthyPodEvictionPolicy": "x"}}
    yield "PodDisruptionBudget", "neg", {"spec": {"maxUnavailable": -1}}
    yield "PodDisruptionBudget", "empty", {}
    T = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    yield "HorizontalPodAutoscaler", "valid", {"spec": {"maxReplicas": 3, "scaleTargetRef": T}}
    yield (
        "HorizontalPodAutoscaler",
        "behavior",
        {
            "spec": {
                "maxReplicas": 3,
                "scaleTargetRef": T,
                "behavior": {"scaleUp": {"stabilizationWindowSeconds": 3}},
            }
        },
    )
    yield "HorizontalPodAutoscaler", "empty", {"spec": {}}
    yield (
        "HorizontalPodAutoscaler",
        "min",
        {"spec": {"maxReplicas": 2, "minReplicas": 3, "scaleTargetRef": {"kind": "a/b"}}},
    )
    yield (
        "HorizontalPodAutoscaler",
        "neg",
        {"spec": {"maxReplicas": -2, "minReplicas": -3, "scaleTargetRef": T}},
    )
    yield "Endpoints", "valid", {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}
    yield (
        "Endpoints",
        "bad",
        {
            "subsets": [
                {"addresses": [{"ip": "x"}], "ports": [{"port": 0, "protocol": "X"}]},
                {"ports": [{"port": 1}]},
            ]
        },
    )
    yield "Endpoints", "loop", {"subsets": [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"port": 80}]}]}
    yield "Endpoints", "empty", {}
    yield (
        "EndpointSlice",
        "valid",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]},
    )
    yield "EndpointSlice", "empty", {}
    yield (
        "EndpointSlice",
        "bad",
        {
            "addressType": "IPv9",
            "endpoints": [{"addresses": []}],
            "ports": [{"port": 99999, "protocol": "x"}],
        },
    )
    yield (
        "EndpointSlice",
        "badip",
        {
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["x"]}, {"addresses": ["::1"]}],
            "ports": [{"port": 80, "name": "Bad_"}, {"port": 80, "name": "Bad_"}],
        },
    )
    yield "ServiceCIDR", "valid", {"spec": {"cidrs": ["10.1.0.0/16"]}}
    yield "ServiceCIDR", "empty", {"spec": {}}
    yield "ServiceCIDR", "bad", {"spec": {"cidrs": ["10.1.0.0/40", "x", "10.0.0.0/8"]}}
    yield (
        "IPAddress",
        "valid",
        {
            "metadata": {"name": "10.0.0.9"},
            "spec": {"parentRef": {"resource": "services", "name": "a", "namespace": "b"}},
        },
    )
    yield "IPAddress", "bad", {"spec": {}}


def core() -> Iterator[Sample]:
    """Yield replication controllers, volumes and quotas."""
    yield "ReplicationController", "valid", {"spec": {"template": {"metadata": {"labels": WEB}, "spec": POD}}}
    yield "ReplicationController", "empty", {"spec": {}}
    yield (
        "ReplicationController",
        "mismatch",
        {
            "spec": {
                "replicas": -1,
                "selector": {"a": "b"},
                "template": {"metadata": {"labels": WEB}, "spec": POD | {"restartPolicy": "Never"}},
            }
        },
    )
    PV = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    yield "PersistentVolume", "valid", {"spec": PV}
    yield "PersistentVolume", "empty", {"spec": {}}
    yield (
        "PersistentVolume",
        "bad",
        {
            "spec": {
                "capacity": {"cpu": "1"},
                "accessModes": ["x"],
                "hostPath": {"path": "/x"},
                "nfs": {"server": "a", "path": "/b"},
                "persistentVolumeReclaimPolicy": "x",
                "volumeMode": "y",
            }
        },
    )


def storage() -> Iterator[Sample]:
    """Yield what storage classes and drivers need."""
    yield "StorageClass", "valid", {"provisioner": "x.com/y"}
    yield "StorageClass", "empty", {}
    yield "StorageClass", "bad", {"provisioner": "x y", "reclaimPolicy": "x", "volumeBindingMode": "y"}
    yield "CSINode", "valid", {"spec": {"drivers": [{"name": "a.com", "nodeID": "1", "topologyKeys": ["a"]}]}}
    yield "CSINode", "none", {"spec": {"drivers": []}}
    yield (
        "CSINode",
        "bad",
        {"spec": {"drivers": [{"name": "A_", "nodeID": ""}, {"name": "A_", "nodeID": "2"}]}},
    )
    yield "CSIDriver", "valid", {"spec": {}}
    yield "CSIDriver", "bad", {"spec": {"volumeLifecycleModes": ["x"], "fsGroupPolicy": "y"}}
    yield "CSIStorageCapacity", "valid", {"storageClassName": "a", "capacity": "1Gi"}
    yield "CSIStorageCapacity", "bad", {"capacity": "-1"}
    yield (
        "VolumeAttachment",
        "valid",
        {"spec": {"attacher": "a.com", "nodeName": "n", "source": {"persistentVolumeName": "p"}}},
    )
    yield "VolumeAttachment", "bad", {"spec": {}}
    yield "VolumeAttributesClass", "valid", {"driverName": "a.com", "parameters": {"a": "b"}}
    yield "VolumeAttributesClass", "bad", {"driverName": "A_"}


def claims() -> Iterator[Sample]:
    """Yield claims of devices, revisions and certificate requests."""
    RC = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.com"}}]}}
    yield "ResourceClaim", "valid", {"spec": RC}
    yield "ResourceClaim", "empty", {"spec": {}}
    yield (
        "ResourceClaim",
        "bad",
        {
            "spec": {
                "devices": {"requests": [{"name": "gpu"}, {"name": "gpu"}, {"name": "Bad_", "exactly": {}}]}
            }
        },
    )
    yield "ResourceClaimTemplate", "valid", {"spec": {"spec": RC}}
    yield "DeviceClass", "valid", {"spec": {}}
    yield "DeviceClass", "sel", {"spec": {"selectors": [{"cel": {"expression": "true"}}]}}
    yield (
        "ResourceSlice",
        "valid",
        {
            "spec": {
                "driver": "a.com",
                "nodeName": "n",
                "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
                "devices": [{"name": "d"}],
            }
        },
    )
    yield "ResourceSlice", "bad", {"spec": {"driver": "", "pool": {}}}
    yield "ControllerRevision", "valid", {"revision": 1, "data": {"a": 1}}
    yield "ControllerRevision", "bad", {"revision": -1}


def samples() -> list[Sample]:
    """Return all of them."""
    return [*workloads(), *cron_jobs(), *policies(), *core(), *storage(), *claims(), *network()]
