"""Jobs, nodes and claims that are asked about by themselves and are not in the cluster any more: what is remembered of them.

Source: events of Kubernetes' node lifecycle controller and of cluster autoscalers; the conditions that nodes had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.base.messages import joined, wording
from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import from_event, quote
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_REMOVALS = ("RemovingNode", "DeletingNode", "ScaleDown", "DeletingAllPods")
_ENDS = ("Failed", "Complete", "SuccessCriteriaMet", "FailureTarget")
_BEFORE = {
    "True": (wording("it was ready before that"), wording("it was ready, and was cordoned, before that")),
    "False": (
        wording("it was not ready before that"),
        wording("it was not ready, and was cordoned, before that"),
    ),
    "Unknown": (
        wording("it did not answer before that"),
        wording("it did not answer, and was cordoned, before that"),
    ),
}
"""What is said of a node by its condition Ready, and of one that was cordoned as well."""


def removed(facts: Facts) -> Finding | None:
    """Find a node, a claim or an unfinished job that is asked about by itself and is not in the cluster any more."""
    if not facts.job_gone or facts.pod is not None or facts.job is None:
        return None
    told = {"Node": _node, "PersistentVolumeClaim": _claim, "Job": _job}.get(facts.job["kind"])
    return told(facts, facts.job) if told is not None else None


def _node(facts: Facts, node: Mapping[str, Any]) -> Finding:
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready: Mapping[str, Any] = next((one for one in conditions if one.get("type") == "Ready"), {})
    cordoned = bool((node.get("spec") or {}).get("unschedulable"))
    before = _BEFORE.get(str(ready.get("status")), _BEFORE["False"])[cordoned]
    gone = wording("the node {node} is not in the cluster any more", node=facts.run)
    text = f"Ready is {ready.get('status')}: {ready.get('reason', '')}: {ready.get('message', '')}"
    last = (quote(facts, "node", text, ready.get("lastTransitionTime")),) if ready else ()
    event = next((one for one in reversed(facts.owner_events) if one.get("reason") in _REMOVALS), None)
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeRemoved", joined("; ", (gone, before)),
        (*from_event(facts, event), *last), next_step="kubectl get nodes",
    )  # fmt: skip


def _claim(facts: Facts, claim: Mapping[str, Any]) -> Finding:
    volume = (claim.get("spec") or {}).get("volumeName")
    phase = (claim.get("status") or {}).get("phase") or "unknown"
    if not volume:
        said, step = wording("it was deleted before it had a volume"), ""
    else:
        said = wording(
            "it was deleted: unless its volume is kept (persistentVolumeReclaimPolicy: Retain), its data went with it"
        )
        step = f"kubectl get pv {volume}"
    text = f"phase: {phase}" + (f", volume {volume}" if volume else "")
    return Finding(
        Level.CLUSTER,
        VerdictClass.CANCELLED,
        "ClaimDeleted",
        said,
        (quote(facts, "claim", text),),
        next_step=step,
    )


def _job(facts: Facts, job: Mapping[str, Any]) -> Finding | None:
    """Find a job that had not ended. One that had explains itself by its conditions."""
    status = job.get("status") or {}
    conditions = status.get("conditions") or ()
    if any(one.get("type") in _ENDS and one.get("status") == "True" for one in conditions):
        return None
    suspended = bool((job.get("spec") or {}).get("suspend"))
    counts = ", ".join(f"{name}: {status.get(name) or 0}" for name in ("active", "succeeded", "failed"))
    evidence: tuple[Evidence, ...] = (quote(facts, "job status", counts),)
    if facts.owner_events:
        evidence = (*evidence, *from_event(facts, facts.owner_events[-1]))
    said = wording("it was deleted before it had ended")
    if suspended:
        said = wording("it was deleted before it had ended: it was suspended, and made no pods")
    return Finding(
        Level.CLUSTER, VerdictClass.CANCELLED, "JobDeleted", said, evidence, next_step=again(facts)
    )
