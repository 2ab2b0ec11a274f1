"""Programs on GPUs: GPUs that are not there, not usable or broken, and replicas that lose each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.evidence import (
    asks_gpu,
    event_time,
    exit_code,
    from_end,
    from_event,
    moment,
    terminated,
)
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.spoken import of_surroundings, said, spoken
from seaway.platform.diagnosis.tracebacks import exception

_NO_GPU = re.compile(
    r"(?i)no cuda gpus are available|found no nvidia driver|cuda driver version is insufficient"
    r"|no cuda-capable device|libcuda\.so\.1: cannot open|torch not compiled with cuda|cuda unavailable"
    r"|CUDA_ERROR_NO_DEVICE|could not find any nv?idia gpu|nvml: driver not loaded"
    r"|Attempting to deserialize object on a CUDA device but torch\.cuda\.is_available\(\) is False"
    r"|requested cuda, but no gpu|No GPU found|No supported gpu backend found|Unable to initialize backend '(?:cuda|gpu)'|no supported devices found for platform CUDA|Must have at least one device|libcudart\.so\S*: cannot open"
    r"|NVIDIA driver on your system is too old|CUDA_ERROR_(?:SYSTEM_DRIVER_MISMATCH|UNSUPPORTED_PTX_VERSION)"
    r"|forward compatibility was attempted on non supported HW|driver/library version mismatch"
)
_GPU_BROKEN = re.compile(
    r"(?i)"
    r"cuda error: (?:uncorrectable ecc|unspecified launch failure|an illegal memory access|device-side assert)"
    r"|\bXid\b|fallen off the bus|uncorrectable ECC error|CUDA_ERROR_ECC"
)
_FATAL = re.compile(
    r"Xid[^:]*: *\S* *(?:48|63|64|74|79|94|95|119)\b|fallen off the bus|uncorrectable ECC|CUDA_ERROR_ECC"
)
"""Xids of the device itself; 13, 31, 43 and 45 are the program's own."""
_NEAR = 300
"""Seconds between what a node says of its GPU and the end of the program."""
_DEVICE_ASSERT = re.compile(r"(?i)device-side assert triggered|CUDA_ERROR_ASSERT")
_KERNEL = re.compile(r"(?i)no kernel image is available for execution on the device")
_PEERS = re.compile(
    r"(?i)"
    r"watchdog caught collective operation timeout|NCCL (?:error|timeout)|DistBackendError|ncclRemoteError"
    r"|ncclSystemError|connection closed by (?:remote )?peer|ProcessGroupNCCL.{0,80}timeout"
    r"|gloo.{0,120}(?:connection|timed out|reset)|RendezvousTimeoutError|RendezvousConnectionError"
    r"|horovod has been shut down|socket timeout.{0,40}store|Timed out initializing process group"
    r"|DistStoreError|recvValue failed|Broken pipe.*TCPStore|MPI_ABORT"
)


def no_gpu(facts: Facts) -> Finding | None:
    """Find a program that needs a GPU, in a container that has none."""
    line = said(facts, _NO_GPU)
    if not line:
        return None
    if asks_gpu(facts):
        return spoken(
            facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION, "GpuNotUsable", _unusable(line),
            wording("use an image whose CUDA fits the node's driver: {command}", command=again(facts, "--image", "IMAGE")),
        )  # fmt: skip
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "NoGpu", wording("it needs a GPU and did not ask for one"),
        wording("ask for one: {command}", command=again(facts, "--gpu", "1")),
    )  # fmt: skip


def _unusable(line: str) -> str:
    """Return that a GPU cannot be used, with the library that a line of the log says is missing."""
    found = re.search(r"lib\w+\.so[\w.]*", line)
    if found is None:
        return wording("it was given a GPU that its image cannot use: CUDA or the driver do not fit")
    return wording(
        "it was given a GPU that its image cannot use: CUDA or the driver do not fit ({library} is missing)",
        library=found.group(),
    )


def device_assertion(facts: Facts) -> Finding | None:
    """Find a kernel on the GPU that met an index or a value which it does not take: a label, a token, a target."""
    line = said(facts, _DEVICE_ASSERT)
    if not line:
        return None
    found = exception(facts)
    return spoken(
        facts, line, Level.CODE, VerdictClass.USER, "DeviceAssertion",
        wording(
            "code on the GPU met an index or value out of range{place}, most often a label or token that the model has no room for",
            place=found.at if found else "",
        ),
        wording("find the place: {command}", command=again(facts, "--env", "CUDA_LAUNCH_BLOCKING=1")),
    )  # fmt: skip


def gpu_kernel_missing(facts: Facts) -> Finding | None:
    """Find a library that was not built for this kind of GPU."""
    line = said(facts, _KERNEL)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "GpuKindUnsupported",
        wording("its libraries were not built for this kind of GPU"),
        wording("use a build for it, or another kind of GPU: {command}", command=again(facts, "--image", "IMAGE")),
    )  # fmt: skip


def gpu_broken(facts: Facts) -> Finding | None:
    """Find a GPU that the driver calls broken."""
    line = said(facts, _GPU_BROKEN)
    if (told := _node_says(facts)) is not None:
        return Finding(
            Level.NODE, VerdictClass.INFRASTRUCTURE, "GpuBroken", wording("the GPU of its node failed while it ran"),
            (*from_event(facts, told), *from_end(facts)), next_step=_out_of_use("NODE"), retry=True, exit_code=exit_code(facts),
        )  # fmt: skip
    if (
        not line
        or "device-side assert" in line
        or "illegal memory access" in line
        or "unspecified launch" in line
    ):
        return None
    return spoken(
        facts, line, Level.NODE, of_surroundings(facts), "GpuBroken", wording("the GPU of its node is faulty"),
        _out_of_use(((facts.pod or {}).get("spec") or {}).get("nodeName") or "NODE"), retry=True,
    )  # fmt: skip


def _out_of_use(node: str) -> str:
    command = f"kubectl cordon {node}"
    return wording("have the node taken out of use ({command}); it can run elsewhere", command=command)


def _node_says(facts: Facts) -> Mapping[str, Any] | None:
    """Return the node's event about a GPU that failed when the program did, None where there is none."""
    ended = moment((terminated(facts) or {}).get("finishedAt"))
    if facts.made is None or not exit_code(facts) or ended is None or not asks_gpu(facts):
        return None
    for event in reversed(facts.node_events):
        at = moment(event_time(event))
        near = at is not None and abs((at - ended).total_seconds()) < _NEAR
        if near and _FATAL.search(f"{event.get('reason')} {event.get('message')}"):
            return dict(event)
    return None


def peer_lost(facts: Facts) -> Finding | None:
    """Find a replica that gave up because another did not answer any more."""
    line, found = said(facts, _PEERS), exception(facts)
    if not line or (found is not None and not found.is_consequence and not _PEERS.search(found.line)):
        return None  # a worker of this very pod failed by itself: the others only noticed
    return spoken(
        facts, line, Level.CLUSTER, of_surroundings(facts), "PeerLost",
        wording("it lost another replica of the distributed job: the replica that failed first is the cause, not this one"),
        wording("see how the other replicas ended, and the first of them: {command}", command=_peers(facts)), retry=True,
    )  # fmt: skip


_WORKER_DIED = re.compile(r"(?:ActorDiedError|RayActorError|WorkerCrashedError|ActorUnavailableError)\b")
_NODE_DIED = re.compile(
    r"(?i)node (?:it was running on|that the actor was running on|is) .{0,40}(?:dead|unavailable|died|preempted)|NodeDiedError"
)


def worker_died(facts: Facts) -> Finding | None:
    """Find a driver that gave up because one of its workers, mostly in another pod, died of what it does not know."""
    line = said(facts, _WORKER_DIED)
    if not line:
        return None
    if told := said(facts, _NODE_DIED):
        return spoken(
            facts, told, Level.NODE, of_surroundings(facts), "NodeLost", wording("the node of one of its workers was lost"),
            wording("see which: {listing}; then: {command}", listing=_peers(facts), command=again(facts)), retry=True,
        )  # fmt: skip
    return spoken(
        facts, line, None, VerdictClass.UNKNOWN if facts.made else VerdictClass.USER, "WorkerDied",
        wording("one of its worker processes died, and this log does not say of what"),
        wording("see how the workers' pods ended (out of memory?): {command}", command=_peers(facts)),
    )  # fmt: skip


def _peers(facts: Facts) -> str:
    return kubectl(facts, "kubectl get pods --sort-by=.status.startTime", "seaway logs {run}")
