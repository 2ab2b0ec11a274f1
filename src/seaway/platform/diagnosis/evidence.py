"""Reading facts: the container's state, conditions, events, and quoting them without giving secrets away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from seaway.base.logs import TOKENS
from seaway.base.messages import Message, mapped, wording
from seaway.model.verdict import Evidence
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.workloads import labels
from seaway.platform.workloads.observation import OWN_CODE, PEAK

LONGEST_QUOTE = 300
"""Characters of one piece of evidence."""

_SHORTEST_SECRET = 6
_NO_WORDS = ("[seaway] ", "Set the environment variable HYDRA_FULL_ERROR=1")
"""How lines begin that are not the program's own, or that say nothing of what happened."""
_SECRETS = (  # nothing in them repeats without a bound before what they look for: a log may be one line of any length
    re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"),
    re.compile(
        r"(?i)((?:password|passwd|secret|token|api[_-]?key|credential)(?![a-z0-9_.-]{0,99}(?:error|exception)\b)[a-z0-9_.-]{0,99}[\"']?\s{0,9}[=:]\s{0,9})(?!\d{3}\b)[\"']?[^\s\"',;]+"
    ),
    re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]{1,255}:)[^\s/@]{1,4000}@"),
    re.compile(rf"{TOKENS}|\beyJ[\w-]{{8,4000}}\.[\w-]{{8,4000}}\.[\w-]*"),
)


def main_container(facts: Facts) -> Mapping[str, Any]:
    """Return the main container as the Pod's spec declares it, {} where there is none."""
    spec = (facts.pod or {}).get("spec") or {}
    containers = spec.get("containers") or ()
    if facts.container:
        return _named((*(spec.get("initContainers") or ()), *containers), facts.container)
    return containers[0] if containers else {}


def pod_status(facts: Facts) -> Mapping[str, Any]:
    """Return the Pod's status, {} where nothing is known."""
    return (facts.pod or {}).get("status") or {}


def container_status(facts: Facts) -> Mapping[str, Any]:
    """Return the main container's status; of an init container that failed or waits, where the main one never began."""
    status = pod_status(facts)
    mains, inits = status.get("containerStatuses") or (), status.get("initContainerStatuses") or ()
    if facts.container:
        return _named((*inits, *mains), facts.container)
    found: Mapping[str, Any]
    for found in inits:
        ended = (found.get("state") or {}).get("terminated")
        if (ended and ended.get("exitCode")) or (found.get("state") or {}).get("waiting", {}).get("message"):
            return found
    main: Mapping[str, Any] = mains[0] if mains else {}
    return main


def _named(found: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((one for one in found if one.get("name") == name), {})


def terminated(facts: Facts) -> Mapping[str, Any] | None:
    """Return how the container ended, None where it has not."""
    return (container_status(facts).get("state") or {}).get("terminated")


def waiting(facts: Facts) -> Mapping[str, Any]:
    """Return why the container waits, {} where it does not."""
    return (container_status(facts).get("state") or {}).get("waiting") or {}


def exit_code(facts: Facts) -> int | None:
    """Return the container's exit code, None where it has not ended or nobody saw its end."""
    ended = terminated(facts)
    if ended is None or ended.get("reason") == "ContainerStatusUnknown":
        return None
    code = ended.get("exitCode")
    return code if isinstance(code, int) else None


def condition(facts: Facts, type_: str) -> Mapping[str, Any] | None:
    """Return a condition of the Pod, None where it has none of the type."""
    return next(
        (found for found in pod_status(facts).get("conditions") or () if found.get("type") == type_), None
    )


def is_plain(facts: Facts) -> bool:
    """Tell whether the Pod was started without Seaway's runner, because its image has no Python."""
    annotations = ((facts.pod or {}).get("metadata") or {}).get("annotations") or {}
    return annotations.get(labels.RUNNER) == "none"


def last_event(facts: Facts, *reasons: str) -> Mapping[str, Any] | None:
    """Return the newest event with one of the reasons, None where there is none."""
    return next((event for event in reversed(facts.events) if event.get("reason") in reasons), None)


def event_time(event: Mapping[str, Any]) -> str | None:
    """Return when an event was last seen, None where it does not say."""
    series: str | None = (event.get("series") or {}).get("lastObservedTime")
    return (
        series
        or event.get("lastTimestamp")
        or event.get("deprecatedLastTimestamp")
        or event.get("eventTime")
        or event.get("firstTimestamp")
        or (event.get("metadata") or {}).get("creationTimestamp")
    )


def moment(text: str | None) -> datetime | None:
    """Return an RFC 3339 time as a datetime, None for none or one that cannot be read."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except (ValueError, TypeError):
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def quote(facts: Facts, source: str, text: str, time: str | None = None) -> Evidence:
    """Return one piece of evidence, short and without secrets."""
    return Evidence(source=source, time=moment(time), quote=blanked(facts, text))


def from_event(facts: Facts, event: Mapping[str, Any] | None) -> tuple[Evidence, ...]:
    """Return an event as evidence, nothing for none."""
    if event is None:
        return ()
    text = f"{event.get('reason', '')}: {event.get('message') or event.get('note') or ''}"
    return (quote(facts, "event", text, event_time(event)),)


def from_end(facts: Facts) -> tuple[Evidence, ...]:
    """Return how the container ended as evidence, nothing where it has not."""
    ended = terminated(facts)
    if ended is None:
        return ()
    name = container_status(facts).get("name", "main")
    reason = ended.get("reason") or wording("no reason given")
    text = wording("container {container} ended: {reason}", container=name, reason=reason)
    if (code := ended.get("exitCode")) is not None:
        text = wording(
            "container {container} ended: {reason}, exit code {code}",
            container=name,
            reason=reason,
            code=code,
        )
    return (quote(facts, "pod status", text, ended.get("finishedAt")),)


def from_log(facts: Facts, lines: Iterable[str]) -> tuple[Evidence, ...]:
    """Return lines of the log as evidence, each with the time at which it was last written."""
    return tuple(
        quote(facts, "log", line.strip(), _written(facts, line.strip())) for line in lines if line.strip()
    )


def _written(facts: Facts, line: str) -> str | None:
    timed = zip(facts.log_tail.split("\n"), facts.log_times, strict=False)
    return next((time for text, time in reversed(list(timed)) if line in text), None)


def last_lines(facts: Facts, count: int) -> list[str]:
    """Return the log's last lines that say something, without the runner's."""
    lines = facts.log_tail.splitlines()
    return [line for line in lines if line.strip() and not line.startswith(_NO_WORDS)][-count:]


def memory_limit(facts: Facts) -> str | None:
    """Return the main container's memory limit as the Pod has it, None where it has none."""
    limit: str | None = ((main_container(facts).get("resources") or {}).get("limits") or {}).get("memory")
    return limit


def asks_gpu(facts: Facts) -> bool:
    """Tell whether the container was to have a GPU."""
    resources = main_container(facts).get("resources") or {}
    return any("gpu" in name for part in ("limits", "requests") for name in resources.get(part) or {})


def memory_peak(facts: Facts) -> int | None:
    """Return the most memory in bytes that the container used, where it or the server knows."""
    found = PEAK.match((terminated(facts) or {}).get("message") or "")
    return max(int(found["bytes"]) if found else 0, facts.peak_memory) or None


def chose_its_code(facts: Facts) -> bool:
    """Tell whether the runner saw the program end by itself with a code that looks like a signal's."""
    found = OWN_CODE.match((terminated(facts) or {}).get("message") or "")
    return found is not None and int(found["code"]) == exit_code(facts)


def blanked(facts: Facts, text: str) -> str:
    """Return a text on one line, shortened, with everything that looks secret blanked; of a message all that fills it in."""
    if not isinstance(text, Message):
        return shortened(_blanked(facts, text))
    said = mapped(text, lambda value: (" " if value.startswith(" ") else "") + _blanked(facts, value))
    if len(said) <= LONGEST_QUOTE:
        return said
    part = longest(said)
    around = len(said) - len(part)
    return mapped(said, lambda one: shortened(one, before=around) if one == part else one)


def longest(text: str) -> str:
    """Return the longest of what fills a message in, a text that is none as it is."""
    if not isinstance(text, Message):
        return text
    values = (longest(value) for value in text.values.values() if isinstance(value, str))
    return max(values, key=len, default="")


def _blanked(facts: Facts, text: str) -> str:
    for value in sorted(facts.secret_values, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    text = _SECRETS[0].sub(r"\1 ***", text)
    text = _SECRETS[1].sub(r"\1***", text)
    text = _SECRETS[2].sub(r"\1***@", text)
    text = _SECRETS[3].sub("***", text)
    return " ".join(text.split())


def brief(facts: Facts, text: str, longest: int = 140) -> str:
    """Return the beginning of a text, to be put into a sentence: without secrets, cut after a word."""
    said = blanked(facts, text).rstrip(" :")
    if len(said) <= longest:
        return said
    return f"{(said[:longest].rpartition(' ')[0] or said[:longest]).rstrip(' ,;:')} ..."


def shortened(text: str, longest: int = LONGEST_QUOTE, before: int = 0) -> str:
    """Return a text without its middle where it is long: chains of errors begin with what and end with why.

    Args:
        text: what is to be short.
        longest: how many characters there may be.
        before: how many of them stand before it, in a sentence that it ends.
    """
    head = longest // 3
    tail = longest - head - 5
    if before + len(text) <= longest or len(text) <= tail:
        return text
    return f"{text[: max(0, head - before)].rstrip()} ... {text[-tail:].lstrip()}"
