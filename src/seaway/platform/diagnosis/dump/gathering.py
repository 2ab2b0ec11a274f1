"""The facts of one pod or of one owner without pods, out of a dump."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from seaway.base.messages import joined, wording
from seaway.platform.diagnosis.dump.cluster import Cluster
from seaway.platform.diagnosis.dump.containers import as_ended, telling_container
from seaway.platform.diagnosis.dump.documents import Log, Object
from seaway.platform.diagnosis.evidence import event_time, moment
from seaway.platform.diagnosis.facts import Facts, Made

LOG_LINES = 2000
_SECRET_NAME = re.compile(r"(?i)token|secret|passw|key|credential")
_ENDED = ("Succeeded", "Failed")


def facts_of_pod(cluster: Cluster, pod: Object, logs: Sequence[Log]) -> Facts:
    """Return what a dump tells of a pod."""
    metadata = pod["metadata"]
    container = telling_container(pod)
    seen, restarts = as_ended(pod, container)
    owner, origin = cluster.owner(pod), cluster.origin(pod)
    node_name = pod["spec"].get("nodeName") or ""
    node = cluster.get("Node", node_name) if node_name else None
    text, times = _log(logs, pod, container)
    text = text if text.strip() else _last_words(seen, container)
    gone = bool(seen["status"].get("isGone"))
    return Facts(
        run=str(metadata.get("name", "")),
        pod=seen,
        pod_gone=gone,
        deleted_by_others=gone,
        events=cluster.events_of(pod),
        node=node,
        node_gone=node is None and _was_removed(cluster, node_name),
        nodes=cluster.all("Node"),
        nodes_hidden=not cluster.all("Node"),
        log_tail=text,
        log_times=times,
        waiting=not gone
        and seen["status"].get("phase") not in _ENDED
        and _state(seen, container) != "terminated",
        command=_command(pod, container),
        made=_made(origin, pod, _done(cluster, pod, restarts)),
        container=container,
        now=cluster.now.isoformat() if cluster.now else None,
        job=owner,
        owner_events=[event for one in (owner, origin) if one is not None for event in cluster.events_of(one)],
        node_events=cluster.events_about("Node", node_name, "", None) if node_name else (),
        claims=_claims(cluster, pod),
        others=_others(cluster, pod),
        restarts=restarts,
        secret_values=_secrets(cluster, pod),
    )  # fmt: skip


def facts_of_owner(cluster: Cluster, owner: Object, logs: Sequence[Log]) -> Facts:
    """Return what a dump tells of a job, a replica set ... none of whose pods it holds."""
    origin = cluster.origin(owner)
    events = cluster.events_of(owner) + (cluster.events_of(origin) if origin is not owner else [])
    text, times = _log(logs, None, "")
    refused = next(
        (
            e
            for e in reversed(events)
            if e.get("reason") == "FailedCreate"
            and ("rror creating" in e["message"] or "failed error: " in e["message"])
        ),
        None,
    )
    made_since = refused is not None and any(
        event.get("reason") == "SuccessfulCreate" for event in events[events.index(refused) :]
    )
    conditions = owner["status"].get("conditions") or ()
    failure: Object = next(
        (one for one in conditions if one.get("type") == "ReplicaFailure" and one.get("status") == "True"), {}
    )
    told = refused["message"] if refused is not None and not made_since else failure.get("message") or ""
    queued = _queued(cluster, owner)
    if queued is not None:
        events = sorted([*events, *cluster.events_of(queued)], key=lambda event: event_time(event) or "")
    gone = bool(owner["status"].get("isGone"))
    return Facts(
        queued=queued,
        run=str(owner["metadata"].get("name", "")),
        log_tail=text,
        log_times=times,
        waiting=not gone and not _has(owner, "Failed", "Complete"),
        made=_made(origin, owner, ""),
        now=cluster.now.isoformat() if cluster.now else None,
        job=owner,
        job_gone=gone,
        owner_events=events,
        nodes_hidden=True,
        create_error=told,
    )  # fmt: skip


def _queued(cluster: Cluster, owner: Object) -> Object | None:
    """Return Kueue's Workload for a job, or what events tell of it; None where neither is in the dump."""
    name = str(owner["metadata"].get("name", ""))
    for found in cluster.all("Workload"):
        references = found["metadata"].get("ownerReferences") or ()
        if any(one.get("name") == name and one.get("kind") == owner["kind"] for one in references):
            return found
    started = f"{owner['kind'].lower()}-{name}-"
    about = (
        event["involvedObject"]
        for event in cluster.events
        if event["involvedObject"].get("kind") == "Workload"
    )
    told = next((one for one in about if str(one.get("name", "")).startswith(started)), None)
    return (
        {
            "kind": "Workload",
            "metadata": {"name": told["name"], "namespace": told.get("namespace", "")},
            "spec": {},
            "status": {},
        }
        if told
        else None
    )


def from_events(cluster: Cluster) -> list[Object]:
    """Return pods that only events tell of any more, as far as those go."""
    known = {
        (pod["metadata"].get("namespace") or "", pod["metadata"].get("name")) for pod in cluster.all("Pod")
    }
    found: dict[tuple[str, str], Object] = {}
    for event in cluster.events:
        about = event["involvedObject"]
        key = (about.get("namespace") or "", str(about.get("name") or ""))
        if about.get("kind") != "Pod" or key in known:
            continue
        pod = found.setdefault(key, _skeleton(cluster, about))
        _remember(pod, event)
    return list(found.values())


def _skeleton(cluster: Cluster, about: Mapping[str, Any]) -> Object:
    metadata: dict[str, Any] = {key: about[key] for key in ("name", "namespace", "uid") if about.get(key)}
    maker = cluster.maker.get(str(about.get("name")))
    if maker is not None:
        metadata["ownerReferences"] = [{**maker, "controller": True}]
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {},
        "status": {"phase": "Pending", "onlyEvents": True},
    }


def _remember(pod: Object, event: Mapping[str, Any]) -> None:
    """Carry what an event tells of a pod into the pod's status."""
    reason, message, status = event.get("reason"), event["message"], pod["status"]
    if reason == "FailedScheduling":
        status["conditions"] = [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        ]
    elif reason == "Scheduled":
        status["conditions"] = []
        pod["spec"]["nodeName"] = message.rpartition(" to ")[2]
    elif (
        reason == "Failed" and ("pull" in message or "image" in message.lower()) and "Error: " not in message
    ):
        status["containerStatuses"] = [
            {"name": "", "state": {"waiting": {"reason": "ErrImagePull", "message": message}}}
        ]
    elif reason == "Failed" and "not found" in message:
        waiting = {"reason": "CreateContainerConfigError", "message": message.removeprefix("Error: ")}
        status["containerStatuses"] = [{"name": "", "state": {"waiting": waiting}}]
    elif reason == "Started":
        status["phase"] = "Running"
        status["containerStatuses"] = [{"name": "", "state": {"running": {}}}]


def _was_removed(cluster: Cluster, node: str) -> bool:
    """Tell whether a node left the cluster: events say so, or a dump holds others and not this one."""
    if node and cluster.all("Node"):
        return True
    events = cluster.events_about("Node", node, "", None) if node else []
    return any(event.get("reason") in ("RemovingNode", "DeletingNode") for event in events)


def _has(owner: Object, *types: str) -> bool:
    conditions = owner["status"].get("conditions") or ()
    return any(one.get("type") in types and one.get("status") == "True" for one in conditions)


def _state(pod: Object, container: str) -> str:
    status = pod["status"]
    statuses = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return next(
        (next(iter(one.get("state") or {}), "") for one in statuses if one.get("name") == container), ""
    )


def _last_words(pod: Object, container: str) -> str:
    """Return what a container wrote as its termination message: with FallbackToLogsOnError the end of its log."""
    for part in ("initContainerStatuses", "containerStatuses"):
        for one in pod["status"].get(part) or ():
            ended = (one.get("state") or {}).get("terminated") or {}
            if one.get("name") == container and ended.get("reason") in ("Error", "Completed", "OOMKilled"):
                return str(ended.get("message") or "")
    return ""


def _command(pod: Object, container: str) -> tuple[str, ...]:
    declared = (*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ()))
    found: Object = next((one for one in declared if one.get("name") == container), {})
    return tuple(map(str, (*(found.get("command") or ()), *(found.get("args") or ()))))


def _made(origin: Object, found: Object, done: str) -> Made:
    """Return what was written down by somebody: of a replica set alone the deployment that its name tells of."""
    kind, name = origin["kind"].lower(), str(origin["metadata"].get("name", ""))
    hashed = str((found["metadata"].get("labels") or {}).get("pod-template-hash") or "")
    if kind == "replicaset" and hashed and name.endswith(f"-{hashed}"):
        kind, name = "deployment", name.removesuffix(f"-{hashed}")
    return Made(kind, name, found["metadata"].get("namespace") or "", done)


def _done(cluster: Cluster, pod: Object, restarts: int) -> str:
    """Say what the cluster did about it."""
    said: list[str] = []
    if restarts:
        said.append(_started_again(restarts, is_well=_is_well(pod)))
    job = cluster.owner(pod)
    if job is not None and job["kind"] == "Job":
        failed, limit = job["status"].get("failed") or 0, job["spec"].get("backoffLimit", 6)
        several = (job["spec"].get("completions") or 1) > 1 or (job["spec"].get("parallelism") or 1) > 1
        if failed > 1 and several:
            ended = wording(
                "{count} pods of its Job failed (backoffLimit {limit})", count=failed, limit=limit
            )
            said.append(ended)
        elif failed > 1:
            tried = wording(
                "its Job tried it {attempts} times (backoffLimit {limit})", attempts=failed, limit=limit
            )
            said.append(tried)
        if failed and _has(job, "Failed"):
            once = wording("its Job does not try again")
            said.append(wording("its Job has given up") if failed > 1 else once)
    return joined("; ", said)


def _started_again(times: int, *, is_well: bool) -> str:
    if times > 1 and is_well:
        return wording("the node started it again {times} times, and it runs now", times=times)
    if times > 1:
        return wording("the node started it again {times} times", times=times)
    if is_well:
        return wording("the node started it again 1 time, and it runs now")
    return wording("the node started it again 1 time")


def _is_well(pod: Object) -> bool:
    """Tell whether all containers of a pod run and are ready."""
    told = pod["status"].get("containerStatuses") or ()
    return bool(told) and all(one.get("ready") and "running" in (one.get("state") or {}) for one in told)


def _claims(cluster: Cluster, pod: Object) -> list[Object]:
    namespace = pod["metadata"].get("namespace") or ""
    names = [
        (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for volume in pod["spec"].get("volumes") or ()
    ]
    claims = [
        claim for name in names if name and (claim := cluster.get("PersistentVolumeClaim", name, namespace))
    ]
    events = [
        event
        for name in names
        if name
        for event in cluster.events_about("PersistentVolumeClaim", name, namespace, None)
    ]
    return [*claims, *events]


def _others(cluster: Cluster, pod: Object) -> list[Object] | None:
    """Return all other pods, None where the dump holds one namespace's only: others take room as well."""
    if not cluster.holds_all_pods or pod["spec"].get("nodeName"):
        return None
    return [one for one in cluster.all("Pod") if one is not pod]


def _secrets(cluster: Cluster, pod: Object) -> tuple[str, ...]:
    """Return what must not be quoted: variables whose names say so, and the Secrets that a dump may hold."""
    found = [
        str(variable.get("value"))
        for container in (*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ()))
        for variable in container.get("env") or ()
        if isinstance(variable, dict)
        and variable.get("value")
        and _SECRET_NAME.search(str(variable.get("name")))
    ]
    for secret in cluster.all("Secret"):
        for encoded in (secret.get("data") or {}).values():
            with suppress(ValueError):
                found.append(base64.b64decode(str(encoded), validate=True).decode("utf-8", "ignore"))
    return tuple(found)


def _log(logs: Sequence[Log], pod: Object | None, container: str) -> tuple[str, tuple[str, ...]]:
    """Return the last lines of a container's logs: not of those whose names say another container of the pod."""
    spec = pod["spec"] if pod is not None else {}
    declared = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    others = {str(one.get("name")) for one in declared} - {container}
    named = [set(re.split(r"[^a-zA-Z0-9-]+", log.name)) for log in logs]
    own = [log for log, words in zip(logs, named, strict=True) if container in words]
    chosen = own or [log for log, words in zip(logs, named, strict=True) if not words & others]
    lines = [line for log in chosen for line in log.text.split("\n")]
    times = [time for log in chosen for time in (log.times or ("",) * len(log.text.split("\n")))]
    return "\n".join(lines[-LOG_LINES:]), tuple(times[-LOG_LINES:]) if any(times) else ()


def finished(pod: Object) -> datetime | None:
    """Return when the first container of a pod failed, None where none did."""
    statuses = (
        *(pod["status"].get("initContainerStatuses") or ()),
        *(pod["status"].get("containerStatuses") or ()),
    )
    ends = [
        moment(end.get("finishedAt"))
        for one in statuses
        for end in (
            (one.get("state") or {}).get("terminated"),
            (one.get("lastState") or {}).get("terminated"),
        )
        if end and end.get("exitCode")
    ]
    return min(filter(None, ends), default=None)
