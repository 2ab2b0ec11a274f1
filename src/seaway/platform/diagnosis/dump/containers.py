"""Which of a pod's containers tells why the pod is as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.platform.diagnosis.dump.documents import Object

_CALM = ("", "ContainerCreating", "PodInitializing")
_BY_OTHERS = (137, 143)
"""What a container ends with that something else made end."""


def telling_container(pod: Object) -> str:
    """Return the name of the container that tells most, "" where none is known.

    An init container that does not succeed holds back all else. Of the others one that failed by itself comes before
    one that was ended because of it, then what waits for more than its turn, then what was restarted.
    """
    inits, mains = _statuses(pod, "initContainerStatuses"), _statuses(pod, "containerStatuses")
    for one in inits:
        if _failed(one) or _waits(one):
            return str(one.get("name"))
    if any(_failed(one) or _waits(one) for one in mains):
        return str(min((one for one in mains if _failed(one) or _waits(one)), key=_weight).get("name"))
    sidecars = {
        one.get("name")
        for one in pod["spec"].get("initContainers") or ()
        if one.get("restartPolicy") == "Always"
    }
    running_init = next(
        (one for one in inits if "running" in (one.get("state") or {}) and one.get("name") not in sidecars),
        None,
    )
    if running_init is not None and pod["status"].get("phase") == "Pending":
        return str(running_init.get("name"))
    unready = next(
        (one for one in mains if one.get("ready") is False and "running" in (one.get("state") or {})), None
    )
    if unready is not None and pod["status"].get("phase") == "Running":
        return str(unready.get("name"))
    shaky = next((one for one in mains if one.get("restartCount") and _bad_end(one)), None)
    named = str(shaky.get("name")) if shaky is not None else next((str(one.get("name")) for one in mains), "")
    return named or next((str(one.get("name")) for one in pod["spec"].get("containers") or ()), "")


def as_ended(pod: Object, container: str) -> tuple[Object, int]:
    """Return a pod whose telling container shows how it last ended where it is being started again; and how often it was."""
    status = dict(pod["status"])
    restarts = 0
    for part in ("initContainerStatuses", "containerStatuses"):
        changed = []
        for one in _statuses(pod, part):
            if one.get("name") == container:
                restarts = one.get("restartCount") or 0
                if (last := _last_end(one)) is not None:
                    one = {**one, "state": {"terminated": last}}
            changed.append(one)
        if changed:
            status[part] = changed
    return {**pod, "status": status}, restarts


def _last_end(one: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how a container ended before it was started again, None where that is not what matters."""
    state, last = one.get("state") or {}, (one.get("lastState") or {}).get("terminated")
    if last is None:
        return None
    if (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff":
        return dict(last)
    return dict(last) if "running" in state and one.get("restartCount") and _bad_end(one) else None


def _bad_end(one: Mapping[str, Any]) -> bool:
    last = (one.get("lastState") or {}).get("terminated") or {}
    return bool(last.get("exitCode")) or last.get("reason") == "OOMKilled"


def _statuses(pod: Object, part: str) -> list[Mapping[str, Any]]:
    return [one for one in pod["status"].get(part) or () if isinstance(one, dict)]


def _failed(one: Mapping[str, Any]) -> bool:
    ended = (one.get("state") or {}).get("terminated") or {}
    bad = bool(ended.get("exitCode")) or ended.get("reason") == "OOMKilled"
    return bad or (not one.get("ready") and _last_end(one) is not None)


def _waits(one: Mapping[str, Any]) -> bool:
    return ((one.get("state") or {}).get("waiting") or {}).get("reason", "") not in _CALM


def _weight(one: Mapping[str, Any]) -> tuple[int, str]:
    """Return how late a container comes among those that tell something."""
    ended = (one.get("state") or {}).get("terminated") or _last_end(one)
    if ended is None:
        return (1, "")
    by_others = ended.get("exitCode") in _BY_OTHERS and ended.get("reason") != "OOMKilled"
    return (2 if by_others else 0, ended.get("finishedAt") or "")
