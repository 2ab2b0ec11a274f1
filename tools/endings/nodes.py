"""What nodes and the cluster do to pods: pressure, drains, preemption, nodes that are lost, a registry that is out."""

from __future__ import annotations

from typing import Any

from tools.endings.ending import (
    CONFIGURATION,
    INFRASTRUCTURE,
    OWN,
    PASS,
    SLEEP,
    SLOW_END,
    USER,
    Ending,
    Object,
    asking,
    container,
    job,
    made,
    pod,
)  # fmt: skip

_UNREACHABLE = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
_LEAVES: Object = {
    "tolerations": [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
        for key in _UNREACHABLE
    ]
}
_STAYS: Object = {
    "tolerations": [{"key": key, "operator": "Exists", "effect": "NoExecute"} for key in _UNREACHABLE]
}
_URGENT = made("scheduling.k8s.io/v1", "PriorityClass", "urgent-@NAMESPACE@", value=1000000)
_SAVES: Object = {"terminationGracePeriodSeconds": 60, **OWN}
_GPU: Object = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
_LATER = ("run", "later", "--image=python", "--restart=Never", "--", "sleep", "33")
"""Tells how late it is: a dump knows no other time than those in it."""
_PRESSED = '"status":"True","type":"%sPressure"'
_SILENT = '"status":"Unknown","type":"Ready"'


def _evicted(kind: Any, what: str) -> Ending:
    body = pod(container(SLEEP), **OWN)
    return Ending(
        "Evicted",
        INFRASTRUCTURE,
        "node",
        (body,),
        retry=True,
        message=what,
        provoke=kind,
        node={},
        ask="pod/train",
    )


def _own_node(cause: str, **more: Any) -> Ending:
    return Ending(
        cause,
        **{
            "class_": INFRASTRUCTURE,
            "level": "node",
            "objects": (),
            "ask": "node/@NODE@",
            "when": "",
            "node": {},
            **more,
        },
    )


NODES = {
    "evicted-memory-pressure": _evicted("memory", "short of memory"),
    "evicted-disk-pressure": _evicted("disk", "short of disk space"),
    "evicted-pid-pressure": _evicted("pid", "process numbers"),
    "rejected-by-a-node-under-pressure": Ending(
        "Evicted", INFRASTRUCTURE, "node", (), retry=True, message="short of memory", when="", provoke="memory", node={}, ask="pod/train",
        after=_PRESSED % "Memory", then=(("run", "train", "--image=python", "--restart=Never", '--overrides={"spec":{"nodeName":"@NODE@"}}', "--", "true"),),
    ),
    "preempted": Ending(
        "Preempted", INFRASTRUCTURE, "cluster", (_URGENT, pod(container(SLOW_END, **asking(cpu="@CPU@")), **_SAVES)), retry=True, node={}, ask="pod/train",
        then=(("run", "urgent", "--image=python", "--restart=Never",
               '--overrides={"spec":{"priorityClassName":"urgent-@NAMESPACE@","nodeSelector":{"kubernetes.io/hostname":"@NODE@"},"containers":[{"name":"urgent","image":"python","command":["true"],"resources":{"requests":{"cpu":"@CPU@"}}}]}}'),),
    ),
    "drained": Ending(
        "Evicted", INFRASTRUCTURE, "cluster", (pod(container(SLOW_END), **_SAVES),), retry=True, node={}, ask="pod/train",
        then=(("drain", "@NODE@", "--force", "--ignore-daemonsets", "--timeout=1s"),),
    ),
    "node-lost": Ending(
        "NodeLost", INFRASTRUCTURE, "node", (pod(container(SLEEP), **OWN, **_LEAVES),), retry=True, provoke="kill", node={}, ask="pod/train", message="taken off it",
    ),
    "node-silent": Ending(
        "NodeLost", INFRASTRUCTURE, "node", (pod(container(SLEEP), **OWN, **_STAYS),), retry=True, provoke="kill", node={}, ask="pod/train", message="does not answer"
    ),
    "terminating-on-a-silent-node": Ending(
        "NodeLost", INFRASTRUCTURE, "node", (pod(container(SLEEP), **OWN, **_STAYS),), retry=True, provoke="kill", node={}, ask="pod/train",
        after=_SILENT, then=(("delete", "pod", "train", "--wait=false"), _LATER), message="deletion cannot finish", slow=True,
    ),
    "node-removed": Ending(
        "NodeLost", INFRASTRUCTURE, "node", (pod(container(SLEEP), **OWN, **_STAYS),), retry=True, provoke="kill", node={}, ask="pod/train",
        after=_SILENT, then=(("delete", "node", "@NODE@"),), message="no longer in the cluster|its node is gone",
    ),
    "spot-node-taken-back": Ending(
        "SpotReclaimed", INFRASTRUCTURE, "node", (pod(container(SLEEP), **OWN, **_LEAVES),), retry=True, provoke="kill", ask="pod/train",
        node={"labels": {"karpenter.sh/capacity-type": "spot"}},
    ),
    "container-gone-when-its-node-was-back": Ending(
        "ContainerLost", INFRASTRUCTURE, "node", (pod(container(SLEEP), **OWN, **_STAYS),), retry=True, provoke="kill and restore", node={}, only="embedded",
        why_only="the containers of a node of Seaway's outlive its process, and the machine of the tests keeps its power",
    ),
    "registry-down": Ending(
        "ImagePull", INFRASTRUCTURE, "cluster", (pod(container(SLEEP), name="first", **OWN),), retry=True, provoke="registry", node={}, ask="pod/train",
        then=(("run", "train", "--image=python:3.12", "--restart=Never", '--overrides={"spec":{"nodeSelector":{"kubernetes.io/hostname":"@NODE@"}}}', "--", "true"),),
    ),
    "gpu-promised-twice": Ending(
        "NodeRejected", INFRASTRUCTURE, "node",
        (pod(container(SLEEP, **_GPU), name="first", nodeName="@NODE@"), pod(container(PASS, **_GPU), nodeName="@NODE@")),
        retry=True, node={"gpus": 1}, ask="pod/train", message="could not give it the devices",
    ),
    "gpu-unused": Ending(
        "GpuUnused", USER, "code",
        (pod(container("import time; print('CUDA available: False', flush=True); time.sleep(600)", resources={"limits": {"nvidia.com/gpu": "1"}}), **OWN),),
        node={"gpus": 1}, ask="pod/train", played="the GPU is pretended; the program says itself that it found none",
    ),
    "gpu-not-usable": Ending(
        "GpuNotUsable", CONFIGURATION, "container",
        (job(container("raise RuntimeError('No CUDA GPUs are available')", resources={"limits": {"nvidia.com/gpu": "1"}}), pod_spec=OWN),),
        node={"gpus": 1}, played="the GPU is pretended; the program says the library's words",
    ),
    "node-alone-cordoned": _own_node("NodeCordoned", class_=CONFIGURATION, node={"cordoned": True}, next="kubectl uncordon @NODE@"),
    "node-alone-under-disk-pressure": _own_node("DiskPressure", provoke="disk"),
    "node-alone-silent": _own_node("NodeNotReady", provoke="kill", message="does not answer"),
    "node-alone-well": _own_node("Running", class_="unknown", level=None),
}  # fmt: skip
