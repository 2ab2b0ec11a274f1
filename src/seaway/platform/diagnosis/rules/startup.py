"""Containers that cannot be created: image, configuration, volumes, command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.admission import Admission, admission, explanation, wants_option
from seaway.platform.diagnosis.advice import again, kubectl
from seaway.platform.diagnosis.evidence import (
    blanked,
    exit_code,
    from_event,
    from_log,
    is_plain,
    last_event,
    last_lines,
    pod_status,
    quote,
    terminated,
    waiting,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_MISSING = re.compile(r'(?i)(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found')
_MISSING_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>Secret|ConfigMap) (?P<name>\S+)")
_SERVER_DOWN = re.compile(
    r"(?i)etcdserver: |the server (?:is currently unable|was unable to return)|request timed out|too many requests|leader changed|http2: client connection"
)
_NO_KEY_IN_VOLUME = re.compile(r"references non-existent (?P<kind>secret|config) key: (?P<key>\S+)")
_NO_EXECUTABLE = re.compile(r"(?i)executable file not found|no such file or directory")
_NOT_PERMITTED = re.compile(r"(?i)permission denied|exec format error")
_CANNOT_START = ("CreateContainerError", "RunContainerError", "ContainerCannotRun", "StartError")


_ADMISSION = {
    Admission.NO_ROOM: (
        "QuotaExceeded",
        Level.CLUSTER,
        "wait for other runs to end, ask for less, or have the quota raised",
    ),
    Admission.TOO_BIG: ("QuotaExceeded", Level.SPEC, "ask for less, or have the quota raised: {again}"),
    Admission.QUOTA_WANTS: ("QuotaNeedsResources", Level.SPEC, "say it: {again}"),
    Admission.RANGE: ("OutOfRange", Level.SPEC, "stay within the workspace's limits: {again}"),
    Admission.SECURITY: (
        "PodSecurity",
        Level.CLUSTER,
        'ask whoever runs the server to have it make its pods so (pod security "restricted")',
    ),
    Admission.DENIED: (
        "AdmissionDenied",
        Level.CLUSTER,
        "do what it asks for, or ask whoever runs the cluster, then: {again}",
    ),
    Admission.UNANSWERED: (
        "WebhookDown",
        Level.CLUSTER,
        "have what serves it started: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml",
    ),
}
"""By rule: the cause, its level and what helps."""


_ELSEWHERE = (
    ("of the workspace wants every run to say", "of its namespace wants every container to say"), ("workspace's", "namespace's"),
    ("the workspace", "its namespace"), ("per run", "per container"), ("other runs", "other pods"), (" (--memory)", ""), (" (--cpu)", ""),
)  # fmt: skip
"""What Seaway's words are called where there is no Seaway."""


def refused(facts: Facts) -> Finding | None:
    """Find a Pod that the API server refused to create."""
    if not facts.create_error:
        return None
    message = facts.create_error
    rule = admission(message)
    cause, level, step = (
        _ADMISSION[rule] if rule else ("Refused", Level.SPEC, "correct what the message names")
    )
    if rule is Admission.SECURITY and facts.made is not None:
        level, step = Level.SPEC, "set in its securityContext what the message names, then: {again}"
    if facts.made is not None and rule is Admission.QUOTA_WANTS:
        return _quota_wants(facts, message)
    if facts.made is not None and rule is None and _SERVER_DOWN.search(message):
        return Finding(
            Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ServerBusy", "its pods cannot be made now: the cluster's API server or its database does not answer in time",
            _refusal(facts, message), next_step=f"wait: the cluster tries again by itself; see {kubectl(facts, 'kubectl get events --sort-by=.lastTimestamp')}", retry=True, permanent=False,
        )  # fmt: skip
    option = wants_option(message)
    step = step.replace("{again}", again(facts, option, "AMOUNT") if option else again(facts))
    if rule is Admission.NO_ROOM and facts.made is not None:
        step += f": {kubectl(facts, 'kubectl describe quota')}"
    said = explanation(message) or f"the cluster refused it: {message}"
    if facts.made is not None:
        for ours, theirs in _ELSEWHERE:
            said, step = said.replace(ours, theirs), step.replace(ours, theirs)
    down = rule is Admission.UNANSWERED
    return Finding(
        level, VerdictClass.INFRASTRUCTURE if down else VerdictClass.CONFIGURATION, cause, blanked(facts, said),
        _refusal(facts, message), next_step=step, retry=down, permanent=not down and rule is not Admission.NO_ROOM,
    )  # fmt: skip


def _refusal(facts: Facts, message: str) -> tuple[Evidence, ...]:
    """Return the server's refusal as evidence: of somebody else's pod the event that tells of it, with its time."""
    event = next((e for e in reversed(facts.owner_events) if e.get("message") == message), None)
    return from_event(facts, event) or (quote(facts, "submission", message),)


def _quota_wants(facts: Facts, message: str) -> Finding:
    quota = re.search(r"failed quota: (?P<name>[^:]+)", message)
    wanted = dict.fromkeys(
        re.findall(
            r"(?:limits|requests)\.[\w./-]*\w|\b(?:cpu|memory)\b", message.partition("must specify")[2]
        )
    )
    fields = " and ".join(f"resources.{one if '.' in one else f'requests.{one}'}" for one in wanted)
    made = facts.made
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "QuotaNeedsResources", f"the quota {quota['name'] if quota else '?'!r} of its namespace wants every container to set {fields or 'its resources'}",
        _refusal(facts, message), next_step=f"set {fields} of every container in the manifest of {made.kind if made else 'pod'}/{made.name if made else ''}, then: {again(facts)}",
    )  # fmt: skip


def missing_configuration(facts: Facts) -> Finding | None:
    """Find a secret, a config map or a key that does not exist."""
    found = waiting(facts)
    event = _names_missing(facts) or last_event(facts, "FailedMount")
    message = found.get("message", "") if found.get("reason") == "CreateContainerConfigError" else ""
    message = message or ((event or {}).get("message", "") if waiting(facts) or facts.waiting else "")
    if not message:
        return None
    key, thing = _MISSING_KEY.search(message), _MISSING.search(message)
    unfit = _NO_KEY_IN_VOLUME.search(message)
    if unfit is not None and key is None and thing is None:
        return _key_missing_in_volume(facts, unfit, event)
    if found.get("reason") != "CreateContainerConfigError" and not (key or thing):
        return None
    if key:
        kind, name = key["kind"].lower(), key["name"].rpartition("/")[2]
        said = f"the {kind} {name!r} has no key {key['key']!r}"
        field = "stringData" if kind == "secret" else "data"
        mend = f'kubectl patch {kind} {name} -p \'{{"{field}":{{"{key["key"]}":"VALUE"}}}}\''
    elif thing:
        kind, name = thing["kind"].lower(), thing["name"]
        said = f"the {kind} {name!r} does not exist"
        made = "secret generic" if kind == "secret" else kind
        keys = (
            "".join(f" --from-literal={key}=VALUE" for key in _keys(facts, name))
            or " --from-literal=KEY=VALUE"
        )
        mend = f"kubectl create {made} {name}{keys}"
    else:
        said, mend = f"the container cannot be set up: {blanked(facts, message)}", ""
    if found.get("reason") == "CreateContainerConfigError":
        evidence = _waiting_evidence(facts, message, last_event(facts, "Failed"))
    else:
        evidence = from_event(facts, event)
    if mend and facts.made is not None:
        step = f"{kubectl(facts, mend)}; the pod then starts by itself"
    else:
        step = (
            f"{mend} && seaway retry {{run}}"
            if mend
            else "correct what the message names, then: seaway retry {run}"
        )
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "MissingConfiguration", said, evidence,
        next_step=step,
    )  # fmt: skip


def _keys(facts: Facts, name: str) -> list[str]:
    """Return the keys of a secret or config map that the Pod's variables name."""
    spec = (facts.pod or {}).get("spec") or {}
    sources = [
        source
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
        for variable in container.get("env") or ()
        for source in (variable.get("valueFrom") or {}).values()
    ]
    return sorted({str(one["key"]) for one in sources if one.get("name") == name and one.get("key")})


def _key_missing_in_volume(facts: Facts, found: re.Match[str], event: Mapping[str, Any] | None) -> Finding:
    kind = "secret" if found["kind"] == "secret" else "configmap"
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "MissingConfiguration", f"the {kind} that it mounts has no key {found['key']!r}",
        from_event(facts, event), next_step=f"add the key, or correct items in the volume: {kubectl(facts, f'kubectl get {kind}s')}",
    )  # fmt: skip


def _names_missing(facts: Facts) -> Mapping[str, Any] | None:
    """Return the newest event about a mount that names what is missing: later ones often say only that time ran out."""
    for event in reversed(facts.events):
        message = str(event.get("message") or "")
        if event.get("reason") == "FailedMount" and (
            _MISSING.search(message) or _NO_KEY_IN_VOLUME.search(message)
        ):
            return dict(event)
    return None


def command_not_found(facts: Facts) -> Finding | None:
    """Find a command that does not exist in the container."""
    message, evidence = start_failure(facts)
    if not (message and _NO_EXECUTABLE.search(message)) and exit_code(facts) != 127:
        return None
    if not evidence:
        evidence = from_log(facts, last_lines(facts, 1))
        ended = terminated(facts) or {}
        evidence += (quote(facts, "pod status", "exit code 127: command not found", ended.get("finishedAt")),)
    program = _program(facts)
    if "\\r" in program and facts.made is not None:
        return Finding(
            Level.CODE, VerdictClass.CONFIGURATION, "CommandNotFound", "its script has Windows line ends (\\r\\n), which the shell takes for parts of commands", evidence,
            next_step=f"convert it (dos2unix, or .gitattributes: *.sh text eol=lf), then: {again(facts)}", exit_code=exit_code(facts),
        )  # fmt: skip
    named = f"the command {program!r}" if program else "a command"
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "CommandNotFound", f"{named} was not found in the container", evidence,
        next_step=_without_code(facts)
        or f"correct its spelling, or add the package that brings it to your requirements, then: {again(facts)}",
        exit_code=exit_code(facts) if exit_code(facts) is not None else 127,
    )  # fmt: skip


def _without_code(facts: Facts) -> str:
    """Return what helps a command that was looked for in code that never came into the container."""
    if facts.made is not None:
        return f"correct command and args, or use an image that has it, then: {again(facts)}"
    if not (is_plain(facts) and facts.needs_code):
        return ""
    return "if it is part of your code, use an image that has python3, which brings the code in: " + again(
        facts, "--image", "python:3.12-slim"
    )


def not_executable(facts: Facts) -> Finding | None:
    """Find a command that exists and may not be executed."""
    message, evidence = start_failure(facts)
    if not (message and _NOT_PERMITTED.search(message)) and exit_code(facts) != 126:
        return None
    if not evidence:
        evidence = from_log(facts, last_lines(facts, 1))
        ended = terminated(facts) or {}
        evidence += (
            quote(facts, "pod status", "exit code 126: cannot be executed", ended.get("finishedAt")),
        )
    program = _program(facts) or "FILE"
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "NotExecutable", f"the command {program!r} is there but may not be executed",
        evidence, next_step=f"chmod +x {program} && {again(facts)}" if facts.made is None else f"make it executable in the image (chmod +x {program}), then: {again(facts)}",
        exit_code=exit_code(facts) if exit_code(facts) is not None else 126,
    )  # fmt: skip


def cannot_start(facts: Facts) -> Finding | None:
    """Find any other container that the node could not start."""
    message, evidence = start_failure(facts)
    if not message:
        return None
    return Finding(
        Level.CONTAINER, VerdictClass.CONFIGURATION, "CannotStart", f"its container could not be started: {blanked(facts, message)}",
        evidence, next_step=f"correct what the message names, then: {again(facts)}", exit_code=exit_code(facts),
    )  # fmt: skip


def volume_trouble(facts: Facts) -> Finding | None:
    """Find a volume that cannot be mounted (yet)."""
    event = last_event(facts, "FailedMount", "FailedAttachVolume")
    if event is None or not facts.waiting or pod_status(facts).get("phase") == "Running":
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "VolumeNotReady", f"a volume cannot be mounted: {blanked(facts, event.get('message', ''))}",
        from_event(facts, event), next_step="check that the volume exists and is free", permanent=False,
    )  # fmt: skip


def start_failure(facts: Facts) -> tuple[str, tuple[Evidence, ...]]:
    """Return the node's message about a container that it could not start, "" where it could."""
    for found in (waiting(facts), terminated(facts) or {}):
        if found.get("reason") in _CANNOT_START:
            message = found.get("message") or found["reason"]
            return message, (
                quote(facts, "pod status", f"{found['reason']}: {message}", found.get("finishedAt")),
            )
    return "", ()


def _waiting_evidence(facts: Facts, text: str, event: Mapping[str, Any] | None) -> tuple[Evidence, ...]:
    """Return why a container waits, with the time of the event that says the same; its status has none."""
    told = event or {}
    time = told.get("lastTimestamp") or told.get("eventTime") or told.get("firstTimestamp")
    return (quote(facts, "pod status", text, time),)


def _program(facts: Facts) -> str:
    """Return the program that was looked for: what the log or the node names, else the task's own."""
    named = None
    for line in reversed(last_lines(facts, 5)):
        named = re.search(
            r"(?:^|[\s:])(?P<name>[^\s:]+): (?:(?:command )?not found|Permission denied|is not executable|cannot be executed.*)$",
            line.strip(),
        )
        if named:
            break
    named = named or re.search(
        r"exec: \"(?P<name>[^\"]+)\"|executable file [`'\"](?P<crio>[^`'\"]+)[`'\"] not found",
        start_failure(facts)[0],
    )
    if named:
        return str(next(filter(None, named.groups())))
    return facts.command[0] if facts.command else ""
