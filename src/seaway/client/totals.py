"""What a node has used since it started and holds now, and how Prometheus is told of it: by the node alone, never by pod.

The names are the kubelet's where it has one (https://kubernetes.io/docs/reference/instrumentation/node-metrics/), and for file
systems node_exporter's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seaway.base.measures import Counter, Gauge, Measure

_NODE = ("node",)


@dataclass(frozen=True, slots=True)
class NodeTotals:
    """One node."""

    name: str
    cpu_seconds: float
    """Of all cores since the machine started."""
    memory: int
    """Bytes in use that cannot be given up at once."""
    pods: int
    """Those that have not ended."""
    containers: int
    """Those that run."""
    disk_size: int
    """Bytes of the file system that the node's files lie on."""
    disk_free: int
    """Bytes of it that may still be written."""
    files: int
    """Files that there may be on it; 0 where it has no such limit."""
    files_free: int


def node_measures(nodes: Iterable[NodeTotals]) -> list[Measure]:
    """Return what Prometheus is told of nodes."""
    cpu = Counter("node_cpu_usage_seconds", "CPU time of the machine, in core-seconds.", _NODE)
    memory = Gauge("node_memory_working_set_bytes", "Memory of the machine that is in use.", _NODE)
    pods = Gauge("kubelet_running_pods", "Pods on the node that have not ended.", _NODE)
    containers = Gauge(
        "kubelet_running_containers", "Containers on the node that run.", ("node", "container_state")
    )
    size = Gauge("node_filesystem_size_bytes", "Size of the file system of the node's files.", _NODE)
    free = Gauge("node_filesystem_avail_bytes", "What may still be written there.", _NODE)
    files = Gauge("node_filesystem_files", "Files that there may be there.", _NODE)
    files_free = Gauge("node_filesystem_files_free", "Files that may still be made there.", _NODE)
    for node in nodes:
        cpu.add(node.name, amount=node.cpu_seconds)
        memory.put(node.name, value=node.memory)
        pods.put(node.name, value=node.pods)
        containers.put(node.name, "running", value=node.containers)
        size.put(node.name, value=node.disk_size)
        free.put(node.name, value=node.disk_free)
        files.put(node.name, value=node.files)
        files_free.put(node.name, value=node.files_free)
    return [cpu, memory, pods, containers, size, free, files, files_free]
