"""Persistent volume claims that do not exist or are not bound.

Source: the events of the scheduler, the kubelet and the persistent volume controllers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seaway.base.messages import joined, wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import kubectl
from seaway.platform.diagnosis.evidence import brief, from_event, pod_status, quote
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.rules.volumes import message_of, mount_event

_UNBOUND = re.compile(
    r"unbound immediate PersistentVolumeClaims|didn't find available persistent volumes|binding volumes:"
)
_CLAIM = re.compile(
    r'(?i)persistentvolumeclaim "(?P<name>[^"]+)" (?:not found|cannot be mounted: it does not exist)'
)
_PROVISIONER = re.compile(r"provisioner,? '(?P<name>[^']+)'")


def claim_missing(facts: Facts) -> Finding | None:
    """Find a persistent volume claim that does not exist."""
    message, evidence = _scheduling(facts)
    event = mount_event(facts, _CLAIM)
    if not message and event is not None:
        message, evidence = message_of(event), from_event(facts, event)
    found = _CLAIM.search(message)
    if found is None:
        return None
    step = wording("create the claim, or correct its name: {command}", command=kubectl(facts, "kubectl get pvc"))  # fmt: skip
    if facts.made is None:
        step = wording(
            "make it anew, empty: {command}; or stop the run: {stop}",
            command=f"seaway volume create {found['name']} --size SIZE", stop="seaway stop {run}",
        )  # fmt: skip
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "ClaimMissing",
        wording("it mounts the persistent volume claim {claim!r}, which does not exist", claim=found["name"]),
        evidence, permanent=False, next_step=step,
    )  # fmt: skip


def claim_unbound(facts: Facts) -> Finding | None:
    """Find a claim for which there is no volume, and say why."""
    message, evidence = _scheduling(facts)
    unplaced = pod_status(facts).get("phase", "Pending") == "Pending" and not (
        (facts.pod or {}).get("spec") or {}
    ).get("nodeName")
    why = why_no_volume(facts.claims)
    if not (unplaced and not message and why is not None) and not _UNBOUND.search(message):
        return None
    name = _pending_claim(facts)
    said: str = wording("its persistent volume claim has no volume yet")
    if name:
        said = wording("its persistent volume claim {claim!r} has no volume yet", claim=name)
    waits = _waits_for_driver(facts) if why is None else None
    driver = _PROVISIONER.search(message_of(waits or {}))
    reason = brief(facts, str(why.get("message", ""))) if why is not None else ""
    if why is not None:
        said = joined(": ", (said, reason))
    elif driver is not None:
        silent = wording("its driver {driver!r} has not made one; does it run?", driver=driver["name"])
        said = joined(": ", (said, silent))
    return Finding(
        *_level_of_claim(why), "ClaimUnbound", said, (*from_event(facts, why or waits), *evidence),
        next_step=_step_of_claim(facts, name, reason, silent=driver is not None), permanent=False,
    )  # fmt: skip


def _pending_claim(facts: Facts) -> str:
    """Return the name of the claim that waits, "" where none is known."""
    claim = next(
        (
            one
            for one in facts.claims
            if one.get("kind") == "PersistentVolumeClaim"
            and (one.get("status") or {}).get("phase") == "Pending"
        ),
        None,
    )
    return str(((claim or {}).get("metadata") or {}).get("name") or "")


def _waits_for_driver(facts: Facts) -> Mapping[str, Any] | None:
    """Return the newest event that says that a driver was asked to make the volume, None where there is none."""
    return next((e for e in reversed(facts.claims) if e.get("reason") == "ExternalProvisioning"), None)


def _step_of_claim(facts: Facts, name: str, reason: str, *, silent: bool) -> str:
    """Return what helps a claim that has no volume, by the reason that the cluster gives and whether its driver does not answer."""
    described = kubectl(facts, f"kubectl describe pvc {name}".strip())
    if silent:
        return f"kubectl get pods -A | grep -i csi; {described}"
    if "storageclass" not in reason.lower():
        return described
    classes = "kubectl get storageclass"
    if facts.made is not None:
        return wording("{classes}; make the claim anew with one of these: {command}", classes=classes, command=described)  # fmt: skip
    return wording(
        "stop the run; {classes}; {remove}, then make it with a class that is there: {command}",
        classes=classes, remove=f"seaway volume rm {name or 'NAME'}", command=f"seaway volume create {name or 'NAME'} --class CLASS",
    )  # fmt: skip


def why_no_volume(claims: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the newest event that says why a claim gets no volume, None where there is none."""
    return next(
        (e for e in reversed(claims) if e.get("reason") in ("ProvisioningFailed", "FailedBinding")), None
    )


def _level_of_claim(why: Mapping[str, Any] | None) -> tuple[Level, VerdictClass]:
    text = str((why or {}).get("message") or "")
    spec = re.search(
        r'storageclass\S* "[^"]*" not found|no persistent volumes available|no storage class is set', text
    )
    return (Level.SPEC if spec else Level.CLUSTER), VerdictClass.CONFIGURATION


def _scheduling(facts: Facts) -> tuple[str, tuple[Any, ...]]:
    """Return the scheduler's last word on a pod that it has not placed."""
    pod = facts.pod or {}
    if pod_status(facts).get("phase", "Pending") != "Pending" or (pod.get("spec") or {}).get("nodeName"):
        return "", ()
    for found in pod_status(facts).get("conditions") or ():
        if found.get("type") == "PodScheduled" and found.get("status") == "False":
            text = str(found.get("message") or "")
            return text, (
                quote(facts, "pod status", f"Unschedulable: {text}", found.get("lastTransitionTime")),
            )
    event = next((e for e in reversed(facts.events) if e.get("reason") == "FailedScheduling"), None)
    return (message_of(event), from_event(facts, event)) if event is not None else ("", ())
