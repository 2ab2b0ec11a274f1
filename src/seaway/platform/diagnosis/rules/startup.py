"""Containers that cannot be created: image, configuration, volumes, command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Evidence, Level, VerdictClass
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
_NO_KEY_IN_VOLUME = re.compile(r"references non-existent (?P<kind>secret|config) key: (?P<key>\S+)")
_NO_EXECUTABLE = re.compile(r"(?i)executable file not found|no such file or directory")
_NOT_PERMITTED = re.compile(r"(?i)permission denied|exec format error")
_SHELLS = ("sh", "bash", "dash", "zsh", "ash")
_CANNOT_START = ("CreateContainerError", "RunContainerError", "ContainerCannotRun", "StartError")


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
    said: str
    if key:
        kind, name = key["kind"].lower(), key["name"].rpartition("/")[2]
        said = wording("{object} has no key {key!r}", object=_named(kind, name), key=key["key"])
        field = "stringData" if kind == "secret" else "data"
        mend = f'kubectl patch {kind} {name} -p \'{{"{field}":{{"{key["key"]}":"VALUE"}}}}\''
    elif thing:
        kind, name = thing["kind"].lower(), thing["name"]
        said = wording("{object} does not exist", object=_named(kind, name))
        made = "secret generic" if kind == "secret" else kind
        keys = (
            "".join(f" --from-literal={key}=VALUE" for key in _keys(facts, name))
            or " --from-literal=KEY=VALUE"
        )
        mend = f"kubectl create {made} {name}{keys}"
    else:
        mend = ""
        said = wording("the container cannot be set up: {message}", message=blanked(facts, message))
    if found.get("reason") == "CreateContainerConfigError":
        evidence = _waiting_evidence(facts, message, last_event(facts, "Failed"))
    else:
        evidence = from_event(facts, event)
    step: str
    if mend and facts.made is not None:
        step = wording("{command}; the pod then starts by itself", command=kubectl(facts, mend))
    elif mend:
        step = f"{kubectl(facts, mend)} && seaway retry {{run}}"
    else:
        step = wording("correct what the message names, then: {command}", command="seaway retry {run}")
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "MissingConfiguration", said, evidence,
        next_step=step,
    )  # fmt: skip


def _named(kind: str, name: str) -> str:
    """Name a secret or config map as the subject of a sentence."""
    if kind == "secret":
        return wording("the secret {name!r}", name=name)
    return wording("the configmap {name!r}", name=name)


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
    said, kind = wording("the configmap that it mounts has no key {key!r}", key=found["key"]), "configmaps"
    if found["kind"] == "secret":
        said, kind = wording("the secret that it mounts has no key {key!r}", key=found["key"]), "secrets"
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "MissingConfiguration", said, from_event(facts, event),
        next_step=wording("add the key, or correct items in the volume: {command}", command=kubectl(facts, f"kubectl get {kind}")),
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
        said = wording("exit code {code}: command not found", code=127)
        evidence += (quote(facts, "pod status", said, ended.get("finishedAt")),)
    program = _program(facts)
    if "\\r" in program and facts.made is not None:
        return Finding(
            Level.CODE, VerdictClass.CONFIGURATION, "CommandNotFound",
            wording("its script has Windows line ends (\\r\\n), which the shell takes for parts of commands"), evidence,
            next_step=wording("convert it ({tool}, or {file}: {line}), then: {command}", tool="dos2unix", file=".gitattributes", line="*.sh text eol=lf", command=again(facts)),
            exit_code=exit_code(facts),
        )  # fmt: skip
    said = wording("a command was not found in the container")
    if program:
        said = wording("the command {program!r} was not found in the container", program=program)
    if " " in program and program in facts.command[:1]:
        said = wording(
            "the command {program!r} was not found in the container: it is a whole line, where each word must be an item of its own",
            program=program,
        )
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "CommandNotFound", said, evidence, next_step=_bringing_step(facts),
        exit_code=exit_code(facts) if exit_code(facts) is not None else 127,
    )  # fmt: skip


def _bringing_step(facts: Facts) -> str:
    """Return what brings a command into the container; it may lie in code that never came there."""
    if facts.made is not None:
        return wording("correct command and args, or use an image that has it, then: {command}", command=again(facts))  # fmt: skip
    if is_plain(facts) and facts.needs_code:
        return wording(
            "if it is part of your code, use an image that has python3, which brings the code in: {command}",
            command=again(facts, "--image", "python:3.12-slim"),
        )
    return wording(
        "correct its spelling, or add the package that brings it to your requirements, then: {command}",
        command=again(facts),
    )


def not_executable(facts: Facts) -> Finding | None:
    """Find a command that exists and may not be executed."""
    message, evidence = start_failure(facts)
    if not (message and _NOT_PERMITTED.search(message)) and exit_code(facts) != 126:
        return None
    if not evidence:
        evidence = from_log(facts, last_lines(facts, 1))
        ended = terminated(facts) or {}
        said = wording("exit code {code}: cannot be executed", code=126)
        evidence += (quote(facts, "pod status", said, ended.get("finishedAt")),)
    program = _program(facts) or "FILE"
    change = f"chmod +x {program}"
    if facts.made is None:
        step = f"{change} && {again(facts)}"
    else:
        step = wording("make it executable in the image ({change}), then: {command}", change=change, command=again(facts))  # fmt: skip
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "NotExecutable",
        wording("the command {program!r} is there but may not be executed", program=program), evidence, next_step=step,
        exit_code=exit_code(facts) if exit_code(facts) is not None else 126,
    )  # fmt: skip


def cannot_start(facts: Facts) -> Finding | None:
    """Find any other container that the node could not start."""
    message, evidence = start_failure(facts)
    if not message:
        return None
    return Finding(
        Level.CONTAINER, VerdictClass.CONFIGURATION, "CannotStart",
        wording("its container could not be started: {message}", message=blanked(facts, message)), evidence,
        next_step=wording("correct what the message names, then: {command}", command=again(facts)), exit_code=exit_code(facts),
    )  # fmt: skip


def volume_trouble(facts: Facts) -> Finding | None:
    """Find a volume that cannot be mounted (yet)."""
    event = last_event(facts, "FailedMount", "FailedAttachVolume")
    if event is None or not facts.waiting or pod_status(facts).get("phase") == "Running":
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "VolumeNotReady",
        wording("a volume cannot be mounted: {message}", message=blanked(facts, event.get("message", ""))),
        from_event(facts, event), next_step=wording("check that the volume exists and is free"), permanent=False,
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
            r"(?:^|[\s:])(?P<name>[^\s:]+): (?:(?:command )?not found|No such file or directory|Permission denied|is not executable|cannot be executed.*)$",
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
    first = facts.command[0] if facts.command else ""
    ran = not start_failure(facts)[0] and first.rpartition("/")[2] in _SHELLS
    return "" if ran else first  # what a shell does not find is in its script
