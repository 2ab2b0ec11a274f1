"""Take out of the answers of a scene what may differ, but not who is who: uids and versions become numbers. Pure.

What is the same object and the same version for one server must be so for the other. Besides what `normalise` leaves
out, not compared are: descriptions (ours are our own words), ages, the revision of a whole list, the text of an object
that a patch made wrong, and how often Kubernetes tells the same fault.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tools.compare.calls import Answer

UNORDERED = ("resourceRules", "nonResourceRules", "managedFields")
"""Lists without an order; managers are sorted by their times, which are whole seconds."""
HEADERS = ("content-type", "warning", "retry-after", "allow")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"20(2[4-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_AGE = re.compile(r"\d{1,2}s")
_PATCHED = re.compile(r'^Invalid value: ".*": ', re.DOTALL)
_WORDS = (
    (re.compile(r"kube-api-access-[a-z0-9]{5}"), "kube-api-access-<random>"),
    (re.compile(r"(?:127|10)\.96\.\d+\.\d+"), "<address>"),
    (re.compile(r"current: \d+"), "current: <number>"),
    (re.compile(r"X509SHA256=[0-9a-f]{64}"), "X509SHA256=<digest>"),
    (re.compile(r"\bUp-[a-z0-9]{5}\b"), "Up-<random>"),
    (re.compile(r"JTI=<[^>]*>"), "JTI=<id>"),
    (re.compile(r"in record \(\d+\)"), "in record (<version>)"),
)  # fmt: skip


class Numbers:
    """What one server's uids and versions are called in one scene."""

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}
        self._versions: dict[str, str] = {}

    def normalise(self, answer: Answer) -> dict[str, Any]:
        """Return an answer as a JSON value of what counts."""
        shown: dict[str, Any] = {"status": answer.status}
        shown |= {name: self._text(answer.headers[name]) for name in HEADERS if name in answer.headers}
        body = answer.body
        if isinstance(body, dict) and body.get("kind") == "Status":
            body = _status(body)
        return shown | {"body": self._value(body, "")}

    def _value(self, value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return self._map(value)
        if isinstance(value, list):
            items = [self._value(item, field) for item in value]
            return sorted(items, key=json.dumps) if field in UNORDERED else items
        if not isinstance(value, str):
            return "<port>" if field == "nodePort" and value else value
        if field == "description":
            return "<words>"
        if field == "cells" and _AGE.fullmatch(value):
            return "<age>"
        if field in ("continue", "token"):
            return f"<{field}>"
        return self._text(value)

    def _map(self, value: dict[str, Any]) -> dict[str, Any]:
        shown = {self._text(name): self._value(item, name) for name, item in sorted(value.items())}
        version = value.get("resourceVersion")
        if isinstance(version, str) and version:
            number = (
                self._versions.setdefault(version, f"<version {len(self._versions)}>")
                if "uid" in value
                else ""
            )
            shown["resourceVersion"] = number or "<version>"
        return shown

    def _text(self, text: str) -> str:
        text = _UID.sub(lambda found: self._uids.setdefault(found[0], f"<uid {len(self._uids)}>"), text)
        text = _TIME.sub(lambda found: "<microtime>" if found[2] else "<time>", text)
        for pattern, instead in _WORDS:
            text = pattern.sub(instead, text)
        return text


def _status(status: dict[str, Any]) -> dict[str, Any]:
    """Return a Status with each fault once, in a fixed order, its message without what only repeats them."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    if not isinstance(details, dict) or not causes:
        return status
    faults = [f"{c['field']}: {c['message']}" if c.get("field") else c.get("message", "") for c in causes]
    once = list(dict.fromkeys(faults))
    repeated = once[0] if len(once) == 1 else "[" + ", ".join(once) + "]"
    message = str(status.get("message", ""))
    if message.endswith(repeated):
        message = message.removesuffix(repeated) + "<causes>"
    told = {json.dumps(_cause(cause), sort_keys=True) for cause in causes}
    return {
        **status,
        "message": message,
        "details": {**details, "causes": [json.loads(c) for c in sorted(told)]},
    }


def _cause(cause: dict[str, Any]) -> dict[str, Any]:
    if cause.get("field") != "patch":
        return cause
    return {**cause, "message": _PATCHED.sub("Invalid value: <patched>: ", cause.get("message", ""))}
