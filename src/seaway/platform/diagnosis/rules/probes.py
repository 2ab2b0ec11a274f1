"""Containers that their probes or hooks had killed, or that never become ready.

Source: the kubelet's events Unhealthy, Killing, FailedPostStartHook and FailedPreStopHook.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from seaway.base.messages import joined, wording
from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.advice import again, elsewhere, kubectl
from seaway.platform.diagnosis.evidence import (
    brief,
    container_status,
    event_time,
    exit_code,
    from_end,
    from_event,
    main_container,
    moment,
    pod_status,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_SECONDS = 90
"""Between the event that says that a probe had a container killed and the container's end, with its grace."""
_NO_COMMAND = re.compile(
    r'exec: \\?"(?P<command>[^"\\]+)\\?": (?:stat \S+ )?(?:executable file not found|no such file)'
)
_MOST_TOLD = 20
"""Events of a pod from which on its node may not have told of all."""
_FIXED = ("pod", "job")
"""Whose containers cannot be changed once they are made."""
_KILLED = (137, 143, 0)


def killed_by_startup_probe(facts: Facts) -> Finding | None:
    """Find a container that did not start as soon as its startup probe wants."""
    event = _killing(facts, "startup")
    if event is None:
        return None
    if (command := _not_there(facts, "Startup")) is not None:
        return _killed(
            facts, event, Level.SPEC, "StartupProbe", _without_command(command), _correction("startupProbe")
        )
    return _killed(
        facts, event, Level.SPEC, "StartupProbe",
        wording("it takes longer to start than its startup probe allows, so the node killed it"),
        wording("raise {field}", field="startupProbe.failureThreshold"),
    )  # fmt: skip


def killed_by_liveness_probe(facts: Facts) -> Finding | None:
    """Find a container that did not answer its liveness probe."""
    event = _killing(facts, "liveness")
    if event is None:
        return None
    if (command := _not_there(facts, "Liveness")) is not None:
        return _killed(
            facts, event, Level.SPEC, "LivenessProbe", _without_command(command), _correction("livenessProbe")
        )
    if _barely_ran(facts):
        return _killed(
            facts, event, Level.SPEC, "LivenessProbe",
            wording("its liveness probe gave up before it had started, so the node killed it again and again"),
            wording("add a {probe}, or raise {field}", probe="startupProbe", field="livenessProbe.initialDelaySeconds"),
        )  # fmt: skip
    return _killed(
        facts, event, Level.CONTAINER, "LivenessProbe",
        wording("it did not answer its liveness probe, so the node killed it; it did not crash by itself"),
        wording(
            "raise {field} and {other_field}, or see what blocks it",
            field="livenessProbe.timeoutSeconds", other_field="failureThreshold",
        ),
    )  # fmt: skip


def post_start_failed(facts: Facts) -> Finding | None:
    """Find a container that was killed because its postStart hook failed."""
    event = next((e for e in reversed(facts.events) if e.get("reason") == "FailedPostStartHook"), None)
    if event is None or exit_code(facts) == 0:
        return None
    evidence = (*from_event(facts, event), *from_end(facts))
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "PostStartHook",
        wording("its {hook} hook failed, so the node killed the container", hook="postStart"), evidence,
        next_step=_edit(facts, wording("correct {field}", field="lifecycle.postStart")), exit_code=exit_code(facts),
    )  # fmt: skip


def never_ready(facts: Facts) -> Finding | None:
    """Find a container that runs and does not become ready."""
    status = container_status(facts)
    if not facts.waiting or "running" not in (status.get("state") or {}) or status.get("ready") is not False:
        return None
    event = next(
        (
            e
            for e in reversed(facts.events)
            if e.get("reason") == "Unhealthy" and "Readiness probe" in _message(e)
        ),
        None,
    )
    for probe in ("Startup", "Readiness"):
        if (command := _not_there(facts, probe)) is not None:
            return _never_answers(facts, probe, command)
    if event is None:
        return None
    message = wording("it runs, but its readiness probe fails, so it gets no traffic")
    if "connection refused" in _message(event):
        message = wording(
            "it runs, but its readiness probe fails, so it gets no traffic (nothing listens at the probe's port)"
        )
    return Finding(
        Level.CONTAINER, VerdictClass.CONFIGURATION, "NotReady", message,
        from_event(facts, event), next_step=elsewhere(facts, "seaway logs {run}"), permanent=False,
    )  # fmt: skip


def _not_there(facts: Facts, probe: str) -> str | None:
    """Return the command of a probe that its container does not have, None where it has it or nothing says so."""
    event = _unhealthy(facts, probe)
    found = _NO_COMMAND.search(_message(event)) if event is not None else None
    return found["command"] if found else None


def _unhealthy(facts: Facts, probe: str) -> Mapping[str, Any] | None:
    told = (e for e in reversed(facts.events) if e.get("reason") == "Unhealthy")
    return next((e for e in told if f"{probe} probe" in _message(e)), None)


def _without_command(command: str) -> str:
    return wording(
        "the command of its probe, {command!r}, is not in its container, so the node killed it",
        command=command,
    )


def _correction(probe: str) -> str:
    return wording("correct {field}", field=f"{probe}.exec.command")


def _never_answers(facts: Facts, probe: str, command: str) -> Finding:
    """Say of a container that it counts as not ready, because its probe cannot even be run."""
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "NotReady",
        wording("the command of its probe, {command!r}, is not in its container, so it never counts as ready", command=command),
        from_event(facts, _unhealthy(facts, probe)), next_step=_edit(facts, _correction(f"{probe.lower()}Probe")), permanent=False,
    )  # fmt: skip


def _killing(facts: Facts, probe: str) -> Mapping[str, Any] | None:
    """Return the event by which a probe had the container killed, None where it ended by itself."""
    ended = terminated(facts)
    for event in reversed(facts.events):
        message = _message(event)
        if event.get("reason") == "Killing" and f"failed {probe} probe" in message:
            name = container_status(facts).get("name")
            if name and name not in message.replace("-", " ").split() and name not in message:
                continue
            if ended is None:
                return event if facts.restarts else None
            return event if _belongs(event, ended) or _is_told_no_more(facts, event, ended) else None
    return None


def _belongs(event: Mapping[str, Any], ended: Mapping[str, Any]) -> bool:
    """Tell whether a container ended because of the event: at its time, and not by a failure of its own."""
    if ended.get("reason") == "OOMKilled":
        return False
    at, end, begin = (
        moment(event_time(event)),
        moment(ended.get("finishedAt")),
        moment(ended.get("startedAt")),
    )
    if at is None or end is None:
        return ended.get("exitCode") in _KILLED
    if begin is not None and begin > at + timedelta(seconds=1):
        return False  # that was an earlier start of it
    near = timedelta(seconds=-_SECONDS) <= end - at <= timedelta(seconds=_SECONDS)
    return bool(near and (ended.get("exitCode") in _KILLED or end >= at))


def _is_told_no_more(facts: Facts, event: Mapping[str, Any], ended: Mapping[str, Any]) -> bool:
    """Tell whether a container was most likely killed like the times before, of which its node had told too often to go on.

    Of one pod a kubelet tells 25 events at once, and then one in five minutes.
    """
    told = sum(one.get("count") or 1 for one in facts.events)
    by_others = ended.get("exitCode") in (137, 143) and ended.get("reason") != "OOMKilled"
    return bool(by_others and facts.restarts > 1 and (event.get("count") or 1) > 1 and told >= _MOST_TOLD)


def _barely_ran(facts: Facts) -> bool:
    """Tell whether a container was killed within the time after which its probe gives up anyway."""
    ended, probe = terminated(facts) or {}, main_container(facts).get("livenessProbe") or {}
    begin, end = moment(ended.get("startedAt")), moment(ended.get("finishedAt"))
    if begin is None or end is None:
        return False
    patience = (probe.get("initialDelaySeconds") or 0) + (probe.get("periodSeconds") or 10) * (
        probe.get("failureThreshold") or 3
    )
    grace = ((facts.pod or {}).get("spec") or {}).get("terminationGracePeriodSeconds", 30)
    return bool((end - begin).total_seconds() <= patience + (probe.get("timeoutSeconds") or 1) + grace + 15)


def _killed(
    facts: Facts, event: Mapping[str, Any], level: Level, cause: str, said: str, step: str
) -> Finding:
    probe = next(
        (
            e
            for e in reversed(facts.events)
            if e.get("reason") == "Unhealthy" and cause.removesuffix("Probe") in _message(e)
        ),
        None,
    )
    if probe is not None and level is Level.CONTAINER:
        said = joined(": ", (said, brief(facts, _message(probe), 120)))
    if probe is not None and level is Level.SPEC and "connection refused" in _message(probe):
        step = wording("{step}, or, if it listens on another port, correct the probe's", step=step)
    evidence: tuple[Evidence, ...] = (*from_event(facts, event), *from_event(facts, probe), *from_end(facts))
    return Finding(
        level, VerdictClass.CONFIGURATION, cause, said, evidence, next_step=_edit(facts, step), exit_code=exit_code(facts)
    )  # fmt: skip


def _edit(facts: Facts, change: str) -> str:
    if facts.made is None:
        return change
    target = f"{facts.made.kind}/{facts.made.name}"
    if facts.made.kind in _FIXED:
        return wording(
            "{change} in the manifest of {target}, then: {command}",
            change=change, target=target, command=again(facts),
        )  # fmt: skip
    return joined(": ", (change, kubectl(facts, f"kubectl edit {target}")))


def _message(event: Mapping[str, Any]) -> str:
    return str(event.get("message") or event.get("note") or "")


def stopping_hook_failed(facts: Facts) -> Finding | None:
    """Find a container whose preStop hook failed while it was to end."""
    event = next((e for e in reversed(facts.events) if e.get("reason") == "FailedPreStopHook"), None)
    if event is None or pod_status(facts).get("phase") == "Failed" or not facts.waiting:
        return None
    if not ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp"):
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "PreStopHook",
        wording("its {hook} hook fails, so it ends only after its whole grace period", hook="preStop"),
        from_event(facts, event), next_step=_edit(facts, wording("correct {field}", field="lifecycle.preStop")), permanent=False,
    )  # fmt: skip
