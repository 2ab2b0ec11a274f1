"""What a node may be told. Everything here is a parameter: nothing is read from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.controlplane.node.cacheplan import CacheSettings
from seaway.controlplane.node.eviction import Thresholds


@dataclass(frozen=True, slots=True)
class ImageEnvironment:
    """What an image name stands for on this machine."""

    path: tuple[str, ...] = ()
    """Folders put before the standard ones in PATH."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that the image brings; a pod's own win."""
    visible: tuple[str, ...] = ()
    """Host folders that must stay visible in the container although they lie below /tmp or a hidden folder."""


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """How a node that joins another control plane serves its API server: the kubelet's port."""

    client_ca: Path
    """Authority of the callers' certificates (PEM)."""
    port: int = 0
    """TCP port on the node's address; 0: any free one. The Node's status says which."""
    certificate: Path | None = None
    """What is shown to callers (PEM), with `key`. None: one is asked for (signer kubernetes.io/kubelet-serving) and,
    until somebody approves it, one that the node signs itself is shown."""
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How one node is run."""

    name: str
    """The Node's name; a DNS subdomain."""
    folder: Path
    """Where the node keeps its containers and the fork server's socket; made with mode 0700."""
    images: Mapping[str, ImageEnvironment] | None = None
    """Image name (a trailing * matches any ending) to environment. None: `images.default_images()`."""
    hidden: tuple[str, ...] = ()
    """Folders and files that no container may see (the home of Seaway with its keys and databases)."""
    network_env: Mapping[str, str] = field(default_factory=dict)
    """Proxy, certificate and package index variables of the host that every container gets (HTTPS_PROXY, SSL_CERT_FILE, UV_INDEX_URL ...)."""
    addresses: str = "127.66.0.0/16"
    """The node's loopback range: the first address is its own, the others are pod addresses."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Further labels of the Node."""
    max_pods: int = 1000
    """Pods that the node takes (kubelet: 110; its limit comes from bridges and address ranges that we do not have)."""
    reserved_memory: int = 256 << 20
    """Bytes of memory not offered to pods."""
    exclusive_cpus: bool = False
    """Containers of Guaranteed pods that ask for whole CPUs have them for themselves (kubelet: cpuManagerPolicy static)."""
    reserved_cpus: int = 1
    """Then so many CPUs stay with the others, and are not offered to pods."""
    pretend_gpus: int | None = None
    """Offer so many GPUs that are not there, for learning and tests. None: those that NVML finds."""
    pretend_gpu_model: str = "pretended"
    """What those are said to be, as in the label nvidia.com/gpu.product."""
    log_max_bytes: int = 50 << 20
    """A container's log file is rotated beyond this size."""
    log_max_files: int = 5
    """How many log files are kept of one container, the current one included."""
    report_after: float = 0.2
    """Seconds that a container which runs to an end may take before it is reported as running: one that has ended by then needs no report of its own for that."""
    farewell_seconds: float = 2.0
    """For how long a pod that ended is left without a word on its deletion: whoever held it mostly lets it go at once."""
    heartbeat_seconds: float = 10.0
    """The node's Lease is renewed this often (kubelet: 10)."""
    status_seconds: float = 60.0
    """The node's conditions are written this often where nothing changed (kubelet: 300)."""
    refresh_seconds: float = 10.0
    """ConfigMap, Secret and downward API volumes are brought up to date this often (kubelet: 60)."""
    pressure_seconds: float = 10.0
    """What the machine has left is looked at this often, and while it is too little one pod is evicted each time (kubelet: 10)."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """Below these the node is under pressure."""
    cache: CacheSettings | None = None
    """What pods of this machine have in common, and of which the node lets go; None: nothing."""
    measure_seconds: float = 10.0
    """Local storage of pods that have a limit is measured this often."""
    backoff_initial: float = 10.0
    """Seconds before the first restart of a container that failed."""
    backoff_cap: float = 300.0
    """Longest wait before a restart, and the run time after which the wait starts anew is twice this."""
    api_host: str = ""
    """Set as KUBERNETES_SERVICE_HOST in every container; empty: not set."""
    api_port: int = 0
    serving: ServingSettings | None = None
    """None: no server, as for the embedded cluster, whose API server reaches its nodes in its own process."""
    namespaces: bool = True
    """False: never use Linux namespaces, even where the kernel allows (tests of the plain mode)."""
