"""A pod's status from the states of its containers: pure.

Source: Kubernetes documentation, "Pod Lifecycle"; `getPhase` and `convertStatusToAPIStatus` of the kubelet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import rfc3339
from seaway.controlplane.node.plan import is_main, restarts
from seaway.controlplane.node.state import ContainerState, Exit, Object, PodState, Running, container_specs
from seaway.objects.quantity import parse_quantity

RUNTIME = "seaway"
_OWN = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


@dataclass(frozen=True, slots=True)
class Now:
    """What the status needs to know of the node and the time."""

    time: float
    """Seconds since the epoch."""
    host_ip: str = ""
    ended: bool = False
    """The node has ended the pod: nothing of it runs or will run."""
    began: float | None = None
    """When the node began with the pod; None for now."""


def container_id(pod_uid: str, name: str, attempt: int) -> str:
    """Return the id of one attempt of a container, as its status shows it."""
    return f"{RUNTIME}://{pod_uid}.{name}.{attempt}"


def qos_class(pod: Mapping[str, Any]) -> str:
    """Return Guaranteed, Burstable or BestEffort."""
    guaranteed, any_set = True, False
    for container in container_specs(pod).values():
        resources = container.get("resources") or {}
        limits = {k: v for k, v in (resources.get("limits") or {}).items() if k in {"cpu", "memory"}}
        requests = {k: v for k, v in (resources.get("requests") or {}).items() if k in {"cpu", "memory"}}
        any_set = any_set or bool(limits or requests)
        same = all(parse_quantity(requests.get(k, v)) == parse_quantity(v) for k, v in limits.items())
        guaranteed = guaranteed and set(limits) == {"cpu", "memory"} and same
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def initialized(state: PodState) -> bool:
    """Tell whether every init container is done (a sidecar: has started)."""
    return not _uninitialized(state)


def _uninitialized(state: PodState) -> list[str]:
    inits = [c for c in state.containers.values() if c.init]
    return [
        c.name
        for c in inits
        if not (c.started and c.running if c.sidecar else c.exit is not None and c.exit.exit_code == 0)
    ]


def phase(pod: Mapping[str, Any], state: PodState, *, ended: bool = False) -> str:
    """Return the pod's phase."""
    if state.failed and not any(c.running for c in state.containers.values()):
        return "Failed"
    policy = pod["spec"].get("restartPolicy", "Always")
    mains = [c for c in state.containers.values() if is_main(c)]
    inits = [c for c in state.containers.values() if c.init and not c.sidecar]
    if any(c.running for c in mains):
        return "Running"
    exits = [c.exit for c in mains if c.exit]
    if len(exits) < len(mains) and not ended:
        if any(c.exit and c.exit.exit_code and not restarts(c, c.exit) for c in inits):
            return "Failed"
        return "Running" if exits and policy == "Always" else "Pending"
    if any(c.running for c in state.containers.values() if not c.ephemeral):
        return "Running"
    succeeded = len(exits) == len(mains) and all(e.exit_code == 0 for e in exits)
    if ended:
        return "Succeeded" if succeeded else "Failed"
    if any(c.exit and restarts(c, c.exit) for c in mains):
        return "Running"
    return "Succeeded" if succeeded else "Failed"


def pod_status(pod: Mapping[str, Any], state: PodState, now: Now) -> Object:
    """Return the whole status of a pod; conditions and times of the status that it has are kept where they did not change."""
    old = pod.get("status") or {}
    specs = container_specs(pod)
    current = phase(pod, state, ended=now.ended)
    done = initialized(state) or any(c.attempt >= 0 for c in state.containers.values() if is_main(c))
    wait = ("PodInitializing" if any(c.init for c in state.containers.values()) else "ContainerCreating", "")
    uid = pod["metadata"]["uid"]
    statuses = {
        name: _container_status(
            uid, specs[name], c, wait if not c.init or c.attempt < 0 else ("ContainerCreating", "")
        )
        for name, c in state.containers.items()
    }
    result: Object = {
        "phase": current,
        "conditions": _conditions(pod, state, current, done, now),
        "startTime": old.get("startTime") or rfc3339(now.time if now.began is None else now.began),
        "qosClass": old.get("qosClass") or qos_class(pod),
        "hostIP": now.host_ip,
        "hostIPs": [{"ip": now.host_ip}],
    }
    if generation := pod["metadata"].get("generation"):
        result["observedGeneration"] = generation
    if state.ip:
        result |= {"podIP": state.ip, "podIPs": [{"ip": state.ip}]}
    inits = [s for n, s in statuses.items() if state.containers[n].init]
    if inits:
        result["initContainerStatuses"] = inits
    result["containerStatuses"] = [s for n, s in statuses.items() if is_main(state.containers[n])]
    if added := [s for n, s in statuses.items() if state.containers[n].ephemeral]:
        result["ephemeralContainerStatuses"] = added
    if state.failed:
        result |= {"reason": state.failed[0], "message": state.failed[1]}
    return result


def _container_status(uid: str, spec: Object, c: ContainerState, wait: tuple[str, str]) -> Object:
    image = spec.get("image", "")
    status: Object = {
        "name": c.name,
        "image": image,
        "imageID": f"{RUNTIME}://{image}" if c.attempt >= 0 else "",
        "ready": _ready(c),
        "started": c.running and c.started,
        "restartCount": max(c.attempt, 0),
        "state": _state(uid, c, wait),
        "lastState": {},
    }
    if c.ephemeral:
        del status["started"]
    if c.attempt >= 0:
        status["containerID"] = container_id(uid, c.name, c.attempt)
        status["resources"] = spec.get("resources") or {}
        if requests := status["resources"].get("requests"):
            status["allocatedResources"] = requests
    if mounts := spec.get("volumeMounts"):
        status["volumeMounts"] = [_mount_status(mount) for mount in mounts]
    last = (c.current, c.attempt) if c.waiting and c.exit else (c.previous, c.attempt - 1)
    if isinstance(last[0], Exit):
        status["lastState"] = {"terminated": _terminated(uid, c.name, last[1], last[0])}
    return status


def _mount_status(mount: Object) -> Object:
    status = {"name": mount["name"], "mountPath": mount["mountPath"]}
    return status | ({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else {})


def _ready(c: ContainerState) -> bool:
    if c.ephemeral:
        return False
    if c.init and not c.sidecar:
        return c.exit is not None and c.exit.exit_code == 0
    return c.running and c.started and c.ready


def _state(uid: str, c: ContainerState, wait: tuple[str, str]) -> Object:
    if isinstance(c.current, Running):
        return {"running": {"startedAt": rfc3339(c.current.started_ns / 1e9)}}
    if c.exit and not c.waiting:
        return {"terminated": _terminated(uid, c.name, c.attempt, c.exit)}
    reason, message = c.waiting or wait
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def _terminated(uid: str, name: str, attempt: int, end: Exit) -> Object:
    found: Object = {
        "exitCode": end.exit_code,
        "reason": end.word,
        "startedAt": rfc3339(end.started_ns / 1e9) if end.started_ns else "1970-01-01T00:00:00Z",
        "finishedAt": rfc3339(end.finished_ns / 1e9),
        "containerID": container_id(uid, name, attempt),
    }
    if end.signal:
        found["signal"] = end.signal
    message = end.error or end.message
    return found | ({"message": message} if message else {})


def _conditions(pod: Mapping[str, Any], state: PodState, current: str, done: bool, now: Now) -> list[Object]:
    mains = [c for c in state.containers.values() if is_main(c) or c.sidecar]
    unready = [c.name for c in mains if not _ready(c)]
    finished = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(current, "")
    complaint = f"containers with unready status: [{' '.join(unready)}]"
    ready = (
        ("False", finished, "")
        if finished
        else ("False", "ContainersNotReady", complaint)
        if unready
        else ("True", "", "")
    )
    waiting = (
        "False",
        "ContainersNotInitialized",
        f"containers with incomplete status: [{' '.join(_uninitialized(state))}]",
    )
    start = (
        ("True", "PodCompleted" if current == "Succeeded" else "", "")
        if done or current == "Succeeded"
        else waiting
    )
    sandbox = "True" if state.sandbox and not finished and not now.ended else "False"
    wanted = {
        "PodReadyToStartContainers": (sandbox, "", ""),
        "Initialized": start,
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": ("True", "", ""),
    }
    old = (pod.get("status") or {}).get("conditions") or []
    before = {c["type"]: c for c in old}
    if ready[0] == "True" and (closed := _closed_gates(pod, before)):
        wanted["Ready"] = ("False", "ReadinessGatesNotReady", closed)
    if state.failed and state.disrupted:
        wanted["DisruptionTarget"] = ("True", "TerminationByKubelet", state.failed[1])
    own = [_condition(before.get(kind), kind, *value, now=now.time) for kind, value in wanted.items()]
    if generation := pod["metadata"].get("generation"):
        own = [condition | {"observedGeneration": generation} for condition in own]
    return [*own, *(c for c in _foreign(old) if c["type"] not in wanted)]


def _closed_gates(pod: Mapping[str, Any], conditions: Mapping[str, Object]) -> str:
    """Return what is said of the readiness gates that do not let the pod be ready; "" where all do."""
    said = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        found = conditions.get(kind)
        if found is None:
            said.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found["status"] != "True":
            said.append(f'the status of pod readiness gate "{kind}" is not "True", but {found["status"]}')
    return ", ".join(said)


def _foreign(conditions: Iterable[Object]) -> list[Object]:
    return [c for c in conditions if c["type"] not in _OWN]


def _condition(
    old: Object | None, kind: str, status: str, reason: str, message: str, *, now: float
) -> Object:
    same = old is not None and old.get("status") == status
    since = old.get("lastTransitionTime") if same and old else None
    found: Object = {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since or rfc3339(now),
    }
    return found | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})
