"""Reading why a cluster's rules turned a pod away: quotas, ranges, Pod Security, webhooks. Pure.

Source: the messages of Kubernetes' admission plugins ResourceQuota, LimitRanger, PodSecurity and the webhooks'.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum

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
_NAMES = {"cpu": "CPU", "memory": "memory", "pods": "pods"}


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


def explanation(message: str) -> str:
    """Return the same in one sentence for a person, "" where no rule is known."""
    if found := _QUOTA.search(message):
        what = ", ".join(exceeding(message, of_used=False) or exceeding(message, of_used=True))
        if admission(message) is Admission.TOO_BIG:
            return (
                f"it asks for more than the quota {found['quota']!r} of the workspace allows at all ({what})"
            )
        return f"the quota {found['quota']!r} of the workspace has no room for it now ({what})"
    if found := _QUOTA_WANTS.search(message):
        return (
            f"the quota {found['quota']!r} of the workspace wants every run to say {_wanted(found['what'])}"
        )
    if found := _SECURITY.search(message):
        return f"the namespace's Pod Security Standard {found['level']!r} forbids it: {found['what']}"
    if found := _CONSTRAINT.search(message):
        return f"OpenShift's security context constraints forbid it: {' '.join(found['what'].split())[:200]}"
    if found := _WEBHOOK.search(message):
        return f"the cluster's admission webhook {found['name']!r} denied it: {found['why'] or 'it says no reason'}"
    if found := _WEBHOOK_DOWN.search(message):
        return (
            f"the cluster's admission webhook {found['name']!r}, which must allow every pod, does not answer"
        )
    if found := _POLICY.search(message):
        return f"the cluster's admission policy {found['name']!r} denied it: {found['why']}"
    if found := _RANGE.search(message):
        asked = f"; it asks for {found['asked']}" if found["asked"] else ""
        side = "at most" if found["side"] == "maximum" else "at least"
        return f"the workspace allows {side} {found['bound']} of {_NAMES.get(found['what'], found['what'])} per run{asked}"
    if found := _LIMIT.search(message):
        return f"the workspace allows at most {found['bound']} of {_NAMES.get(found['what'], found['what'])} per run"
    return ""


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
    shown = []
    for name, amount in requested.items():
        limit = limited.get(name)
        taken = used.get(name, "0") if of_used else "0"
        if limit is not None and _number(amount) + _number(taken) > _number(limit):
            beside = f", {taken} in use" if of_used else ""
            shown.append(f"{name}: {amount} of {limit}{beside}")
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
    named = {"memory": "its memory (--memory)", "cpu": "its CPU (--cpu)"}
    said = [text for name, text in named.items() if name in what]
    return " and ".join(said) or what
