"""Pods that no node takes: what they ask for, what is taken, what waits for a volume."""

from __future__ import annotations

from typing import Any

from tools.endings.ending import (
    CONFIGURATION,
    OWN,
    PASS,
    SLEEP,
    Ending,
    Object,
    asking,
    container,
    made,
    pod,
)  # fmt: skip

_HOST_PORT = {"ports": [{"containerPort": 80, "hostPort": 31180}]}
_ZONE = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["zone-b"]}]}


def _beside(kind: str, label: str) -> Object:
    """Return the wish to run, or not to run, on a node with pods of a label."""
    term = {"labelSelector": {"matchLabels": {"app": label}}, "topologyKey": "kubernetes.io/hostname"}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def _labelled(wanted: Object, label: str) -> Object:
    return {**wanted, "metadata": {**wanted["metadata"], "labels": {"app": label}}}


def _waits(message: str, *objects: Object, level: str = "cluster", **more: Any) -> Ending:
    return Ending("Unschedulable", CONFIGURATION, level, objects, message=message, **more)


def _claim(name: str, **spec: Any) -> Object:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return made("v1", "PersistentVolumeClaim", name, spec=body)


def _reads(claim: str) -> Object:
    return pod(container(PASS), volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": claim}}])


def _class(name: str, **more: Any) -> Object:
    return made(
        "storage.k8s.io/v1", "StorageClass", name, **{"provisioner": "kubernetes.io/no-provisioner", **more}
    )


_CLASS, _VOLUME = "zonal-@NAMESPACE@", "disk-@NAMESPACE@"
_ZONAL = made("v1", "PersistentVolume", _VOLUME, spec={
    "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": _CLASS, "local": {"path": "/mnt/disk"},
    "nodeAffinity": {"required": {"nodeSelectorTerms": [_ZONE]}},
})  # fmt: skip
_GPU = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
_FILLS = pod(container(SLEEP, **asking(cpu="@CPU@", memory="@MEMORY@")), name="first", **OWN)

SCHEDULING = {
    "more-cpu-than-any-node": _waits("more CPU than any node", pod(container(PASS, **asking(cpu="4000"))), level="spec", next="--cpu|requests.cpu"),
    "more-memory-than-any-node": _waits("more memory than any node", pod(container(PASS, **asking(memory="900Ti"))), level="spec"),
    "more-disk-than-any-node": _waits("more disk than any node", pod(container(PASS, **asking(**{"ephemeral-storage": "900Pi"}))), level="spec"),
    "no-gpu-in-the-cluster": _waits("GPU", pod(container(PASS, **_GPU)), level="spec"),
    "selector-matches-nothing": _waits("labels", pod(container(PASS), nodeSelector={"disk": "nvme"}), level="spec"),
    "gpu-kind-missing": _waits("labels", pod(container(PASS), nodeSelector={"nvidia.com/gpu.product": "NVIDIA-H200"}), level="spec"),
    "host-port-taken": _waits(
        "hostPort", pod(container(SLEEP, **_HOST_PORT), name="first"), pod(container(SLEEP, **_HOST_PORT)), ask="pod/train"
    ),
    "anti-affinity": _waits(
        "anti-affinity", _labelled(pod(container(SLEEP), name="first"), "db"), pod(container(PASS), **_beside("podAntiAffinity", "db")), ask="pod/train"
    ),
    "node-named-that-is-none": Ending(
        "NodeUnknown", CONFIGURATION, "spec", (pod(container(PASS), nodeName="gpu-7"),), message="gpu-7 by name", next="leave spec.nodeName out", when='"nodeName":"gpu-7"',
    ),
    "affinity-to-nothing": _waits("pod affinity", pod(container(PASS), **_beside("podAffinity", "cache"))),
    "spread-constraints": _waits(
        "spread constraints",
        pod(container(PASS), topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "x"}}}]), level="spec",
    ),
    "scheduler-of-another-name": Ending(
        "Queued", "unknown", None, (pod(container(PASS), schedulerName="volcano"),), ask="pod/train", message="scheduler 'volcano'"
    ),
    "scheduler-silent": Ending(
        "SchedulerSilent", CONFIGURATION, "spec", (pod(container(PASS), schedulerName="vocalno"),), ask="pod/train", message="'vocalno'", slow=True
    ),
    "scheduling-gate": Ending(
        "SchedulingGated", CONFIGURATION, "cluster", (pod(container(PASS), schedulingGates=[{"name": "example.com/budget"}]),)
    ),
    "claim-of-a-missing-storage-class": Ending(
        "ClaimUnbound", CONFIGURATION, "spec", (_claim("dataset", storageClassName="fast-@NAMESPACE@"), _reads("dataset")), message="'dataset' has no volume yet"
    ),
    "claim-without-a-volume": Ending(
        "ClaimUnbound", CONFIGURATION, "cluster", (_class(_CLASS), _claim("dataset", storageClassName=_CLASS)), ask="pvc/dataset", kinds="pvc",
    ),
    "claim-waits-for-a-pod": Ending(
        "ClaimUnbound", CONFIGURATION, "cluster",
        (_class(_CLASS, volumeBindingMode="WaitForFirstConsumer"), _claim("dataset", storageClassName=_CLASS)), ask="pvc/dataset", message="when the first pod",
    ),
    "volume-in-another-zone": _waits(
        "zone", _class(_CLASS, volumeBindingMode="Immediate"), _ZONAL, _claim("dataset", storageClassName=_CLASS, volumeName=_VOLUME), _reads("dataset"), level="spec",
    ),
    "no-room-now": _waits("waits for", _FILLS, pod(container(PASS, **asking(cpu="@CPU@")), **OWN), ask="pod/train", node={}),
    "no-memory-now": _waits("waits for memory", _FILLS, pod(container(PASS, **asking(memory="@MEMORY@")), **OWN), ask="pod/train", node={}),
    "gpus-all-taken": _waits(
        "waits for GPUs", pod(container(SLEEP, **_GPU), name="first", **OWN), pod(container(PASS, **_GPU), **OWN), ask="pod/train", node={"gpus": 1}
    ),
    "taint-not-tolerated": _waits(
        "taint", pod(container(PASS), **OWN), level="spec", node={"taints": ["team=vision:NoSchedule"]}
    ),
    "node-cordoned": _waits("cordoned", pod(container(PASS), **OWN), node={"cordoned": True}, next="kubectl uncordon @NODE@"),
}  # fmt: skip
