"""Sequences of raw requests, as values: any method, any query text, any body, watches, other callers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.compare.calls import JSON, NAMESPACE, Answer

_REFERENCE = re.compile(r"\$\{(\d+):([^}]*)\}")
MISSING = "missing"
"""Stands for a field of an earlier answer that is not there."""
ESTABLISHED = "ESTABLISHED"
"""A method of ours: makes the custom resource definition of the body and waits until it is served."""

ALLOWED = "ALLOWED"
"""A method of ours: reads until it is not forbidden any more, as Kubernetes sees new bindings a moment later."""

SETTLED = "SETTLED"
"""A method of ours: sends the body, a patch or a new object, as a dry run until the answer or a warning beside it holds
`words`, as Kubernetes sees changes of others a moment later."""


@dataclass(frozen=True, slots=True)
class Message:
    """One request. In its texts "{namespace}" stands for the sequence's, "${2:metadata.uid}" for a field of an answer."""

    method: str
    target: str
    """Path and query, as they are sent."""
    body: Any = None
    """A JSON value, or bytes sent as they are, or None."""
    content_type: str = JSON
    """ "" for none."""
    headers: tuple[tuple[str, str], ...] = ()
    events: int | None = None
    """Of a watch: how many events are read before it is closed; 0 reads until it ends."""
    anonymous: bool = False
    """Without the administrator's certificate."""
    words: str = ""
    """What is waited for."""

    @property
    def label(self) -> str:
        """Return method and resource, such as "PUT pods/status" or "GET /version"."""
        path = self.target.partition("?")[0]
        parts = path.strip("/").split("/")
        if parts[0] not in ("api", "apis") or len(parts) < (3 if parts[0] == "api" else 4):
            return f"{self.method} {path}"
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
            parts = parts[2:]
        return f"{self.method} " + "/".join([parts[0], *parts[2:3]])

    def filled(self, namespace: str, answers: Sequence[Answer]) -> Message:
        """Return the request with its references replaced, the body as bytes."""
        body = _filled(self.body, namespace, answers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        target = str(_filled(self.target, namespace, answers))
        headers = tuple((name, str(_filled(value, namespace, answers))) for name, value in self.headers)
        return Message(
            self.method, target, body, self.content_type, headers, self.events, self.anonymous, self.words
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """Requests made one after another in a namespace of their own."""

    name: str
    messages: tuple[Message, ...]


def _filled(value: Any, namespace: str, answers: Sequence[Answer]) -> Any:
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole is not None:
            return _dug(answers[int(whole[1])].body, whole[2])
        text = _REFERENCE.sub(lambda found: str(_dug(answers[int(found[1])].body, found[2])), value)
        return text.replace(NAMESPACE, namespace)
    if isinstance(value, Mapping):
        return {
            _filled(name, namespace, answers): _filled(item, namespace, answers)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_filled(item, namespace, answers) for item in value]
    return value


def _dug(value: Any, path: str) -> Any:
    for step in filter(None, path.split(".")):
        value = (
            value[int(step)]
            if isinstance(value, list)
            else value.get(step)
            if isinstance(value, dict)
            else None
        )
    return MISSING if value is None else value
