"""What became of an object between two of its revisions, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Object = Mapping[str, Any]
_GROUPS = (("initContainerStatuses", "init container"), ("containerStatuses", "container"))


UNTOLD = "changed"
"""What is said of a revision of which nothing else is."""
CREATION, DELETION, BINDING, SCALING = "creation", "deletion", "binding", "scaling"
"""Changes of which an API server knows who asked for them."""


class Change(NamedTuple):
    """One change."""

    message: str
    warning: bool = False
    at: str | None = None
    """When it happened, RFC 3339, as the object itself says; None where it does not."""
    act: str = ""
    """By which of somebody's acts, "" where it need not have been one."""


def changes(kind: str, new: Object, old: Object | None, *, deleted: bool = False) -> list[Change]:
    """Return what a revision says that the one before did not; the first says what is there.

    Args:
        kind: of the object, as Kubernetes names it.
        new: the revision, as it is kept.
        old: the one before, None where there is none.
        deleted: it is the object's last state.
    """
    if deleted:
        return [Change("gone from the cluster")]
    found = []
    if old is None:
        created = _at(new, "metadata", "creationTimestamp")
        found.append(
            Change("seen for the first time")
            if kind == "Node"
            else Change("created", at=created, act=CREATION)
        )
    found += _OF_KIND.get(kind, _of_replicas)(new, old or {})
    if _at(new, "metadata", "deletionTimestamp") and not _at(old or {}, "metadata", "deletionTimestamp"):
        grace = _at(new, "metadata", "deletionGracePeriodSeconds")
        found.append(Change("asked to end" + (f" within {grace} s" if grace else ""), act=DELETION))
    return found or [Change(UNTOLD)]


def _pod(new: Object, old: Object) -> list[Change]:
    found = []
    if (node := _at(new, "spec", "nodeName")) and node != _at(old, "spec", "nodeName"):
        found.append(Change(f"placed on {node}", act=BINDING))
    if (phase := _at(new, "status", "phase")) and phase != _at(old, "status", "phase"):
        reason = _reason(new["status"])
        found.append(Change(f"is {phase}{reason}", phase == "Failed"))
    found += _steps(new, old)
    for group, word in _GROUPS:
        before = {one["name"]: one for one in _at(old, "status", group) or ()}
        for status in _at(new, "status", group) or ():
            found += _container(f"{word} {status['name']}", status, before.get(status["name"], {}))
    # that it is scheduled is said by its node
    told = ("DisruptionTarget",) if node else ("PodScheduled", "DisruptionTarget")
    found += _conditions(new, old, told)
    if _at(old, "metadata", "finalizers") and not _at(new, "metadata", "finalizers"):
        found.append(Change("finalizers are off: it may go"))
    return found


_STEPS = {
    "PodReadyToStartContainers": "its network and its volumes are ready",
    "Initialized": "its init containers have done their work",
}
"""What is done before the containers begin, by the conditions that say so: when they are not true any more, it has ended."""


def _steps(new: Object, old: Object) -> list[Change]:
    """Return what a pod has got through."""
    before = {c.get("type"): c.get("status") for c in _at(old, "status", "conditions") or ()}
    skipped = () if _at(new, "status", "initContainerStatuses") else ("Initialized",)
    return [
        Change(_STEPS[condition["type"]], at=condition.get("lastTransitionTime"))
        for condition in _at(new, "status", "conditions") or ()
        if condition.get("type") in _STEPS.keys() - skipped
        and condition.get("status") == "True" != before.get(condition["type"])
    ]


def _container(name: str, new: Object, old: Object) -> Iterator[Change]:
    last = _at(new, "lastState", "terminated")
    if last and last not in (_at(old, "lastState", "terminated"), _at(old, "state", "terminated")):
        yield from _state(name, {"terminated": last}, {})
    if (new.get("restartCount") or 0) > (old.get("restartCount") or 0):
        yield Change(f"{name} was started again ({new['restartCount']} times so far)", True)
    state, before = new.get("state") or {}, old.get("state") or {}
    if state != before:
        yield from _state(name, state, before)
    if bool(new.get("ready")) != bool(old.get("ready")) and "running" in state:
        yield Change(
            f"{name} is {'ready' if new.get('ready') else 'not ready'}", not new.get("ready") and bool(old)
        )


def _state(name: str, state: Object, before: Object) -> Iterator[Change]:
    if "terminated" in state:
        ended = state["terminated"]
        how = f"signal {ended['signal']}" if ended.get("signal") else f"exit code {ended.get('exitCode')}"
        yield Change(
            f"{name} ended with {how}{_reason(ended)}", ended.get("exitCode") != 0, ended.get("finishedAt")
        )
    elif "running" in state and "running" not in before:
        yield Change(f"{name} runs", at=state["running"].get("startedAt"))
    elif "waiting" in state:
        waits, waited = state["waiting"], before.get("waiting") or {}
        if waits.get("reason") != waited.get("reason") and waits.get("reason") not in _BEGINNING:
            yield Change(f"{name} waits{_reason(waits)}", True)


_BEGINNING = (None, "ContainerCreating", "PodInitializing")


def _node(new: Object, old: Object) -> list[Change]:
    found = _conditions(new, old, None if old else ("Ready",))
    if bool(_at(new, "spec", "unschedulable")) != bool(_at(old, "spec", "unschedulable")):
        found.append(Change("cordoned" if _at(new, "spec", "unschedulable") else "uncordoned"))
    taints = {_taint(taint) for taint in _at(new, "spec", "taints") or ()}
    before = {_taint(taint) for taint in _at(old, "spec", "taints") or ()}
    found += [Change(f"tainted {taint}", bool(old)) for taint in sorted(taints - before)]
    found += [Change(f"taint {taint} is off") for taint in sorted(before - taints)]
    if old and _at(new, "status", "allocatable") != _at(old, "status", "allocatable"):
        found.append(Change("offers another amount of resources"))
    return found


def _taint(taint: Object) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def _conditions(new: Object, old: Object, types: tuple[str, ...] | None) -> list[Change]:
    before = {c.get("type"): c for c in _at(old, "status", "conditions") or ()}
    found = []
    for condition in _at(new, "status", "conditions") or ():
        kind, known = condition.get("type"), before.get(condition.get("type"), {})
        told = types is None or kind in types
        if told and (condition.get("status"), condition.get("reason")) != (
            known.get("status"),
            known.get("reason"),
        ):
            bad = condition.get("status") != (
                "False" if str(kind).endswith(("Pressure", "Unavailable")) else "True"
            )
            bad = bad or kind == "DisruptionTarget"
            found.append(
                Change(
                    f"{kind} is {condition.get('status')}{_reason(condition)}",
                    bad,
                    condition.get("lastTransitionTime"),
                )
            )
    return found


def _claim(new: Object, old: Object) -> list[Change]:
    found = []
    if (phase := _at(new, "status", "phase")) and phase != _at(old, "status", "phase"):
        volume = _at(new, "spec", "volumeName")
        found.append(Change(f"is {phase}" + (f" to the volume {volume}" if volume else ""), phase == "Lost"))
    size, before = _at(new, "status", "capacity", "storage"), _at(old, "status", "capacity", "storage")
    if size and before and size != before:
        found.append(Change(f"grew from {before} to {size}"))
    return found


def _job(new: Object, old: Object) -> list[Change]:
    found = _conditions(new, old, ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"))
    found = [change._replace(warning="Failed" in change.message) for change in found]
    for word in ("active", "succeeded", "failed"):
        count, before = _at(new, "status", word) or 0, _at(old, "status", word) or 0
        if count != before:
            found.append(Change(f"{count} {word}", word == "failed"))
    return found


def _of_replicas(new: Object, old: Object) -> list[Change]:
    found = []
    wanted, before = _at(new, "spec", "replicas"), _at(old, "spec", "replicas")
    if wanted != before and wanted is not None:
        found.append(
            Change(f"wants {wanted} replicas")
            if before is None
            else Change(f"scaled from {before} to {wanted}", act=SCALING)
        )
    ready, was = _at(new, "status", "readyReplicas") or 0, _at(old, "status", "readyReplicas") or 0
    if ready != was:
        found.append(Change(f"{ready} of {wanted} replicas are ready", ready < was))
    if old and _at(new, "spec", "template") != _at(old, "spec", "template"):
        found.append(Change("has another pod template: its pods are replaced"))
    return found + _conditions(new, old, ("ReplicaFailure", "Progressing") if old else ())


_OF_KIND: Mapping[str, Callable[[Object, Object], list[Change]]] = {
    "Pod": _pod,
    "Node": _node,
    "PersistentVolumeClaim": _claim,
    "Job": _job,
}


def _reason(told: Object) -> str:
    """Return reason and message, as far as they are said, to be put after a sentence."""
    reason, message = told.get("reason") or "", " ".join(str(told.get("message") or "").split())
    if not reason and not message:
        return ""
    return f" ({reason}: {message})" if reason and message else f" ({reason or message})"


def _at(obj: Object, *path: str) -> Any:
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
