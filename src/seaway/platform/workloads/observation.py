"""A Pod -> what is known of the attempt that it is. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.objects.quantity import whole
from seaway.platform.workloads import labels

UNSEEN = "ContainerStatusUnknown"
"""Kubernetes' reason for a container whose end nobody saw."""
PEAK = re.compile(r"^peak memory (?P<bytes>\d{1,18}) bytes")
"""What a container's last word is where nobody else has said one: of the runner, or of our node."""
OWN_CODE = re.compile(PEAK.pattern + r", exit code (?P<code>\d{1,3}) was its own choice$")
"""The same of the runner, where the code that the program chose looks like a signal's."""
_TERMINAL = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Observation:
    """What a pod shows of its attempt."""

    pod: str
    uid: str
    run_uid: str
    """"" where it is not Seaway's."""
    task: str
    attempt: int
    phase: str
    """Kubernetes' word: Pending, Running, Succeeded, Failed, Unknown."""
    node: str | None = None
    started: float | None = None
    """When the container started, in seconds since the epoch."""
    finished: float | None = None
    exit_code: int | None = None
    deleting: bool = False
    grace: float = 0.0
    """How many seconds a pod that is being deleted has from then on."""
    lease: float = 0.0
    """After so many seconds without word from the server its program ends by itself; 0 where it does not."""
    held: bool = False
    """It carries Seaway's finalizer."""
    waiting: str = ""
    """Why it does not run yet: a reason such as Unschedulable or ImagePullBackOff."""
    waiting_message: str = ""
    peak_memory: int | None = None
    """The most bytes of memory that its container used, where it has said so at its end."""
    memory_limit: int | None = None
    """Bytes of memory that its container may use."""
    taken_away: bool = False
    """The cluster was taking it off its node, or somebody its pod out of the cluster, maybe before its program had ended."""
    gone: bool = False
    """It is not in the cluster any more; this is its last state."""

    @property
    def ended(self) -> bool:
        """It certainly runs no more, and never will: terminal, gone, or deleted before a node had it."""
        return self.phase in _TERMINAL or self.vanished

    @property
    def vanished(self) -> bool:
        """It is gone, or was deleted before a node had it: the API server binds no Pod that is being deleted."""
        return self.gone or (self.deleting and self.node is None)

    @property
    def deleted_unstarted(self) -> bool:
        """It was deleted, and its program never started."""
        return self.deleting and self.started is None

    @property
    def why_waiting(self) -> str:
        """Reason and message in one, to tell whether they changed."""
        return f"{self.waiting}: {self.waiting_message}"

    @property
    def succeeded(self) -> bool:
        """The program ended with 0, and nothing else had it end."""
        return self.phase == "Succeeded" and self.exit_code in (0, None) and not self.taken_away


def observe(pod: Mapping[str, Any], *, gone: bool = False) -> Observation:
    """Return what a pod shows; `gone` where it is its last state."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    marks = metadata.get("labels") or {}
    state = _main_container(status)
    running, ended = state.get("running") or {}, state.get("terminated") or {}
    reason, message = _waiting(status, state)
    attempt = marks.get(labels.ATTEMPT, "")
    peak = PEAK.match(ended.get("message") or "")
    return Observation(
        pod=metadata["name"],
        uid=metadata.get("uid", ""),
        run_uid=marks.get(labels.RUN_UID, ""),
        task=marks.get(labels.TASK, ""),
        attempt=int(attempt) if attempt.isdecimal() else 0,
        phase=status.get("phase") or "Pending",
        node=(pod.get("spec") or {}).get("nodeName") or None,
        started=_time(ended.get("startedAt") or running.get("startedAt")),
        finished=_time(ended.get("finishedAt")),
        exit_code=ended.get("exitCode"),
        deleting=bool(metadata.get("deletionTimestamp")),
        grace=float(metadata.get("deletionGracePeriodSeconds") or 0),
        lease=_seconds((metadata.get("annotations") or {}).get(labels.LEASE, "")),
        held=labels.FINALIZER in (metadata.get("finalizers") or ()),
        waiting=reason,
        waiting_message=message,
        peak_memory=int(peak["bytes"]) if peak else None,
        memory_limit=_memory_limit(pod),
        taken_away=_is_taken_away(metadata, status),
        gone=gone,
    )


def is_plain(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod was started without Seaway's runner."""
    return (pod["metadata"].get("annotations") or {}).get(labels.RUNNER) == "none"


def container_started(pod: Mapping[str, Any], container: str = labels.CONTAINER) -> bool:
    """Return whether a container has ever run, so that there can be a log."""
    told = _told(pod, container)
    state = told.get("state") or {}
    ended = state.get("terminated") or (told.get("lastState") or {}).get("terminated") or {}
    return bool(state.get("running")) or bool(ended.get("startedAt"))


def is_terminated(pod: Mapping[str, Any], container: str = labels.CONTAINER) -> bool:
    """Return whether a container's status says that it has ended."""
    return "terminated" in (_told(pod, container).get("state") or {})


def is_running(pod: Mapping[str, Any], container: str = labels.CONTAINER) -> bool:
    """Return whether a container's status says that it runs."""
    return "running" in (_told(pod, container).get("state") or {})


def unseen_end(
    pod: Mapping[str, Any], container: str = labels.CONTAINER, *, previous: bool = False
) -> str | None:
    """Return what is said of a container whose end nobody saw, so that its log may lack its last lines; None for any other.

    Args:
        pod: whose container it is.
        container: its name.
        previous: it has been started again since; its end of before is meant.
    """
    state = _told(pod, container).get("lastState" if previous else "state") or {}
    ended = state.get("terminated") or {}
    return ended.get("message") or UNSEEN if ended.get("reason") == UNSEEN else None


def _told(pod: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    status = pod.get("status") or {}
    for group in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for told in status.get(group) or ():
            if told.get("name") == container:
                found: Mapping[str, Any] = told
                return found
    return {}


def _is_taken_away(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    targets = (one for one in status.get("conditions") or () if one.get("type") == "DisruptionTarget")
    disrupted = any(one.get("status") == "True" for one in targets)
    return disrupted or bool(metadata.get("deletionTimestamp") or status.get("reason"))


def _memory_limit(pod: Mapping[str, Any]) -> int | None:
    for container in (pod.get("spec") or {}).get("containers") or ():
        if container.get("name") == labels.CONTAINER:
            limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
            return whole(limit) if limit else None
    return None


def _main_container(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for container in status.get("containerStatuses") or ():
        if container.get("name") == labels.CONTAINER:
            state: Mapping[str, Any] = container.get("state") or {}
            return state
    return {}


def _waiting(status: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[str, str]:
    waiting = state.get("waiting") or {}
    if waiting.get("reason") and waiting["reason"] not in ("ContainerCreating", "PodInitializing"):
        return waiting["reason"], waiting.get("message") or ""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return condition.get("reason") or "Unschedulable", condition.get("message") or ""
    return "", ""


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else 0.0


def _time(text: str | None) -> float | None:
    """Parse a time; none for the epoch, which Kubernetes gives a container that could not be started."""
    return (parse_rfc3339(text) or None) if text else None
