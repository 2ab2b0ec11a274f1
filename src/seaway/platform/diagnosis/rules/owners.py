"""What Jobs, cron jobs and their like did or did not do with their pods.

Source: the conditions and events of Kubernetes' job, cron job, replica set and stateful set controllers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from seaway.base.messages import joined, wording
from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.advice import again, kubectl, uncordon
from seaway.platform.diagnosis.evidence import (
    brief,
    container_status,
    exit_code,
    from_end,
    from_event,
    moment,
    pod_status,
    quote,
    shortened,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.rules.claims import why_no_volume

_ACCOUNT = re.compile(
    r'(?i)error looking up service account (?P<where>\S+?):|serviceaccounts? "(?P<name>[^"]+)" not found'
)
_PRIORITY = re.compile(r"no PriorityClass with name (?P<name>\S+) was found")
_SHORT = {
    "MemoryPressure": wording("memory"),
    "DiskPressure": wording("disk space"),
    "PIDPressure": wording("process numbers (pids)"),
}
_BY_DEADLINE = (0, 130, 137, 143, None)


def account_missing(facts: Facts) -> Finding | None:
    """Find pods that cannot be made because their service account does not exist."""
    found = _ACCOUNT.search(facts.create_error)
    if found is None or "not found" not in facts.create_error:
        return None
    name = found["name"] or (found["where"] or "").rpartition("/")[2]
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "AccountMissing", wording("its pods cannot be made: the service account {account!r} does not exist", account=name),
        _refusal(facts), next_step=kubectl(facts, f"kubectl create serviceaccount {name}"),
    )  # fmt: skip


def priority_missing(facts: Facts) -> Finding | None:
    """Find pods that cannot be made because their priority class does not exist."""
    found = _PRIORITY.search(facts.create_error)
    if found is None:
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "PriorityMissing", wording("its pods cannot be made: the priority class {priority!r} does not exist", priority=found["name"]),
        _refusal(facts), next_step=wording("{command}; correct {field}", command="kubectl get priorityclass", field="priorityClassName"),
    )  # fmt: skip


def _refusal(facts: Facts) -> tuple[Evidence, ...]:
    if facts.made is None or not facts.owner_events:
        return (quote(facts, "submission", facts.create_error),)
    return from_event(facts, facts.owner_events[-1])


def job_completed(facts: Facts) -> Finding | None:
    """Find a job that did its work, whatever happened to one pod of it that is not known any more."""
    done = _condition(facts, "Complete") or _condition(facts, "SuccessCriteriaMet")
    if facts.pod is not None or done is None:
        return None
    return Finding(
        None, VerdictClass.SUCCEEDED, "Completed", wording("it completed"), (_quoted(facts, done),)
    )


def suspended(facts: Facts) -> Finding | None:
    """Find a job or cron job that is paused."""
    job = facts.job or {}
    if facts.pod is not None or not (job.get("spec") or {}).get("suspend"):
        return None
    kind, name = str(job.get("kind", "Job")), (job.get("metadata") or {}).get("name")
    labels = (job.get("metadata") or {}).get("labels") or {}
    queue = labels.get("kueue.x-k8s.io/queue-name")
    condition = _condition(facts, "Suspended")
    evidence: tuple[Evidence, ...] = (
        (_quoted(facts, condition),) if condition else (quote(facts, kind.lower(), "spec.suspend: true"),)
    )
    if queue:
        why, told = _queue_says(facts)
        said = wording("it waits in the queue {queue!r} until its share of the cluster is free", queue=queue)
        return Finding(
            Level.CLUSTER, VerdictClass.CONFIGURATION, "JobSuspended", joined(": ", filter(None, (said, why))),
            (*told, *evidence), next_step=kubectl(facts, "kubectl get workloads.kueue.x-k8s.io"), permanent=False,
        )  # fmt: skip
    patch = f'kubectl patch {kind.lower()}/{name} --type=merge -p \'{{"spec":{{"suspend":false}}}}\''
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, f"{kind}Suspended", wording("the {kind} is suspended: it makes no pods until somebody lets it go on", kind=kind),
        evidence, next_step=kubectl(facts, patch), permanent=False,
    )  # fmt: skip


def _queue_says(facts: Facts) -> tuple[str, tuple[Evidence, ...]]:
    """Return why Kueue lets a job wait, "" where that is not known, and what says so."""
    for event in reversed(facts.owner_events):
        message = str(event.get("message") or "")
        if event.get("reason") in ("Stopped", "Preempted", "EvictedDueToPreempted") and "reempt" in message:
            return wording("a workload of higher priority preempted it"), from_event(facts, event)
        if event.get("reason") in ("Stopped", "EvictedDueToPodsReadyTimeout") and "PodsReady" in message:
            said = wording("its pods were not all ready in time, so Kueue put it back")
            return said, from_event(facts, event)
        if event.get("reason") in ("Pending", "Inadmissible", "QuotaReservedFailed") and "quota" in message:
            return _quota(message), from_event(facts, event)
    for one in ((facts.queued or {}).get("status") or {}).get("conditions") or ():
        message = str(one.get("message") or "")
        if one.get("type") == "QuotaReserved" and one.get("status") == "False" and message:
            return _quota(message), (
                quote(facts, "workload status", f"QuotaReserved: {message}", one.get("lastTransitionTime")),
            )
    return "", ()


def _quota(message: str) -> str:
    found = re.search(
        r"insufficient (?:unused )?quota for (?P<what>\S+) in flavor (?P<flavor>[^\s,;]+)(?:, (?P<more>[^,;.]+))?",
        message,
    )
    if found is None:
        return shortened(" ".join(message.split()), 120)
    resource, flavor = found["what"], found["flavor"]
    if not found["more"]:
        return wording(
            "its queue has no quota free for {resource} in {flavor}", resource=resource, flavor=flavor
        )
    return wording(
        "its queue has no quota free for {resource} in {flavor} ({detail})",
        resource=resource, flavor=flavor, detail=found["more"].strip(),
    )  # fmt: skip


def job_deadline(facts: Facts) -> Finding | None:
    """Find a program that its Job's time limit ended, not one that had failed or had never begun before."""
    failed = _condition(facts, "FailureTarget") or _condition(facts, "Failed")
    if failed is None or failed.get("reason") != "DeadlineExceeded":
        return None
    if facts.pod is not None:
        began = (container_status(facts).get("state") or {}).keys() & {"running", "terminated"}
        ended, at = (
            moment((terminated(facts) or {}).get("finishedAt")),
            moment(failed.get("lastTransitionTime")),
        )
        before = ended is not None and at is not None and ended < at - timedelta(seconds=2)
        by_it = exit_code(facts) in _BY_DEADLINE or (not before and _was_deleted(facts))
        if not began or not by_it or (before and exit_code(facts)):
            return None
        if exit_code(facts) == 0 and pod_status(facts).get("phase") == "Succeeded":
            return None
    seconds = ((facts.job or {}).get("spec") or {}).get("activeDeadlineSeconds")
    said = wording("its Job ran longer than its time limit and was ended")
    if seconds:
        said = wording(
            "its Job ran longer than its time limit of {seconds} s ({field}) and was ended",
            seconds=seconds, field="activeDeadlineSeconds",
        )  # fmt: skip
    return Finding(
        Level.SPEC, VerdictClass.DEADLINE, "JobDeadline", said,
        (_quoted(facts, failed), *from_end(facts)), next_step=again(facts, "--timeout", str(seconds * 2) if seconds else "MORE"), exit_code=exit_code(facts),
    )  # fmt: skip


def _was_deleted(facts: Facts) -> bool:
    """Tell whether a Pod was asked to end: a program may then end as it likes."""
    return bool(((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp") or facts.deletion_asked)


def failure_policy(facts: Facts) -> Finding | None:
    """Find a Job that gave up at once because its failure policy says so, none of whose pods is known."""
    failed = _condition(facts, "Failed")
    if facts.pod is not None or failed is None or failed.get("reason") != "PodFailurePolicy":
        return None
    return Finding(
        Level.CODE, VerdictClass.USER, "FailurePolicy", wording("one of its pods ended in a way for which its {field} says {action}", field="podFailurePolicy", action="FailJob"),
        (_quoted(facts, failed),), next_step=kubectl(facts, f"kubectl describe job {facts.run}"),
    )  # fmt: skip


def given_up(facts: Facts) -> Finding | None:
    """Find a Job that gave up, none of whose pods is known any more: why they failed cannot be said."""
    failed = _condition(facts, "Failed")
    if facts.pod is not None or failed is None or facts.made is None:
        return None
    return Finding(
        None, VerdictClass.UNKNOWN, str(failed.get("reason") or "Unknown"), wording("its pods failed as often as its Job lets them ({field}); they are not in the dump, so why they failed is unknown", field="backoffLimit"),
        (_quoted(facts, failed), *from_event(facts, facts.owner_events[-1] if facts.owner_events else None)),
        next_step=kubectl(facts, f"kubectl get pods -l job-name={facts.run} -o yaml"),
    )  # fmt: skip


def schedule_missed(facts: Facts) -> Finding | None:
    """Find a cron job that did not start when it was due."""
    if (facts.job or {}).get("kind") != "CronJob":
        return None
    event = next((e for e in reversed(facts.owner_events) if e.get("reason") in (
        "MissSchedule", "TooManyMissedTimes", "FailedNeedsStart", "JobAlreadyActive", "InvalidSchedule", "UnparseableSchedule", "UnknownTimeZone")), None)  # fmt: skip
    if event is None:
        return None
    name = facts.run
    if event["reason"] == "JobAlreadyActive":
        said, step = (
            wording(
                "it was not started because the run before it still goes on ({field})",
                field="concurrencyPolicy: Forbid",
            ),
            kubectl(facts, "kubectl get jobs"),
        )
    elif event["reason"] in ("InvalidSchedule", "UnparseableSchedule", "UnknownTimeZone"):
        said = wording("its schedule or time zone cannot be read, so it is never started")
        if "time difference between two schedules" in str(event.get("message")):  # as of the 30th of February
            said = wording("its schedule names no time that ever comes, so it is never started")
        step = kubectl(facts, f"kubectl edit cronjob/{name}")
    else:
        said, step = (
            wording("it was not started when it was due: the time within which it may start late had passed"),
            kubectl(facts, f"kubectl create job {name}-now --from=cronjob/{name}"),
        )
    return Finding(
        Level.SPEC,
        VerdictClass.CONFIGURATION,
        "ScheduleMissed",
        said,
        from_event(facts, event),
        next_step=step,
        permanent=False,
    )


def deleted_by_user(facts: Facts) -> Finding | None:
    """Find a pod that somebody deleted, and that no controller or disruption took away."""
    metadata = (facts.pod or {}).get("metadata") or {}
    due = moment(metadata.get("deletionTimestamp"))
    if facts.made is None or due is None:
        return None
    ended = terminated(facts)
    if ended is None or not ended.get("exitCode") or ended["exitCode"] not in (130, 137, 143):
        return None
    asked = due - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
    finished = moment(ended.get("finishedAt"))
    if finished is not None and finished < asked - timedelta(seconds=1):
        return None
    scaled = _deletion_event(facts)
    if scaled is not None:
        return Finding(
            Level.CLUSTER, VerdictClass.CANCELLED, "ScaledDown", wording("its controller removed it: fewer copies are wanted, or a new version took its place"),
            (*from_event(facts, scaled), *from_end(facts)), exit_code=exit_code(facts),
        )  # fmt: skip
    text = f"metadata.deletionTimestamp: {metadata['deletionTimestamp']}"
    return Finding(
        Level.CLUSTER, VerdictClass.CANCELLED, "Deleted", wording("somebody deleted it while it ran; it did not fail by itself"),
        (quote(facts, "pod status", text, metadata["deletionTimestamp"]), *from_end(facts)), next_step=again(facts), exit_code=exit_code(facts),
    )  # fmt: skip


def _deletion_event(facts: Facts) -> Mapping[str, Any] | None:
    name = ((facts.pod or {}).get("metadata") or {}).get("name") or "?"
    return next(
        (e for e in reversed(facts.owner_events) if e.get("reason") == "SuccessfulDelete" and name in str(e.get("message"))), None
    )  # fmt: skip


def _condition(facts: Facts, type_: str) -> Mapping[str, Any] | None:
    for found in ((facts.job or {}).get("status") or {}).get("conditions") or ():
        if found.get("type") == type_ and found.get("status") == "True":
            return dict(found)
    return None


def _quoted(facts: Facts, found: Mapping[str, Any]) -> Evidence:
    kind = str((facts.job or {}).get("kind", "job")).lower()
    text = f"{found.get('type')}: {found.get('reason', '')}: {found.get('message', '')}"
    return quote(facts, f"{kind} status", text, found.get("lastTransitionTime"))


def claim_waits(facts: Facts) -> Finding | None:
    """Find a persistent volume claim that is asked about by itself and has no volume."""
    claim = facts.job or {}
    if (
        facts.pod is not None
        or claim.get("kind") != "PersistentVolumeClaim"
        or (claim.get("status") or {}).get("phase") != "Pending"
    ):
        return None
    event = facts.owner_events[-1] if facts.owner_events else None
    why = why_no_volume(facts.owner_events)
    if why is not None:
        event = why
    waits = event is not None and event.get("reason") == "WaitForFirstConsumer"
    said = wording("it has no volume yet")
    if waits:
        said = wording("it has no volume yet: it gets one when the first pod that mounts it is placed")
    elif event is not None:
        reason = brief(facts, str(event.get("message") or ""))
        said = wording("it has no volume yet: {reason}", reason=reason)
    return Finding(
        Level.CLUSTER, VerdictClass.CONFIGURATION, "ClaimUnbound", said, from_event(facts, event) or (quote(facts, "claim", "phase: Pending"),),
        next_step=kubectl(facts, f"kubectl describe pvc {facts.run}"), permanent=False,
    )  # fmt: skip


def node_in_trouble(facts: Facts) -> Finding | None:
    """Find a node that is asked about by itself and is not ready, short of something, or cordoned."""
    node = facts.job or {}
    if facts.pod is not None or node.get("kind") != "Node":
        return None
    for found in (node.get("status") or {}).get("conditions") or ():
        ready = found.get("type") == "Ready"
        if found.get("status") == ("True" if ready else "False") or (
            not ready and found.get("status") != "True"
        ):
            continue
        text = f"{found.get('type')} is {found.get('status')}: {found.get('reason', '')}: {found.get('message', '')}"
        return Finding(
            Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeNotReady" if ready else str(found.get("type")), _trouble(facts.run, found),
            (quote(facts, "node", text, found.get("lastTransitionTime")),), next_step=f"kubectl describe node {facts.run}", permanent=False,
        )  # fmt: skip
    if (node.get("spec") or {}).get("unschedulable"):
        return Finding(
            Level.NODE, VerdictClass.CONFIGURATION, "NodeCordoned", wording("the node {node} is cordoned: it takes no new pods", node=facts.run),
            (quote(facts, "node", "spec.unschedulable: true"),), next_step=uncordon(facts.run, node), permanent=False,
        )  # fmt: skip
    ready = next(
        (one for one in (node.get("status") or {}).get("conditions") or () if one.get("type") == "Ready"),
        None,
    )
    if ready is None:
        return None
    return Finding(
        None, VerdictClass.UNKNOWN, "Running", wording("nothing is wrong: the node {node} is ready", node=facts.run),
        (quote(facts, "node", f"Ready is True: {ready.get('message', '')}", ready.get("lastTransitionTime")),), permanent=False,
    )  # fmt: skip


def _trouble(node: str, found: Mapping[str, Any]) -> str:
    """Return what a condition says of its node."""
    type_ = str(found.get("type"))
    if type_ == "Ready" and found.get("status") == "Unknown":
        return wording("the node {node} does not answer", node=node)
    if type_ == "Ready":
        return wording("the node {node} is not ready", node=node)
    if type_ in _SHORT:
        return wording("the node {node} is short of {resource}", node=node, resource=_SHORT[type_])
    return wording("the node {node} has {condition}", node=node, condition=type_)
