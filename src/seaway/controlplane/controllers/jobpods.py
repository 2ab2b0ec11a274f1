"""What the pods of a job say, and the pods it wants: pure.

Source: batch/v1 Job, "Tracking Jobs with finalizers" (KEP-2307), "Indexed Job" (KEP-2214).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.objects.meta import copy as deep_copy
from seaway.objects.meta import deletion_timestamp, finalizers, get_condition, name, owner_reference, uid
from seaway.objects.names import bounded_name

Object = dict[str, Any]
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class PodCensus:
    """A job's pods by what they mean for it."""

    active: tuple[Object, ...] = ()
    """Neither ended nor being deleted."""
    terminating: tuple[Object, ...] = ()
    """Being deleted, not ended."""
    succeeded: tuple[Object, ...] = ()
    """Ended well and not counted for good."""
    failed: tuple[Object, ...] = ()
    """Ended badly (or deleted before they ended) and not counted for good."""
    names: frozenset[str] = frozenset()

    @property
    def ready(self) -> int:
        """How many of the active ones are ready."""
        return sum((get_condition(pod, "Ready") or {}).get("status") == "True" for pod in self.active)


def census(pods: Iterable[Object], *, replace_failed_only: bool = False) -> PodCensus:
    """Sort a job's pods.

    Args:
        pods: all that the job controls.
        replace_failed_only: podReplacementPolicy Failed: a pod being deleted has not failed until it ended.
    """
    groups: dict[str, list[Object]] = {"active": [], "terminating": [], "succeeded": [], "failed": []}
    names = set()
    for pod in pods:
        names.add(name(pod))
        phase = (pod.get("status") or {}).get("phase")
        tracked = FINALIZER in finalizers(pod)
        if phase in ("Succeeded", "Failed"):
            if tracked:
                groups[phase.lower()].append(pod)
        elif deletion_timestamp(pod) is None:
            groups["active"].append(pod)
        else:
            groups["terminating"].append(pod)
            if tracked and not replace_failed_only:
                groups["failed"].append(pod)
    return PodCensus(
        tuple(groups["active"]),
        tuple(groups["terminating"]),
        tuple(groups["succeeded"]),
        tuple(groups["failed"]),
        frozenset(names),
    )


def pod_index(pod: Mapping[str, Any]) -> int | None:
    """Return the completion index of a pod, None where it has none."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdigit() else None


def new_pods(
    job: Object, count: int, ordinal: int, taken: Collection[str], indexes: Sequence[int] | None
) -> list[Object]:
    """Return `count` pods to create.

    Their names follow from the job's uid and an ordinal, so that creating one twice conflicts instead of running twice.

    Args:
        job: as stored.
        count: how many.
        ordinal: how many pods the job had that are counted for good.
        taken: names of its pods that exist.
        indexes: completion indexes to give out, in order; None for a job without.
    """
    wanted: list[Object] = []
    while len(wanted) < count:
        index = indexes[len(wanted)] if indexes is not None else None
        pod_name = _pod_name(job, ordinal, index)
        ordinal += 1
        if pod_name not in taken:
            wanted.append(_pod(job, pod_name, index))
    return wanted


def _pod_name(job: Object, ordinal: int, index: int | None) -> str:
    digest = hashlib.blake2b(f"{uid(job)}/{ordinal}/{index}".encode(), digest_size=8).digest()
    number, letters = int.from_bytes(digest, "big"), []
    for _ in range(6):
        number, rest = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[rest])
    own = () if index is None else (str(index),)
    return bounded_name(name(job), *own, "".join(letters))


def _pod(job: Object, pod_name: str, index: int | None) -> Object:
    template = deep_copy(job["spec"]["template"])
    metadata = template.setdefault("metadata", {}) or {}
    job_labels = {
        "batch.kubernetes.io/controller-uid": uid(job), "batch.kubernetes.io/job-name": name(job),
        "controller-uid": uid(job), "job-name": name(job),
    }  # fmt: skip
    notes = dict(metadata.get("annotations") or {})
    spec = template["spec"]
    if index is not None:
        notes[INDEX] = str(index)
        job_labels[INDEX] = str(index)
        _give_index(spec)
        spec.setdefault("hostname", f"{name(job)}-{index}")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name,
            "namespace": job["metadata"]["namespace"],
            "labels": {**(metadata.get("labels") or {}), **job_labels},
            **({"annotations": notes} if notes else {}),
            "finalizers": [*(metadata.get("finalizers") or ()), FINALIZER],
            "ownerReferences": [owner_reference(job)],
        },
        "spec": spec,
    }


def _give_index(spec: Object) -> None:
    path = f"metadata.annotations['{INDEX}']"
    variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"fieldPath": path}}}
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        known = container.get("env") or []
        if not any(entry["name"] == variable["name"] for entry in known):
            container["env"] = [*known, variable]


def parse_indexes(text: str) -> set[int]:
    """Read "1,3-5" as {1, 3, 4, 5}."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def format_indexes(indexes: Iterable[int]) -> str:
    """Write {1, 3, 4, 5} as "1,3-5"."""
    parts: list[str] = []
    ordered = sorted(indexes)
    start = 0
    for position in range(1, len(ordered) + 1):
        if position == len(ordered) or ordered[position] != ordered[position - 1] + 1:
            first, last = ordered[start], ordered[position - 1]
            parts.append(str(first) if first == last else f"{first}-{last}")
            start = position
    return ",".join(parts)
