"""Pods that do not go on or do not go away: hung programs, unused GPUs, deletions that are held up.

Source: finalizers and deletion as the Kubernetes documentation describes them ("Finalizers", "Pod Lifecycle").
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

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
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "HeldByFinalizer", f"its deletion waits for the finalizer {held[0]!r}, which its controller has not taken off",
        (quote(facts, "pod status", f"deletionTimestamp: {overdue}; finalizers: {', '.join(held)}", overdue),),
        next_step=f"see whether that controller runs; if it is gone for good: {kubectl(facts, _WITHOUT.replace('NAME', facts.run))}",
        permanent=False,
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
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeLost", f"its deletion cannot finish: its node {name} does not answer",
        (quote(facts, "node", text, ready.get("lastTransitionTime")), quote(facts, "pod status", f"deletionTimestamp: {overdue}", overdue)),
        next_step=f"repair the node, or if its machine is off: {_off(facts, name)}", retry=True, permanent=False,
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
        Level.NODE, VerdictClass.INFRASTRUCTURE, "StuckTerminating", "its deletion cannot finish: its node cannot stop a container or let go of a volume",
        (*from_event(facts, event), quote(facts, "pod status", f"deletionTimestamp: {overdue}", overdue)),
        next_step=f"have the node looked at; if its programs have certainly ended: {kubectl(facts, f'kubectl delete pod {facts.run} --force')}", permanent=False,
    )  # fmt: skip


def being_deleted(facts: Facts) -> Finding | None:
    """Find a pod that was deleted and still has time to end."""
    due = ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp")
    if facts.made is None or due is None or "running" not in (container_status(facts).get("state") or {}):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.CANCELLED, "Deleted", f"it was deleted and is ending: its program was told so, and has until {due}",
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
        Level.SPEC, VerdictClass.CONFIGURATION, "RestartedAfterSuccess", f"its program ends well, and a {facts.made.kind} starts whatever ends again and again",
        from_end(facts), next_step=f"make it a Job, whose pods may end: {as_job} -- {command}", exit_code=0,
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
    text = f"container {ended[0].get('name')} ended: Completed, exit code 0; container {on[0].get('name')} is running"
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "SidecarRunsOn", f"its program has completed, but the container {on[0].get('name')!r} runs on, so the pod does not end",
        (quote(facts, "pod status", text, ended[0]["state"]["terminated"].get("finishedAt")),),
        next_step="make that container a sidecar: an init container with restartPolicy: Always, which ends with the program", permanent=False,
    )  # fmt: skip


def init_runs(facts: Facts) -> Finding | None:
    """Find a pod whose program has not begun because an init container has not ended."""
    inits = pod_status(facts).get("initContainerStatuses") or ()
    mine: Mapping[str, Any] = next((one for one in inits if one.get("name") == facts.container), {})
    started = (mine.get("state") or {}).get("running")
    if facts.made is None or started is None or pod_status(facts).get("phase") != "Pending":
        return None
    return Finding(
        Level.CONTAINER, VerdictClass.CONFIGURATION, "InitRunning", f"its program has not begun: the init container {facts.container!r} has not ended yet",
        (quote(facts, "pod status", f"init container {facts.container} is running", started.get("startedAt")), *from_log(facts, last_lines(facts, 1))),
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
        Level.CODE, VerdictClass.USER, "Hung", f"it runs but seems to hang: it has written nothing for {hours:.1f} hours",
        from_log(facts, last_lines(facts, 1)), next_step=f"see where it stands: {inspect}", permanent=False,
    )  # fmt: skip


def hangs(facts: Facts) -> Finding | None:
    """Find a run's program that has written nothing and used no CPU for long."""
    still = facts.still
    now = moment(still.now if still else None)
    silent, idle = moment(still.silent_since if still else None), moment(still.idle_since if still else None)
    if not facts.waiting or still is None or not still.hangs or now is None or silent is None or idle is None:
        return None
    waits = f"; its main thread waits for {still.waits_for}" if still.waits_for else ""
    ended = f"; it is stopped after {facts.hung_seconds:g} s of that" if facts.hung_seconds else ""
    step = (
        "if it should not: seaway stop {run}"
        if facts.hung_seconds
        else "seaway stop {run}; next time: seaway run --stop-if-hung 30m"
    )
    return Finding(
        Level.CODE, VerdictClass.USER, "Hung",
        f"it runs but seems to hang: it has written nothing for {_span(now - silent)} and used no CPU for {_span(now - idle)}",
        (
            *from_log(facts, last_lines(facts, 1)),
            quote(facts, "seaway", f"no CPU used since {still.idle_since}{waits}", still.idle_since),
        ),
        next_step=step, done=ended.removeprefix("; "), permanent=False,
    )  # fmt: skip


def _span(time: timedelta) -> str:
    seconds = time.total_seconds()
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


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
        Level.CODE, VerdictClass.USER, "GpuUnused", "it holds a GPU and computes on the CPU: its library found no GPU that it can use", from_log(facts, [line]),
        next_step="install the library's CUDA build in the image, or ask for no GPU", permanent=False,
    )  # fmt: skip


def gpu_idle(facts: Facts) -> Finding | None:
    """Find a program that has used none of its GPUs for a while, by measurement."""
    if not facts.waiting or facts.gpus_unused_since is None:
        return None
    since = facts.gpus_unused_since
    return Finding(
        Level.CODE, VerdictClass.USER, "GpuUnused", "it holds a GPU and does not use it: no computation and no memory of its own were seen there",
        (quote(facts, "GPU", f"no use of its GPUs since {since} (NVIDIA's management library)", since), *from_log(facts, last_lines(facts, 1))),
        next_step="if it should compute there, see which device its library chose: seaway logs {run}; else ask for no GPU", permanent=False,
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
