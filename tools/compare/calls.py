"""What is sent and what comes back, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seaway.objects.patch import json_patch

NAMESPACE = "{namespace}"
"""Stands, in paths and bodies, for the namespace that a sequence is given; also good as a part of cluster-wide names."""
JSON = "application/json"


class NotPossible(Exception):
    """The answer that a call builds on is not there or not of the form expected."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; the values of a repeated one are joined with a line feed."""
    body: Any = None
    """Parsed JSON; text where it is no JSON."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A body made of an earlier answer of the same server, as a client does that reads, changes and writes back."""

    of: int
    """Index of the earlier call."""
    operations: tuple[Mapping[str, Any], ...] = ()
    """JSON patch operations."""

    def apply(self, answers: Sequence[Answer]) -> Any:
        """Return the body. Raises NotPossible."""
        if self.of >= len(answers) or answers[self.of].status >= 300:
            raise NotPossible
        try:
            return json_patch(answers[self.of].body, [dict(o) for o in self.operations])
        except Exception as error:
            raise NotPossible from error


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    """For example "/api/v1/namespaces/{namespace}/pods"."""
    body: Any = None
    """A JSON value, bytes sent as they are, an Edit, or None."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON

    @property
    def label(self) -> str:
        """Return method and resource, such as "PUT pods/status" or "GET /version"."""
        parts = self.path.strip("/").split("/")
        if parts[0] not in ("api", "apis") or len(parts) < (3 if parts[0] == "api" else 4):
            return f"{self.method} {self.path}"
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
            parts = parts[2:]
        return f"{self.method} " + "/".join([parts[0], *parts[2:3]])

    def payload(self, namespace: str, answers: Sequence[Answer]) -> bytes | None:
        """Return the bytes to send. Raises NotPossible where an Edit cannot be made."""
        if self.body is None or isinstance(self.body, bytes):
            return (
                self.body if self.body is None else self.body.replace(NAMESPACE.encode(), namespace.encode())
            )
        body = self.body.apply(answers) if isinstance(self.body, Edit) else self.body
        return json.dumps(body).replace(NAMESPACE, namespace).encode()


@dataclass(frozen=True, slots=True)
class Story:
    """Calls made one after another in a namespace of their own."""

    calls: tuple[Call, ...]
    name: str = ""
