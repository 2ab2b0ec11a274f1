"""Who did what: what an API server's audit events say of it, and where it belongs in a timeline. Pure.

Source: audit.k8s.io/v1. An object's managed fields name the program of a write; who asked for it, and who deleted,
bound, evicted or scaled something, only the API server knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.model.timeline import TimelineEntry
from seaway.platform.database.records import ActRecord
from seaway.platform.history.changes import BINDING, CREATION, DELETION, SCALING
from seaway.platform.history.timeline import Dated, moment, object_name

KINDS = {
    "pods": "Pod",
    "nodes": "Node",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "jobs": "Job",
    "deployments": "Deployment",
    "replicasets": "ReplicaSet",
    "statefulsets": "StatefulSet",
    "namespaces": "Namespace",
}
"""Of what acts are kept, by the names of the resources."""
RUN = "Run"
CONFIRM_OFF, UNDO_CONFIRM_OFF = "confirm-off", "confirm-off --undo"
"""What administrators say of a node's machine."""
_VERBS = {
    ("delete", ""): "delete",
    ("deletecollection", ""): "delete",
    ("create", "binding"): "bind",
    ("create", "eviction"): "evict",
    ("update", "scale"): "scale",
    ("patch", "scale"): "scale",
}
_WRITES = ("create", "update", "patch")
_SYSTEM = "system:"
_ACCOUNT, _OWN_ACCOUNT = "system:serviceaccount:", "system:serviceaccount:kube-system:"
_SCHEDULER = "system:kube-scheduler"
_NODE = "system:node:"
"""A node deletes a pod when it has ended what somebody else asked it to end."""
_SERVER = "seaway:server"
"""Whatever it does it notes itself, on every cluster."""
_REFUSALS = (403, 429)
"""Codes of what is told as refused: rights or rules, and an eviction that a disruption budget does not allow."""
_FIRST_FAILURE = 400
_LONGEST, _LONGEST_TEXT = 63, 500
_SLACK = 2.0
"""Seconds between an act and what was seen of it."""
_SCHEDULED = "Scheduled: "
_DISRUPTED = "DisruptionTarget is True ("
_DISRUPTORS = {
    "EvictionByEvictionAPI": "the eviction API",
    "PreemptionByScheduler": "the scheduler, for a pod of higher priority",
    "DeletionByTaintManager": "the taint manager",
    "DeletionByPodGC": "the pod garbage collector",
    "TerminationByKubelet": "the kubelet",
}
"""Who disrupts, by the reason of the condition DisruptionTarget: all that is known where no audit event comes."""
_MEANT = {"delete": DELETION, "evict": DELETION, "bind": BINDING, "scale": SCALING, "create": CREATION}
"""The changes by which an act is seen."""
_DONE = {
    "delete": "deletion asked for",
    "evict": "eviction asked for",
    "bind": "placed by hand",
    "scale": "scaled",
    "stop": "asked to stop",
    "retry": "asked to be tried again",
    "retry --fresh": "asked to be tried again, without its checkpoints",
    "rm": "put into the bin",
    "restore": "taken out of the bin",
    CONFIRM_OFF: "confirmed to be off: its pods are removed",
    UNDO_CONFIRM_OFF: "said to be on again",
    "lose": "its attempt was ended on purpose, as if its machine were lost",
}


def of_audit_event(event: Mapping[str, Any]) -> ActRecord | None:
    """Return what an audit event says was done, None where it does not matter or says too little.

    Whatever sends it, nothing of it is trusted to have the form that it should have.
    """
    reference, status = _part(event, "objectRef"), _part(event, "responseStatus")
    user, code = _part(event, "user").get("username") or "", status.get("code")
    kind, at = KINDS.get(str(reference.get("resource"))), _time(event.get("requestReceivedTimestamp"))
    verb = _verb(event, str(reference.get("subresource") or ""), str(user))
    if kind is None or verb is None or at is None or event.get("stage") != "ResponseComplete":
        return None
    decision = _part(event, "annotations").get("authorization.k8s.io/decision")
    refused = code in _REFUSALS or decision == "forbid"
    failed = isinstance(code, int) and code >= _FIRST_FAILURE
    if (failed and not refused) or "dryRun=" in str(event.get("requestURI")):
        return None
    acting = _part(event, "impersonatedUser").get("username")
    namespaced = kind not in ("Node", "Namespace")
    return ActRecord(
        at=at, user=_text(f"{user} as {acting}" if acting else user), verb=verb, kind=kind, name=_text(reference.get("name")),
        namespace=_text(reference.get("namespace"))[:_LONGEST] if namespaced else "",
        agent=_text(event.get("userAgent")).partition("/")[0][:_LONGEST], refused=refused,
        text=_text(status.get("message")) if refused else "",
    )  # fmt: skip


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = event.get(name)
    return part if isinstance(part, Mapping) else {}


def _time(told: object) -> float | None:
    try:
        return parse_rfc3339(told) if isinstance(told, str) else None
    except ValueError:
        return None


def _verb(event: Mapping[str, Any], subresource: str, user: str) -> str | None:
    """Return what was done; None for what says nothing about who did it: what parts of the cluster write, and how it is placed."""
    asked = str(event.get("verb"))
    verb = _VERBS.get((asked, subresource))
    if verb is None and not subresource and asked in _WRITES and is_somebody(user):
        return asked
    ours = user == _SERVER or (verb == "bind" and user == _SCHEDULER)
    return None if ours or (verb == "delete" and user.startswith(_NODE)) else verb


def is_somebody(user: str) -> bool:
    """Tell whether a user is no part of the cluster: a person, or a pod of theirs."""
    return not user.startswith((_SYSTEM, "seaway:")) or (
        user.startswith(_ACCOUNT) and not user.startswith(_OWN_ACCOUNT)
    )


def _text(value: object) -> str:
    """Return a text of a length that a database takes."""
    return str(value or "").replace("\0", " ")[:_LONGEST_TEXT]


def with_acts(dated: Iterable[Dated], acts: Sequence[ActRecord]) -> list[Dated]:
    """Return a timeline's entries with who did what: said of the change where it was seen, else as an entry of its own.

    Args:
        dated: what is known without.
        acts: oldest first; also those that concern other objects of the namespace.
    """
    found, claimed = sorted(dated, key=lambda one: one.at), set()
    places: dict[
        str, list[int]
    ] = {}  # a run of many tasks has many entries, and each pod's deletion is an act
    for number, one in enumerate(found):
        places.setdefault(one.entry.object, []).append(number)
    own = len(found)
    for act, often in _distinct(acts):
        near = places.get(object_name(act.kind, act.name), ()) if act.name else range(own)
        seen = [] if act.refused else [number for number in near if _shows(found[number], act)]
        for number in seen:
            if number not in claimed:
                found[number] = _by(found[number], act)
        claimed.update(seen)
        if not seen and (act.refused or (act.verb in _DONE and (act.name or act.kind == "Namespace"))):
            found.append(_entry(act, often))
    return _as_far_as_told(found)


def _as_far_as_told(found: list[Dated]) -> list[Dated]:
    """Return entries with what else says who deleted or placed a pod: the condition DisruptionTarget, the scheduler's event."""
    said: dict[str, list[Dated]] = {}
    for one in found:
        if one.entry.message.startswith((_DISRUPTED, _SCHEDULED)):
            said.setdefault(one.entry.object, []).append(one)
    for number, one in enumerate(found):
        if one.entry.by or one.act not in (DELETION, BINDING):
            continue
        told = _SCHEDULED if one.act == BINDING else _DISRUPTED
        for other in said.get(one.entry.object, ()):
            near = abs(other.at - one.at) <= _SLACK
            if near and other.entry.message.startswith(told) and (by := _told_by(other)):
                found[number] = one._replace(entry=one.entry.model_copy(update={"by": by}))
    return found


def _told_by(one: Dated) -> str:
    if one.entry.source == "event":
        return one.entry.by
    reason = one.entry.message.removeprefix(_DISRUPTED).partition(":")[0].rstrip(")")
    return _DISRUPTORS.get(reason, "")


def is_unclaimed(one: Dated) -> bool:
    """Tell whether an entry is a deletion of which nobody knows who asked for it."""
    return one.act == DELETION and one.entry.by in ("", _DISRUPTORS["EvictionByEvictionAPI"])


def _distinct(acts: Iterable[ActRecord]) -> Iterator[tuple[ActRecord, int]]:
    """Yield acts; what was refused several times in the same words once, with how often."""
    often: dict[tuple[Any, ...], int] = {}
    first: dict[tuple[Any, ...], ActRecord] = {}
    for act in acts:
        again = () if act.refused else (act.at,)
        key = (act.user, act.verb, act.kind, act.namespace, act.name, act.text, *again)
        first.setdefault(key, act)
        often[key] = often.get(key, 0) + 1
    for key, act in first.items():
        yield act, often[key] if act.refused else 1


def _shows(one: Dated, act: ActRecord) -> bool:
    """Tell whether a change is what became of an act."""
    if one.entry.source != "change" or not act.at - _SLACK <= one.at <= act.at + _SLACK:
        return False
    kind, _, _ = one.entry.object.partition("/")
    named = one.entry.object == object_name(act.kind, act.name)
    every = not act.name and kind == object_name(act.kind, "").rstrip("/")
    if not (named or every):
        return False
    meant = _MEANT.get(act.verb)
    return one.act == meant if meant is not None else bool(act.agent) and one.entry.by.startswith(act.agent)


def _by(one: Dated, act: ActRecord) -> Dated:
    evicted = act.verb == "evict" and "evict" not in one.entry.message
    message = f"{one.entry.message}: evicted" if evicted else one.entry.message
    manager = one.entry.by if act.verb in _WRITES else ""
    return one._replace(entry=one.entry.model_copy(update={"by": who(act, manager), "message": message}))


def who(act: ActRecord, manager: str = "") -> str:
    """Return who did something, with which program."""
    program = manager or act.agent
    return (
        f"{act.user} ({program})" if program and not act.user.startswith((_SYSTEM, "seaway:")) else act.user
    )


def _entry(act: ActRecord, often: int) -> Dated:
    name = object_name(act.kind, act.name or "*")
    what = "all of them" if not act.name else "it"
    times = f" ({often} times)" if often > 1 else ""
    why = f": {act.text}" if act.text else ""
    message = f"refused to {act.verb} {what}{times}{why}" if act.refused else _DONE[act.verb]
    entry = TimelineEntry(
        time=moment(act.at), object=name, source="audit", message=message, by=who(act), warning=act.refused
    )
    return Dated(act.at, 0, entry)
