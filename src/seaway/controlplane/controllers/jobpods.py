"""What the pods of a job say, and the pods it wants: pure.

Source: batch/v1 Job, "Tracking Jobs with finalizers" (KEP-2307), "Indexed Job" (KEP-2214).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.controllers.jobfailures import FAILURES, IGNORED_FAILURES, Failures
from seaway.objects.meta import copy as deep_copy
from seaway.objects.meta import deletion_timestamp, finalizers, get_condition, name, owner_reference, uid
from seaway.objects.names import bounded_name
from seaway.objects.pods import has_ended

Object = dict[str, Any]
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


@dataclass(frozen=True, slots=True)
class PodCensus:
    """A job's pods by what they mean for it."""

    active: tuple[Object, ...] = ()
    """Neither ended nor being deleted."""
    terminating: tuple[Object, ...] = ()
    """Being deleted, not ended."""
    names: frozenset[str] = frozenset()


def census(pods: Iterable[Object]) -> PodCensus:
    """Sort a job's pods."""
    active: list[Object] = []
    terminating: list[Object] = []
    names = set()
    for pod in pods:
        names.add(name(pod))
        if not has_ended(pod):
            (active if deletion_timestamp(pod) is None else terminating).append(pod)
    return PodCensus(tuple(active), tuple(terminating), frozenset(names))


def is_tracked(pod: Object) -> bool:
    """Tell whether a pod is not counted for good."""
    return FINALIZER in finalizers(pod)


def is_ready(pod: Object) -> bool:
    """Tell whether a pod is ready."""
    return (get_condition(pod, "Ready") or {}).get("status") == "True"


def pod_index(pod: Mapping[str, Any]) -> int | None:
    """Return the completion index of a pod, None where it has none."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdecimal() else None


def surplus(active: Sequence[Object], count: int, completions: int | None) -> list[Object]:
    """Return the active pods to delete: those whose index is wrong or taken, and at least `count`, newest first.

    Args:
        active: live pods of the job.
        count: how many are too many.
        completions: number of indexes of an indexed job; None for another.
    """
    ordered = sorted(active, key=_worth)
    wrong: list[Object] = []
    if completions is not None:
        seen: set[int] = set()
        for pod in reversed(ordered):
            index = pod_index(pod)
            if index is None or index >= completions or index in seen:
                wrong.append(pod)
            else:
                seen.add(index)
    left = [pod for pod in ordered if not any(pod is other for other in wrong)]
    return wrong + left[: max(0, count - len(wrong))]


def _worth(pod: Object) -> tuple[bool, int, bool, float, int, float, str]:
    """Sort pods so that those go first that have come least far."""
    status, ready = pod.get("status") or {}, get_condition(pod, "Ready") or {}
    since = ready.get("lastTransitionTime")
    restarts = max((c.get("restartCount") or 0 for c in status.get("containerStatuses") or ()), default=0)
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.get(status.get("phase") or "Pending", 0),
        is_ready(pod),
        -parse_rfc3339(since) if since and is_ready(pod) else 0.0,
        -restarts,
        -parse_rfc3339(pod["metadata"].get("creationTimestamp") or "1970-01-01T00:00:00Z"),
        name(pod),
    )


def new_pods(
    job: Object,
    count: int,
    ordinal: int,
    taken: Collection[str],
    indexes: Sequence[int] | None,
    failures: Mapping[int, Failures] | None = None,
) -> list[Object]:
    """Return `count` pods to create.

    Their names follow from the job's uid and an ordinal, so that creating one twice conflicts instead of running twice.

    Args:
        job: as stored.
        count: how many.
        ordinal: how many pods the job had that are counted for good.
        taken: names of its pods that exist.
        indexes: completion indexes to give out, in order; None for a job without.
        failures: how often each index failed, where the job counts that.
    """
    wanted: list[Object] = []
    while len(wanted) < count:
        index = indexes[len(wanted)] if indexes is not None else None
        pod_name = _pod_name(job, ordinal, index)
        ordinal += 1
        if pod_name not in taken:
            failed = None if failures is None or index is None else failures.get(index, Failures())
            wanted.append(_pod(job, pod_name, index, failed))
    return wanted


def _pod_name(job: Object, ordinal: int, index: int | None) -> str:
    digest = hashlib.blake2b(f"{uid(job)}/{ordinal}/{index}".encode(), digest_size=8).digest()
    number, letters = int.from_bytes(digest, "big"), []
    for _ in range(6):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    own = () if index is None else (str(index),)
    return bounded_name(name(job), *own, "".join(letters))


def _pod(job: Object, pod_name: str, index: int | None, failed: Failures | None) -> Object:
    template = deep_copy(job["spec"]["template"])
    metadata = template.get("metadata") or {}
    labels, notes = dict(metadata.get("labels") or {}), dict(metadata.get("annotations") or {})
    spec = template["spec"]
    if index is not None:
        notes[INDEX] = labels[INDEX] = str(index)
        _give_index(spec)
        spec["hostname"] = f"{name(job)}-{index}"
    if failed is not None:
        notes[FAILURES] = str(failed.counted)
        if failed.ignored:
            notes[IGNORED_FAILURES] = str(failed.ignored)
    own = {FINALIZER: None} | dict.fromkeys(metadata.get("finalizers") or ())
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name,
            "namespace": job["metadata"]["namespace"],
            **({"labels": labels} if labels else {}),
            **({"annotations": notes} if notes else {}),
            "finalizers": list(own),
            "ownerReferences": [owner_reference(job)],
        },
        "spec": spec,
    }


def _give_index(spec: Object) -> None:
    path = f"metadata.labels['{INDEX}']"
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"fieldPath": path}}}
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        known = container.get("env") or []
        if not any(entry["name"] == variable["name"] for entry in known):
            container["env"] = [*known, variable]
