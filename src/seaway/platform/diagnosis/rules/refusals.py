"""Pods that the API server refuses to create: quotas, limit ranges, Pod Security, webhooks, invalid manifests.

Source: the messages of the API server, as `admission` reads them.
"""

from __future__ import annotations

import re

from seaway.base.messages import wording
from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.admission import Admission, admission, explanation, wants_option
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.evidence import blanked, from_event, quote
from seaway.platform.diagnosis.facts import Facts, Made
from seaway.platform.diagnosis.finding import Finding

_SERVER_DOWN = re.compile(
    r"(?i)etcdserver: |the server (?:is currently unable|was unable to return)|request timed out|too many requests|leader changed|http2: client connection"
)
_WEBHOOKS = "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml"
_CAUSES = {
    Admission.NO_ROOM: ("QuotaExceeded", Level.CLUSTER),
    Admission.TOO_BIG: ("QuotaExceeded", Level.SPEC),
    Admission.QUOTA_WANTS: ("QuotaNeedsResources", Level.SPEC),
    Admission.RANGE: ("OutOfRange", Level.SPEC),
    Admission.SECURITY: ("PodSecurity", Level.CLUSTER),
    Admission.DENIED: ("AdmissionDenied", Level.CLUSTER),
    Admission.UNANSWERED: ("WebhookDown", Level.CLUSTER),
}


def refused(facts: Facts) -> Finding | None:
    """Find a Pod that the API server refused to create."""
    if not facts.create_error:
        return None
    message, made = facts.create_error, facts.made
    rule = admission(message)
    if made is not None and rule is Admission.QUOTA_WANTS:
        return _quota_wants(facts, message, made)
    if made is not None and rule is None and _SERVER_DOWN.search(message):
        return Finding(
            Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ServerBusy",
            wording("its pods cannot be made now: the cluster's API server or its database does not answer in time"),
            _refusal(facts, message), retry=True, permanent=False,
            next_step=wording("wait: the cluster tries again by itself; see {command}", command=kubectl(facts, "kubectl get events --sort-by=.lastTimestamp")),
        )  # fmt: skip
    cause, level = _CAUSES[rule] if rule else ("Refused", Level.SPEC)
    if made is not None and rule is Admission.SECURITY:
        level = Level.SPEC
    option = wants_option(message)
    command = again(facts, option, "AMOUNT") if option else again(facts)
    step = _step(rule, command) if made is None else _step_elsewhere(facts, rule, command)
    said = explanation(message, of_run=made is None)
    said = said or wording("the cluster refused it: {message}", message=message)
    down = rule is Admission.UNANSWERED
    return Finding(
        level, VerdictClass.INFRASTRUCTURE if down else VerdictClass.CONFIGURATION, cause, blanked(facts, said),
        _refusal(facts, message), next_step=step, retry=down, permanent=not down and rule is not Admission.NO_ROOM,
    )  # fmt: skip


def _step(rule: Admission | None, command: str) -> str:
    """Return what helps a run, the command that runs it again among it."""
    match rule:
        case Admission.NO_ROOM:
            return wording("wait for other runs to end, ask for less, or have the quota raised")
        case Admission.TOO_BIG:
            return wording("ask for less, or have the quota raised: {command}", command=command)
        case Admission.QUOTA_WANTS:
            return wording("say it: {command}", command=command)
        case Admission.RANGE:
            return wording("stay within the workspace's limits: {command}", command=command)
        case Admission.SECURITY:
            return wording(
                "ask whoever runs the server to have it make its pods so (pod security {level})",
                level='"restricted"',
            )
        case Admission.DENIED:
            return wording(
                "do what it asks for, or ask whoever runs the cluster, then: {command}", command=command
            )
        case Admission.UNANSWERED:
            return wording("have what serves it started: {command}", command=_WEBHOOKS)
        case None:
            return wording("correct what the message names")


def _step_elsewhere(facts: Facts, rule: Admission | None, command: str) -> str:
    """Return what helps a pod that is no run's."""
    match rule:
        case Admission.NO_ROOM:
            return wording(
                "wait for other pods to end, ask for less, or have the quota raised: {command}",
                command=kubectl(facts, "kubectl describe quota"),
            )
        case Admission.RANGE:
            return wording("stay within the namespace's limits: {command}", command=command)
        case Admission.SECURITY:
            return wording(
                "set in its {field} what the message names, then: {command}",
                field="securityContext",
                command=command,
            )
        case _:
            return _step(rule, command)


def _refusal(facts: Facts, message: str) -> tuple[Evidence, ...]:
    """Return the server's refusal as evidence: of somebody else's pod the event that tells of it, with its time."""
    event = next((e for e in reversed(facts.owner_events) if e.get("message") == message), None)
    return from_event(facts, event) or (quote(facts, "submission", message),)


def _quota_wants(facts: Facts, message: str, made: Made) -> Finding:
    quota = re.search(r"failed quota: (?P<name>[^:]+)", message)
    wanted = dict.fromkeys(
        re.findall(
            r"(?:limits|requests)\.[\w./-]*\w|\b(?:cpu|memory)\b", message.partition("must specify")[2]
        )
    )
    fields = _listed([f"resources.{one if '.' in one else f'requests.{one}'}" for one in wanted])
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "QuotaNeedsResources",
        wording("the quota {quota!r} of its namespace wants every container to set {fields}", quota=quota["name"] if quota else "?", fields=fields or wording("its resources")),
        _refusal(facts, message),
        next_step=wording("set {fields} of every container in the manifest of {target}, then: {command}", fields=fields, target=f"{made.kind}/{made.name}", command=again(facts)),
    )  # fmt: skip


def _listed(fields: list[str]) -> str:
    """Return several as one text, with the word for "and" between them."""
    said = fields[0] if fields else ""
    for field in fields[1:]:
        said = wording("{fields} and {field}", fields=said, field=field)
    return said
