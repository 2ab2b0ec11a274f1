"""Reading why a cluster's rules turned a pod away: quotas, ranges, Pod Security, webhooks. Pure.

Source: the messages of Kubernetes' admission plugins ResourceQuota, LimitRanger, PodSecurity and the webhooks'.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum

from seaway.base.messages import joined, wording
from seaway.objects.quantity import parse_quantity

_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>\S+), used: (?P<used>\S+), limited: (?P<limited>\S+)"
)
_QUOTA_WANTS = re.compile(r"failed quota: (?P<quota>[^:]+): must specify (?P<what>.+)$")
_RANGE = re.compile(
    r"(?P<side>maximum|minimum) (?P<what>\S+) usage per (?P<of>\w+) is (?P<bound>\d[\w.]*\w|\d)"
    r"(?:, but (?:request|limit) is (?P<asked>\d[\w.]*\w|\d))?"
)
_LIMIT = re.compile(r"must be less than or equal to (?P<what>\w+) limit of (?P<bound>\d[\w.]*)")
"""A limit range's maximum becomes the limit of a container that gives none: Seaway gives no other than it requests."""
_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[^"]+)": (?P<what>.+)$')
_WEBHOOK = re.compile(
    r'admission webhook "(?P<name>[^"]+)" denied the request(?:: (?P<why>.+)| without explanation)?$',
    re.DOTALL,
)
_WEBHOOK_DOWN = re.compile(r'failed calling webhook "(?P<name>[^"]+)": (?P<why>.+)$')
_CONSTRAINT = re.compile(
    r"unable to validate against any security context constraint: \[?(?P<what>.+?)\]?$", re.DOTALL
)
"""What OpenShift says of a pod that none of its security context constraints allows."""
_POLICY = re.compile(r"ValidatingAdmissionPolicy '(?P<name>[^']+)'.* denied request: (?P<why>.+)$")
_NAMES = {"cpu": wording("CPU"), "memory": wording("memory"), "pods": wording("pods")}


class Admission(Enum):
    """Which rule turned a pod away."""

    NO_ROOM = "no room in a quota now"
    TOO_BIG = "more than a whole quota"
    QUOTA_WANTS = "a quota wants a request or limit to be given"
    RANGE = "outside of a limit range"
    SECURITY = "against the namespace's Pod Security Standard"
    DENIED = "denied by a webhook or a policy"
    UNANSWERED = "a webhook that must be asked does not answer"


def admission(message: str) -> Admission | None:
    """Return which rule a message of the API server is about, None for none that is known."""
    if _QUOTA.search(message):
        return Admission.TOO_BIG if exceeding(message, of_used=False) else Admission.NO_ROOM
    for found, rule in (
        (_QUOTA_WANTS, Admission.QUOTA_WANTS),
        (_SECURITY, Admission.SECURITY),
        (_WEBHOOK_DOWN, Admission.UNANSWERED),
        (_CONSTRAINT, Admission.SECURITY),
        (_WEBHOOK, Admission.DENIED),
        (_POLICY, Admission.DENIED),
        (_RANGE, Admission.RANGE),
        (_LIMIT, Admission.RANGE),
    ):
        if found.search(message):
            return rule
    return None


def explanation(message: str, *, of_run: bool = True) -> str:
    """Return the same in one sentence for a person, "" where no rule is known.

    Args:
        message: the API server's.
        of_run: of a run in a workspace; else of a pod in a namespace that is nothing of Seaway's.
    """
    if found := _QUOTA.search(message):
        return _exceeded(message, found["quota"], of_run=of_run)
    if found := _QUOTA_WANTS.search(message):
        return wording(
            "the quota {quota!r} of the workspace wants every run to say {amounts}",
            quota=found["quota"], amounts=_wanted(found["what"]),
        )  # fmt: skip
    if found := _SECURITY.search(message):
        return wording(
            "the namespace's Pod Security Standard {level!r} forbids it: {reason}",
            level=found["level"], reason=found["what"],
        )  # fmt: skip
    if found := _CONSTRAINT.search(message):
        reason = " ".join(found["what"].split())[:200]
        return wording("OpenShift's security context constraints forbid it: {reason}", reason=reason)
    if found := _WEBHOOK.search(message):
        return _denied(found["name"], found["why"])
    if found := _WEBHOOK_DOWN.search(message):
        return wording(
            "the cluster's admission webhook {webhook!r}, which must allow every pod, does not answer",
            webhook=found["name"],
        )
    if found := _POLICY.search(message):
        return wording(
            "the cluster's admission policy {policy!r} denied it: {reason}",
            policy=found["name"], reason=found["why"],
        )  # fmt: skip
    if found := _RANGE.search(message):
        return _outside(found, of_run=of_run, least=found["side"] == "minimum", asked=found["asked"])
    if found := _LIMIT.search(message):
        return _outside(found, of_run=of_run)
    return ""


def _exceeded(message: str, quota: str, *, of_run: bool) -> str:
    """Say that a quota has no room, now or at all."""
    amounts = joined(", ", exceeding(message, of_used=False) or exceeding(message, of_used=True))
    if admission(message) is not Admission.TOO_BIG:
        if of_run:
            return wording(
                "the quota {quota!r} of the workspace has no room for it now ({amounts})",
                quota=quota, amounts=amounts,
            )  # fmt: skip
        return wording(
            "the quota {quota!r} of its namespace has no room for it now ({amounts})",
            quota=quota, amounts=amounts,
        )  # fmt: skip
    if of_run:
        return wording(
            "it asks for more than the quota {quota!r} of the workspace allows at all ({amounts})",
            quota=quota, amounts=amounts,
        )  # fmt: skip
    return wording(
        "it asks for more than the quota {quota!r} of its namespace allows at all ({amounts})",
        quota=quota, amounts=amounts,
    )  # fmt: skip


def _denied(webhook: str, reason: str | None) -> str:
    """Say that a webhook denied it, with its reason where it gives one."""
    if reason:
        return wording(
            "the cluster's admission webhook {webhook!r} denied it: {reason}", webhook=webhook, reason=reason
        )
    return wording(
        "the cluster's admission webhook {webhook!r} denied it: it says no reason", webhook=webhook
    )


def _outside(found: re.Match[str], *, of_run: bool, least: bool = False, asked: str | None = None) -> str:
    """Say which bound of a limit range it does not keep, and what it asks for, where that is told."""
    amount, resource = found["bound"], _NAMES.get(found["what"], found["what"])
    said: str
    if of_run and least:
        said = wording("the workspace allows at least {amount} of {resource} per run", amount=amount, resource=resource)  # fmt: skip
    elif of_run:
        said = wording("the workspace allows at most {amount} of {resource} per run", amount=amount, resource=resource)  # fmt: skip
    elif least:
        said = wording("its namespace allows at least {amount} of {resource} per container", amount=amount, resource=resource)  # fmt: skip
    else:
        said = wording("its namespace allows at most {amount} of {resource} per container", amount=amount, resource=resource)  # fmt: skip
    return said + wording("; it asks for {amount}", amount=asked) if asked else said


def wants_option(message: str) -> str:
    """Return the option of `seaway run` that a rule is about: "--memory", "--cpu", "" for neither."""
    told = _RANGE.search(message) or _LIMIT.search(message)
    what = told["what"] if told else "".join(m["what"] for m in (_QUOTA_WANTS.search(message),) if m)
    if not what:
        what = " ".join(exceeding(message, of_used=False))
    return "--memory" if "memory" in what else "--cpu" if "cpu" in what else ""


def exceeding(message: str, *, of_used: bool) -> list[str]:
    """Return what exceeds a quota, each with its numbers.

    Args:
        message: the API server's.
        of_used: beside what others use already; else by itself.
    """
    found = _QUOTA.search(message)
    if found is None:
        return []
    requested, used, limited = (_amounts(found[part]) for part in ("requested", "used", "limited"))
    shown: list[str] = []
    for name, amount in requested.items():
        limit = limited.get(name)
        taken = used.get(name, "0") if of_used else "0"
        if limit is not None and _number(amount) + _number(taken) > _number(limit):
            if of_used:
                told = wording(
                    "{resource}: {amount} of {limit}, {used} in use",
                    resource=name, amount=amount, limit=limit, used=taken,
                )  # fmt: skip
            else:
                told = wording("{resource}: {amount} of {limit}", resource=name, amount=amount, limit=limit)
            shown.append(told)
    return shown


def _amounts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name: amount for name, found, amount in pairs if found}


def _number(amount: str) -> Decimal:
    try:
        return parse_quantity(amount)
    except ValueError:
        return Decimal(0)


def _wanted(what: str) -> str:
    """Return what a quota wants ("limits.memory for: main; requests.cpu for: main") as options."""
    if "memory" in what and "cpu" in what:
        return wording("its memory (--memory) and its CPU (--cpu)")
    if "memory" in what:
        return wording("its memory (--memory)")
    return wording("its CPU (--cpu)") if "cpu" in what else what
