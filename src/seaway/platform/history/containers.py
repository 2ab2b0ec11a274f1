"""Which logs the containers of a pod have, and where they are kept. Pure.

A run's pod has one container, whose log is its attempt's. Every other pod's logs are kept by the pod's uid, the
container's name and how often it had been started before: another start is another log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from seaway.platform.history.logs import LogKey

Object = Mapping[str, Any]
RECORD = "seaway.dev/record"
"""Label of a pod that is no run's: "true" has its logs kept, "false" has them not."""
_GROUPS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_LONGEST = 63
Policy = Literal["all", "labelled", "none"]


class Instance(NamedTuple):
    """One start of one container."""

    key: LogKey
    container: str
    ended: bool
    previous: bool = False
    """It was started again since."""


def is_recorded(pod: Object, policy: Policy) -> bool:
    """Return whether the logs of a pod that is no run's are kept.

    Args:
        pod: which.
        policy: "all" but for the cluster's own and those that say no, "labelled" those that say so, "none".
    """
    metadata = pod["metadata"]
    said = (metadata.get("labels") or {}).get(RECORD, "")
    if policy == "none" or said == "false":
        return False
    if policy == "labelled":
        return bool(said == "true")
    return said == "true" or not str(metadata.get("namespace", "")).startswith("kube-")


def instances(pod: Object) -> Iterator[Instance]:
    """Return the containers' starts of which there can be a log now: for each the last one, and the one before it."""
    status = pod.get("status") or {}
    uid = log_owner(pod["metadata"].get("uid", ""))
    for group in _GROUPS:
        for told in status.get(group) or ():
            yield from _of_container(uid, told)


def log_owner(uid: str) -> str:
    """Return under what the logs of a pod that is no run's are kept."""
    return uid.replace("-", "")[:32]


def _of_container(uid: str, told: Object) -> Iterator[Instance]:
    name, restarts = str(told.get("name"))[:_LONGEST], told.get("restartCount") or 0
    state, last = told.get("state") or {}, (told.get("lastState") or {}).get("terminated")
    if "running" in state:
        if last and restarts:
            yield Instance(LogKey(uid, name, restarts - 1), name, ended=True, previous=True)
        yield Instance(LogKey(uid, name, restarts), name, ended=False)
    elif (state.get("terminated") or {}).get("startedAt") or ("waiting" in state and last):
        yield Instance(LogKey(uid, name, restarts), name, ended=True)
