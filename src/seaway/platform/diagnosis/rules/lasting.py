"""Pods that do not go on or do not go away: hung programs, unused GPUs, deletions that are held up.

Source: finalizers and deletion as the Kubernetes documentation describes them ("Finalizers", "Pod Lifecycle").
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from seaway.base.messages import joined, wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import kubectl
from seaway.platform.diagnosis.evidence import (
    condition,
    container_status,
    exit_code,
    from_end,
    from_event,
    from_log,
    last_event,
    last_lines,
    main_container,
    moment,
    pod_status,
    quote,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_OWN = (
    "batch.kubernetes.io/job-tracking",
    "foregroundDeletion",
    "orphan",
    "seaway.dev/recorded",
    "kueue.x-k8s.io/managed",
)
_WITHOUT = """kubectl patch pod NAME --type=merge -p '{"metadata":{"finalizers":null}}'"""
SILENCE = timedelta(hours=1)
"""Without a line in its log, after which a program that runs is said to hang."""
_NO_GPU_USED = re.compile(
    r"(?i)no gpu/tpu found, falling back to cpu|falling back to cpu|gpu will not be used"
    r"|cuda(?:\.is_available\(\)|[ _]available)[:=]? ?false|using device: cpu|device[:=] ?cpu\b"
    r"|GPU available: (?:False|True).*used: (?:False|0)|cannot dlopen some gpu libraries"
    r"|Skipping registering GPU devices"
)


def held_by_finalizer(facts: Facts) -> Finding | None:
    """Find a pod that is gone but for a finalizer that somebody must take off."""
    overdue, metadata = _overdue(facts), (facts.pod or {}).get("metadata") or {}
    held = [name for name in metadata.get("finalizers") or () if name not in _OWN]
    if overdue is None or not held or "running" in (container_status(facts).get("state") or {}):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "HeldByFinalizer",
        wording("its deletion waits for the finalizer {finalizer!r}, which its controller has not taken off", finalizer=held[0]),
        (quote(facts, "pod status", f"deletionTimestamp: {overdue}; finalizers: {', '.join(held)}", overdue),),
        next_step=wording(
            "see whether that controller runs; if it is gone for good: {command}",
            command=kubectl(facts, _WITHOUT.replace("NAME", facts.run)),
        ), permanent=False,
    )  # fmt: skip


def held_by_node(facts: Facts) -> Finding | None:
    """Find a deleted pod whose node does not say that its containers are gone."""
    overdue = _overdue(facts)
    conditions = ((facts.node or {}).get("status") or {}).get("conditions") or ()
    ready = next((one for one in conditions if one.get("type") == "Ready"), None)
    name = ((facts.pod or {}).get("spec") or {}).get("nodeName")
    if overdue is None or ready is None or ready.get("status") == "True":
        return None
    text = f"node {name}: Ready is {ready.get('status')}: {ready.get('message', '')}"
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeLost",
        wording("its deletion cannot finish: its node {node} does not answer", node=str(name)),
        (quote(facts, "node", text, ready.get("lastTransitionTime")), quote(facts, "pod status", f"deletionTimestamp: {overdue}", overdue)),
        next_step=wording("repair the node, or if its machine is off: {command}", command=_off(facts, name)), retry=True, permanent=False,
    )  # fmt: skip


def _off(facts: Facts, node: str | None) -> str:
    """Return the command by which an administrator says that a machine is off."""
    return kubectl(facts, f"kubectl delete node {node}", f"seaway cluster confirm-off {node}")


def held_by_volume(facts: Facts) -> Finding | None:
    """Find a deleted pod whose containers or volumes its node cannot let go of."""
    overdue, event = (
        _overdue(facts),
        last_event(
            facts,
            "FailedUnmount",
            "FailedUnMount",
            "FailedKillPod",
            "FailedDetachVolume",
            "FailedUnmountDevice",
        ),
    )
    if overdue is None or event is None:
        return None
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "StuckTerminating",
        wording("its deletion cannot finish: its node cannot stop a container or let go of a volume"),
        (*from_event(facts, event), quote(facts, "pod status", f"deletionTimestamp: {overdue}", overdue)),
        next_step=wording(
            "have the node looked at; if its programs have certainly ended: {command}",
            command=kubectl(facts, f"kubectl delete pod {facts.run} --force"),
        ), permanent=False,
    )  # fmt: skip


def being_deleted(facts: Facts) -> Finding | None:
    """Find a pod that was deleted and still has time to end."""
    due = ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp")
    if facts.made is None or due is None or "running" not in (container_status(facts).get("state") or {}):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.CANCELLED, "Deleted",
        wording("it was deleted and is ending: its program was told so, and has until {time}", time=due),
        (quote(facts, "pod status", f"deletionTimestamp: {due}", due), *from_event(facts, last_event(facts, "Killing"))),
        next_step="seaway logs {run} -f", permanent=False,
    )  # fmt: skip


def restarted_after_success(facts: Facts) -> Finding | None:
    """Find a program that ends well and is started again and again, because what made it is for services."""
    policy = ((facts.pod or {}).get("spec") or {}).get("restartPolicy", "Always")
    if facts.made is None or not facts.restarts or exit_code(facts) != 0 or policy != "Always":
        return None
    image, command = main_container(facts).get("image", "IMAGE"), shlex.join(facts.command) or "COMMAND"
    as_job = kubectl(facts, f"kubectl create job {facts.made.name}-once --image={image}")
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "RestartedAfterSuccess",
        wording("its program ends well, and a {kind} starts whatever ends again and again", kind=facts.made.kind), from_end(facts),
        next_step=wording("make it a Job, whose pods may end: {command}", command=f"{as_job} -- {command}"), exit_code=0,
    )  # fmt: skip


def sidecar_runs_on(facts: Facts) -> Finding | None:
    """Find a pod whose program has ended while another container of it runs on, so that its Job never ends."""
    mains = pod_status(facts).get("containerStatuses") or ()
    ended = [one for one in mains if (one.get("state") or {}).get("terminated", {}).get("exitCode") == 0]
    on = [one for one in mains if "running" in (one.get("state") or {})]
    policy = ((facts.pod or {}).get("spec") or {}).get("restartPolicy", "Always")
    if (
        facts.made is None
        or not ended
        or not on
        or policy == "Always"
        or pod_status(facts).get("phase") != "Running"
    ):
        return None
    over = wording(
        "container {container} ended: {reason}, exit code {code}",
        container=ended[0].get("name", ""), reason="Completed", code=0,
    )  # fmt: skip
    text = joined("; ", (over, wording("container {container} is running", container=on[0].get("name", ""))))
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "SidecarRunsOn",
        wording("its program has completed, but the container {container!r} runs on, so the pod does not end", container=on[0].get("name", "")),
        (quote(facts, "pod status", text, ended[0]["state"]["terminated"].get("finishedAt")),),
        next_step=wording(
            "make that container a sidecar: an init container with {field}, which ends with the program", field="restartPolicy: Always"
        ), permanent=False,
    )  # fmt: skip


def init_runs(facts: Facts) -> Finding | None:
    """Find a pod whose program has not begun because an init container has not ended."""
    inits = pod_status(facts).get("initContainerStatuses") or ()
    mine: Mapping[str, Any] = next((one for one in inits if one.get("name") == facts.container), {})
    started = (mine.get("state") or {}).get("running")
    if facts.made is None or started is None or pod_status(facts).get("phase") != "Pending":
        return None
    text = wording("init container {container} is running", container=facts.container)
    return Finding(
        Level.CONTAINER, VerdictClass.CONFIGURATION, "InitRunning",
        wording("its program has not begun: the init container {container!r} has not ended yet", container=facts.container),
        (quote(facts, "pod status", text, started.get("startedAt")), *from_log(facts, last_lines(facts, 1))),
        next_step="seaway logs {run}", permanent=False,
    )  # fmt: skip


def hung(facts: Facts) -> Finding | None:
    """Find a program that runs and has said nothing for long, where the log's times are known."""
    now, last = moment(facts.now), moment(next((time for time in reversed(facts.log_times) if time), None))
    if (
        not facts.waiting
        or "running" not in (container_status(facts).get("state") or {})
        or now is None
        or last is None
    ):
        return None
    if now - last < SILENCE or facts.made is None:
        return None
    hours = (now - last).total_seconds() / 3600
    inspect = kubectl(facts, f"kubectl exec {facts.run}") + f" -c {facts.container} -- py-spy dump --pid 1"
    return Finding(
        Level.CODE, VerdictClass.USER, "Hung",
        wording("it runs but seems to hang: it has written nothing for {hours:.1f} hours", hours=hours),
        from_log(facts, last_lines(facts, 1)), next_step=wording("see where it stands: {command}", command=inspect), permanent=False,
    )  # fmt: skip


def hangs(facts: Facts) -> Finding | None:
    """Find a run's program that has written nothing and used no CPU for long."""
    still = facts.still
    now = moment(still.now if still else None)
    silent, idle = moment(still.silent_since if still else None), moment(still.idle_since if still else None)
    if not facts.waiting or still is None or not still.hangs or now is None or silent is None or idle is None:
        return None
    since: str = wording("no CPU used since {time}", time=still.idle_since)
    if still.waits_for:
        since = wording(
            "no CPU used since {time}; its main thread waits for {what}", time=still.idle_since, what=still.waits_for
        )  # fmt: skip
    stop, ended = "seaway stop {run}", ""
    step: str = wording("{command}; next time: {later}", command=stop, later="seaway run --stop-if-hung 30m")
    if facts.hung_seconds:
        step = wording("if it should not: {command}", command=stop)
        ended = wording("it is stopped after {seconds:g} s of that", seconds=facts.hung_seconds)
    return Finding(
        Level.CODE, VerdictClass.USER, "Hung",
        wording(
            "it runs but seems to hang: it has written nothing for {silent} and used no CPU for {idle}",
            silent=_span(now - silent), idle=_span(now - idle),
        ),
        (*from_log(facts, last_lines(facts, 1)), quote(facts, "seaway", since, still.idle_since)),
        next_step=step, done=ended, permanent=False,
    )  # fmt: skip


def _span(time: timedelta) -> str:
    seconds = time.total_seconds()
    if seconds < 90:
        return wording("{seconds:.0f} s", seconds=seconds)
    if seconds < 5400:
        return wording("{minutes:.0f} min", minutes=seconds / 60)
    return wording("{hours:.1f} hours", hours=seconds / 3600)


def gpu_unused(facts: Facts) -> Finding | None:
    """Find a program that was given a GPU and says that it works on the CPU."""
    resources = main_container(facts).get("resources") or {}
    asked = any("gpu" in name for part in ("limits", "requests") for name in resources.get(part) or {})
    line = next((line for line in facts.log_tail.splitlines() if _NO_GPU_USED.search(line)), "")
    if (
        not facts.waiting
        or not asked
        or not line
        or "running" not in (container_status(facts).get("state") or {})
    ):
        return None
    return Finding(
        Level.CODE, VerdictClass.USER, "GpuUnused",
        wording("it holds a GPU and computes on the CPU: its library found no GPU that it can use"), from_log(facts, [line]),
        next_step=wording("install the library's CUDA build in the image, or ask for no GPU"), permanent=False,
    )  # fmt: skip


def gpu_idle(facts: Facts) -> Finding | None:
    """Find a program that has used none of its GPUs for a while, by measurement."""
    if not facts.waiting or facts.gpus_unused_since is None:
        return None
    since = facts.gpus_unused_since
    measured = wording("no use of its GPUs since {time} (NVIDIA's management library)", time=since)
    return Finding(
        Level.CODE, VerdictClass.USER, "GpuUnused",
        wording("it holds a GPU and does not use it: no computation and no memory of its own were seen there"),
        (quote(facts, "GPU", measured, since), *from_log(facts, last_lines(facts, 1))),
        next_step=wording(
            "if it should compute there, see which device its library chose: {command}; else ask for no GPU",
            command="seaway logs {run}",
        ), permanent=False,
    )  # fmt: skip


def _overdue(facts: Facts) -> str | None:
    """Return until when a pod was to be gone, None where it is not to go or still has time."""
    due = ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp")
    when, now = moment(due), moment(facts.now)
    ended, status = terminated(facts) or {}, pod_status(facts)
    failed = ended.get("exitCode") not in (None, 0, 137, 143) or ended.get("reason") == "OOMKilled"
    disrupted = status.get("reason") or condition(facts, "DisruptionTarget") is not None
    if facts.made is None or when is None or failed or disrupted:
        return None
    at_work = "running" in (container_status(facts).get("state") or {})
    if at_work and now is not None and now - when < timedelta(seconds=30):
        return None
    return str(due)
