"""How far a server's start is, and what holds it up. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.platform.workloads import labels

Object = Mapping[str, Any]
HOPELESS = {"InvalidImageName", "ErrImageNeverPull"}
"""Reasons of a waiting container that waiting does not mend."""
CRASHES = 3
"""Ends of a container after which it is not expected to stay up any more."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What can be said about a start now."""

    ready: bool
    text: str
    """One line: how many of how many are ready, and the blocker where there is one."""
    failed: bool = False
    """Waiting longer is of no use."""
    crashed: str = ""
    """The pod whose server ended: its log says more."""


def progress(deployment: Object, pods: Sequence[Object], *, elected: bool = False) -> Progress:
    """Return how far a Deployment is.

    Args:
        deployment: as the cluster shows it.
        pods: those that its selector matches.
        elected: one of the servers has to lead before anybody is served.
    """
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status") or {}
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if seen and updated == wanted == available == status.get("replicas", 0):
        if elected and not any(labels.LEADER in (pod["metadata"].get("labels") or {}) for pod in pods):
            return Progress(ready=False, text=f"{available} of {wanted} ready, none of them leads yet")
        return Progress(ready=True, text=f"{available} of {wanted} ready")
    current = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    problems = [*_refusals(status), *(problem for pod in current for problem in _problems(pod))]
    text = f"{available if seen else 0} of {wanted} ready"
    if not problems:
        return Progress(ready=False, text=text)
    worst = max(problems, key=lambda problem: (problem.hopeless, bool(problem.crashed)))
    return Progress(ready=False, text=f"{text}: {worst.text}", failed=worst.hopeless, crashed=worst.crashed)


@dataclass(frozen=True, slots=True)
class _Problem:
    text: str
    hopeless: bool = False
    crashed: str = ""


def _refusals(status: Object) -> Iterator[_Problem]:
    """Pods that could not even be made: a quota, Pod Security."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield _Problem(f"no pod can be made: {condition.get('message', '')}")


def _problems(pod: Object) -> Iterator[_Problem]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield _Problem(f"the pod {name} fits no node: {condition.get('message', '')}")
    for container in status.get("containerStatuses") or ():
        if (problem := _container_problem(name, container)) is not None:
            yield problem


def _container_problem(pod: str, container: Object) -> _Problem | None:
    state = container.get("state") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
    waiting = state.get("waiting") or {}
    if ended:
        count = container.get("restartCount", 0) + (1 if state.get("terminated") else 0)
        reason = ended.get("reason") or "Error"
        how = reason if reason == "OOMKilled" else f"exit code {ended.get('exitCode')}"
        times = "" if count < 2 else f" for the {count}th time" if count > CRASHES else f" {count} times"
        return _Problem(f"the server in the pod {pod} ended{times} ({how})", count >= CRASHES, pod)
    reason = waiting.get("reason", "")
    if not reason or reason in ("ContainerCreating", "PodInitializing"):
        return None
    message = waiting.get("message", "")
    return _Problem(f"{reason} in the pod {pod}" + (f": {message}" if message else ""), reason in HOPELESS)
