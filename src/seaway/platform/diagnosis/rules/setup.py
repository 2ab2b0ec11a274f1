"""Containers that the node cannot set up: security settings, working folder, network, devices, runtime.

Source: the kubelet's and runc's messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import WATCH, again, kubectl
from seaway.platform.diagnosis.evidence import (
    brief,
    event_time,
    exit_code,
    from_event,
    last_event,
    main_container,
    pod_status,
    quote,
    waiting,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.rules.startup import start_failure

_NON_ROOT = re.compile(r"(?i)runAsNonRoot|image will run as root|non-numeric user")
_WORKDIR = re.compile(
    r"(?i)"
    r'chdir to cwd \("?(?P<path>[^")]+)"?\).*?: (?P<why>[\w ]+)|mkdir (?P<made>\S+): read-only file system'
)
_SUBPATH = re.compile(r'(?i)failed to prepare subPath for volumeMount "(?P<name>[^"]+)"|subPath')
_MOUNT = re.compile(
    r"(?i)error mounting .*(?:not a directory|no such file|Are you trying to mount a directory onto a file)"
)
_MEMORY = re.compile(r"(?i)container init was OOM-killed|memory limit too low|cannot allocate memory")
_GPU_RUNTIME = re.compile(
    r"(?i)nvidia-container-cli|libnvidia|nvidia-container-runtime|CDI device injection failed"
    r"|unresolvable CDI devices"
)
_RUNTIME_SLOW = re.compile(
    r"(?i)context deadline exceeded|failed to reserve container name|is reserved for"
    r"|code = (?:Unavailable|DeadlineExceeded)"
)
_ADDRESSES = re.compile(
    r"(?i)no (?:more )?(?:available )?ip|failed to assign an ip address|failed to allocate for range"
    r"|no IP addresses available|insufficient IP|IPAM.*exhausted"
)


def non_root(facts: Facts) -> Finding | None:
    """Find an image that runs as root where only other users may run."""
    found = waiting(facts)
    message = str(found.get("message") or "")
    if found.get("reason") != "CreateContainerConfigError" or not _NON_ROOT.search(message):
        return None
    image = main_container(facts).get("image", "?")
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "RunsAsRoot",
        wording("the image {image!r} runs as root, and the pod says {setting}", image=image, setting="runAsNonRoot"), _waits(facts, message),
        next_step=wording("set {field} to a number other than 0 (such as 1000), then: {command}", field="securityContext.runAsUser", command=again(facts)),
    )  # fmt: skip


def working_folder(facts: Facts) -> Finding | None:
    """Find a working folder that the image does not have."""
    message, evidence = start_failure(facts)
    found = _WORKDIR.search(message)
    if found is None:
        return None
    why, folder = str(found["why"]).lower(), found["path"] or found["made"]
    if "not a directory" in why:
        said = wording("its working folder {folder!r} is no folder in the image", folder=folder)
    elif "permission" in why:
        said = wording("its working folder {folder!r} may not be entered by its user", folder=folder)
    else:
        said = wording("its working folder {folder!r} is not in the image", folder=folder)
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "WorkingFolder", said, evidence, exit_code=exit_code(facts),
        next_step=wording("correct {field}, then: {command}", field="workingDir", command=again(facts)),
    )  # fmt: skip


def mount_point(facts: Facts) -> Finding | None:
    """Find a volume that cannot be mounted where the container wants it."""
    message, evidence = start_failure(facts)
    text = message or str(waiting(facts).get("message") or "")
    if not (
        _MOUNT.search(text)
        or (_SUBPATH.search(text) and waiting(facts).get("reason") == "CreateContainerConfigError")
    ):
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "MountPoint",
        wording("a volume does not fit where it is to be mounted: {message}", message=brief(facts, text)), evidence or _waits(facts, text),
        next_step=wording("correct {field} and {other}, then: {command}", field="mountPath", other="subPath", command=again(facts)),
    )  # fmt: skip


def init_out_of_memory(facts: Facts) -> Finding | None:
    """Find a memory limit that is too small even to start the container."""
    message, evidence = start_failure(facts)
    if not _MEMORY.search(message):
        return None
    return Finding(
        Level.CONTAINER, VerdictClass.RESOURCE, "OOMKilled",
        wording("its memory limit is too small even to start the container"), evidence, next_step=again(facts, "--memory", "256Mi"), exit_code=exit_code(facts),
    )  # fmt: skip


def gpu_runtime(facts: Facts) -> Finding | None:
    """Find a node whose GPU driver or runtime does not start containers."""
    message, evidence = start_failure(facts)
    if not _GPU_RUNTIME.search(message):
        return None
    node = ((facts.pod or {}).get("spec") or {}).get("nodeName") or "NODE"
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "GpuRuntime",
        wording("the GPU driver of its node could not be brought into the container"), evidence, retry=True, permanent=False,
        next_step=wording("have the node's driver repaired ({command} meanwhile); it can run elsewhere", command=f"kubectl cordon {node}"),
    )  # fmt: skip


def runtime_slow(facts: Facts) -> Finding | None:
    """Find a node whose container runtime does not get containers started in time."""
    message, evidence = start_failure(facts)
    if facts.made is None or not _RUNTIME_SLOW.search(message):
        return None
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "RuntimeSlow",
        wording("its node's container runtime did not start it in time: the node or its disk is overloaded"), evidence,
        next_step=wording("nothing to do: the node tries again; have the node looked at if it goes on"), retry=True, permanent=False,
    )  # fmt: skip


def forbidden_by_node(facts: Facts) -> Finding | None:
    """Find security settings (AppArmor, seccomp, capabilities) that the node does not have or refuses."""
    message, evidence = start_failure(facts)
    reason = pod_status(facts).get("reason")
    text = message or (
        str(pod_status(facts).get("message") or "") if reason in ("AppArmor", "SysctlForbidden") else ""
    )
    if not text or not (
        reason in ("AppArmor", "SysctlForbidden") or re.search(r"(?i)apparmor|seccomp", text)
    ):
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "SecuritySettings",
        wording("its node cannot give it the security settings that it asks for: {message}", message=brief(facts, text)),
        evidence or (quote(facts, "pod status", f"{reason}: {text}"),),
        next_step=wording("correct {field}, then: {command}", field="securityContext", command=again(facts)),
    )  # fmt: skip


def no_address(facts: Facts) -> Finding | None:
    """Find a pod for which the network has no address left."""
    event = _sandbox(facts)
    if event is None or not _ADDRESSES.search(str(event.get("message"))):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "NoAddress",
        wording("the cluster's network has no address left for it on its node"), from_event(facts, event), retry=True, permanent=False,
        next_step=wording("have the network's range widened, or let pods end: {command}", command=kubectl(facts, "kubectl get pods -A -o wide")),
    )  # fmt: skip


def sandbox_failed(facts: Facts) -> Finding | None:
    """Find a pod whose network or sandbox its node cannot set up."""
    event = _sandbox(facts)
    if event is None:
        return None
    message = str(event.get("message"))
    if handler := re.search(
        r'no runtime for "(?P<name>[^"]+)" is configured|RuntimeHandler "(?P<b>[^"]+)" not supported|unknown runtime handler "?(?P<c>[\w-]+)',
        message,
    ):
        name = next(filter(None, handler.groups()))
        return Finding(
            Level.NODE, VerdictClass.CONFIGURATION, "RuntimeMissing",
            wording("its node has no container runtime {name!r}, which its {field} asks for", name=name, field="runtimeClassName"), from_event(facts, event),
            next_step=wording("let it run on nodes that have it (GPU nodes for nvidia), or leave {field} out: {command}", field="runtimeClassName", command="kubectl get runtimeclass"),
            permanent=False,
        )  # fmt: skip
    if absent := re.search(
        r'cannot find a network-attachment-definition \((?P<name>[^)]+)\)|network-attachment-definitions\S* "(?P<b>[^"]+)" not found',
        message,
    ):
        name = next(filter(None, absent.groups()))
        return Finding(
            Level.SPEC, VerdictClass.CONFIGURATION, "NetworkMissing",
            wording("the additional network {name!r} that it asks for does not exist in its namespace", name=name), from_event(facts, event),
            next_step=wording("correct the annotation {annotation}: {command}", annotation="k8s.v1.cni.cncf.io/networks", command=kubectl(facts, "kubectl get network-attachment-definitions")),
            permanent=False,
        )  # fmt: skip
    network = re.search(r"(?i)network|cni|plugin type", message)
    said = (
        wording("its node cannot connect it to the network (CNI)")
        if network
        else wording("its node's container runtime cannot set up its sandbox")
    )
    node = ((facts.pod or {}).get("spec") or {}).get("nodeName") or "NODE"
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "SandboxFailed", said, from_event(facts, event), retry=True, permanent=False,
        next_step=wording("{command}; it can run on another node", command=f"kubectl get pods -n kube-system -o wide --field-selector spec.nodeName={node}"),
    )  # fmt: skip


def _sandbox(facts: Facts) -> Mapping[str, Any] | None:
    """Return the event about a sandbox that is not there yet."""
    event = last_event(facts, "FailedCreatePodSandBox", "NetworkNotReady")
    if event is None or not facts.waiting or pod_status(facts).get("phase", "Pending") != "Pending":
        return None
    later = last_event(facts, "Created", "Started", "Pulled")
    if later is not None and (event_time(later) or "") > (event_time(event) or ""):
        return None
    return event


def device_lost(facts: Facts) -> Finding | None:
    """Find a pod that its node turned away because a device that it was promised is not there."""
    status = pod_status(facts)
    if status.get("reason") != "UnexpectedAdmissionError":
        return None
    device = re.search(r"[\w-]+(?:\.[\w-]+)*/[\w-]+(?:\.[\w-]+)*", str(status.get("message") or ""))
    said = wording("its node could not give it the devices that it was promised: the device plugin had fewer healthy ones than it said")  # fmt: skip
    if device and "gpu" in device.group():
        said = wording(
            "its node could not give it the devices that it was promised ({device}): the device plugin had fewer healthy ones than it said",
            device=device.group(),
        )
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeRejected", said,
        (quote(facts, "pod status", f"UnexpectedAdmissionError: {status.get('message', '')}", status.get("startTime")),),
        next_step=WATCH, retry=True,
    )  # fmt: skip


def _waits(facts: Facts, text: str) -> tuple[Any, ...]:
    event = last_event(facts, "Failed")
    return (quote(facts, "pod status", text, event_time(event) if event else None),)
