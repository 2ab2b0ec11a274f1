"""The cells of a pod, above all the word in its STATUS column.

Source: the pod printer of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, NONE, at, read, since
from seaway.controlplane.kinds.declaration import Column, Object
from seaway.objects import meta

TERMINAL_PHASES = ("Succeeded", "Failed")
_DONE = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}
_LOST_NODE = "NodeLost"


@dataclass(frozen=True, slots=True)
class Summary:
    """What the columns of a pod say."""

    word: str
    ready: int
    total: int
    restarts: int
    last_restart: str


def summarize(pod: Object) -> Summary:
    """Return what is printed of a pod."""
    status = pod.get("status") or {}
    word = _first_word(pod)
    initial = _initializing(pod)
    sidecars = [name for name, c in _init_containers(pod).items() if _restarts_always(c)]
    total = len(read(pod, "spec", "containers", default=())) + len(sidecars)
    statuses = status.get("initContainerStatuses") or []
    counted = statuses
    ready = initial.ready_sidecars
    if initial.word:
        word = initial.word
    if not initial.word or _condition(status, "Initialized"):
        counted = [s for s in statuses if s.get("name") in sidecars]
        main = status.get("containerStatuses") or []
        counted = [*counted, *main]
        ready += sum(1 for s in main if _is_ready(s))
        word = _main_word(word, main, status)
    restarts = sum(int(s.get("restartCount") or 0) for s in counted)
    finished = [str(read(s, "lastState", "terminated", "finishedAt")) for s in counted]
    return Summary(_deleted_word(pod, word), ready, total, restarts, max(finished, default=""))


@dataclass(frozen=True, slots=True)
class _Initial:
    word: str
    ready_sidecars: int


def _initializing(pod: Object) -> _Initial:
    """Return the word of the first init container that is not done, "" where all are, and how many sidecars are ready."""
    declared = _init_containers(pod)
    ready = 0
    for index, container in enumerate(read(pod, "status", "initContainerStatuses", default=())):
        terminated, waiting = (
            read(container, "state", "terminated", default=None),
            read(container, "state", "waiting", "reason"),
        )
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if _restarts_always(declared.get(container.get("name"), {})) and container.get("started"):
            ready += bool(container.get("ready"))
            continue
        if terminated is not None:
            return _Initial(f"Init:{_end(terminated)}", ready)
        if waiting and waiting != "PodInitializing":
            return _Initial(f"Init:{waiting}", ready)
        return _Initial(f"Init:{index}/{len(declared)}", ready)
    return _Initial("", ready)


def _main_word(word: str, containers: list[Object], status: Mapping[str, Any]) -> str:
    for container in reversed(containers):
        terminated, waiting = (
            read(container, "state", "terminated", default=None),
            read(container, "state", "waiting", "reason"),
        )
        if waiting:
            word = waiting
        elif terminated is not None:
            word = _end(terminated)
    if word == "Completed" and any(_is_ready(container) for container in containers):
        return "Running" if _condition(status, "Ready") else "NotReady"
    return word


def _first_word(pod: Object) -> str:
    status = pod.get("status") or {}
    scheduled = meta.get_condition(pod, "PodScheduled") or {}
    if scheduled.get("reason") == "SchedulingGated":
        return "SchedulingGated"
    return status.get("reason") or status.get("phase") or ""


def _deleted_word(pod: Object, word: str) -> str:
    if not meta.deletion_timestamp(pod):
        return word
    if read(pod, "status", "reason") == _LOST_NODE:
        return "Unknown"
    return word if read(pod, "status", "phase") in TERMINAL_PHASES else "Terminating"


def _end(terminated: Mapping[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    return (
        f"Signal:{terminated['signal']}"
        if terminated.get("signal")
        else f"ExitCode:{terminated.get('exitCode', 0)}"
    )


def _is_ready(container: Object) -> bool:
    state = container.get("state") or {}
    waiting = (state.get("waiting") or {}).get("reason")
    return (
        bool(container.get("ready"))
        and state.get("running") is not None
        and not waiting
        and not state.get("terminated")
    )


def _condition(status: Mapping[str, Any], kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in status.get("conditions") or ())


def _init_containers(pod: Object) -> dict[str, Object]:
    return {
        container.get("name", ""): container for container in read(pod, "spec", "initContainers", default=())
    }


def _restarts_always(container: Mapping[str, Any]) -> bool:
    return container.get("restartPolicy") == "Always"


def _ready(pod: Object, _now: float) -> str:
    summary = summarize(pod)
    return f"{summary.ready}/{summary.total}"


def _status(pod: Object, _now: float) -> str:
    return summarize(pod).word


def _restarts(pod: Object, now: float) -> str:
    summary = summarize(pod)
    if summary.restarts and summary.last_restart:
        return f"{summary.restarts} ({since(summary.last_restart, now)} ago)"
    return str(summary.restarts)


def _address(pod: Object, _now: float) -> str:
    addresses = read(pod, "status", "podIPs", default=())
    return str(addresses[0].get("ip") or NONE) if addresses else NONE


def _readiness_gates(pod: Object, _now: float) -> str:
    gates = read(pod, "spec", "readinessGates", default=())
    passed = sum(_condition(pod.get("status") or {}, gate.get("conditionType")) for gate in gates)
    return f"{passed}/{len(gates)}" if gates else NONE


COLUMNS = (
    NAME,
    Column("Ready", _ready, description="Containers that are ready, of all."),
    Column("Status", _status, description="What the pod is doing, or what keeps it from running."),
    Column("Restarts", _restarts, description="How often its containers were started again, and when last."),
    AGE,
    Column("IP", _address, priority=1, description="Address of the pod."),
    Column("Node", at("spec", "nodeName", default=NONE), priority=1, description="Node it is bound to."),
    Column("Nominated Node", at("status", "nominatedNodeName", default=NONE), priority=1, description="Node being cleared for it."),
    Column("Readiness Gates", _readiness_gates, priority=1, description="Extra conditions met, of all."),
)  # fmt: skip


def row_conditions(pod: Object) -> Sequence[Object]:
    """Return the condition of a pod's row that says that the pod is done."""
    phase = read(pod, "status", "phase")
    if phase not in _DONE:
        return ()
    return ({"type": "Completed", "status": "True", "reason": phase, "message": _DONE[phase]},)
