"""Take out of an answer what may differ between two servers that behave alike. Pure.

Not compared: the values (never the presence) of uids, times of the server, resource versions, generated names, cluster
addresses and node ports; the order of the faults of one object, which Kubernetes' own maps leave to chance; the headers
but for Content-Type, Warning, Retry-After and Allow.
"""

from __future__ import annotations

import re
from typing import Any

from tools.compare.calls import Answer

HEADERS = ("content-type", "warning", "retry-after", "allow")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"20(2[4-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
"""Times of now; those that a test sends are older."""
_TOKEN_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")
_ADDRESS = re.compile(r"(?:127|10)\.96\.\d+\.\d+")
_VERSIONS = frozenset({"resourceVersion", "continue"})
_NODE_PORTS = frozenset({"nodePort", "healthCheckNodePort"})
_NAME_LETTERS = "[bcdfghjklmnpqrstvwxz2456789]{5}"


def normalise(answer: Answer, prefix: str = "") -> dict[str, Any]:
    """Return an answer as a JSON value of what counts.

    Args:
        answer: what a server said.
        prefix: the generateName that was sent, "" for none.
    """
    body = _named(answer.body, prefix) if prefix else answer.body
    shown: dict[str, Any] = {"status": answer.status}
    shown |= {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    if isinstance(body, dict) and body.get("kind") == "Status":
        shown["body"] = _value(_status(body), "")
    else:
        shown["body"] = _value(body, "")
    return shown


def _status(status: dict[str, Any]) -> dict[str, Any]:
    """Return a Status whose faults are in a fixed order, its message without what only repeats them."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    if not isinstance(details, dict) or not causes:
        return status
    repeated = _repeated(causes)
    message = str(status.get("message", ""))
    if message.endswith(repeated):
        message = message.removesuffix(repeated) + "<causes>"
    ordered = sorted(causes, key=lambda c: (c.get("field", ""), c.get("message", ""), c.get("reason", "")))
    return {**status, "message": message, "details": {**details, "causes": ordered}}


def _repeated(causes: list[dict[str, Any]]) -> str:
    faults = [f"{c['field']}: {c['message']}" if c.get("field") else c.get("message", "") for c in causes]
    once = list(dict.fromkeys(faults))
    return once[0] if len(once) == 1 else "[" + ", ".join(once) + "]"


def _value(value: Any, field: str) -> Any:
    if isinstance(value, dict):
        return {_text(name): _value(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_value(item, field) for item in value]
    if isinstance(value, str) and value and field in _VERSIONS:
        return f"<{field}>"
    if field in _NODE_PORTS and isinstance(value, int) and 30000 <= value <= 32767:
        return "<node port>"
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    text = _UID.sub("<uid>", text)
    text = _TIME.sub(lambda found: "<microtime>" if found[2] else "<time>", text)
    return _ADDRESS.sub("<address>", _TOKEN_VOLUME.sub("kube-api-access-<random>", text))


def _named(value: Any, prefix: str) -> Any:
    """Return a value without the letters that a server puts behind the generateName."""
    if isinstance(value, dict):
        return {name: _named(item, prefix) for name, item in value.items()}
    if isinstance(value, list):
        return [_named(item, prefix) for item in value]
    if isinstance(value, str):
        masked = _UID.sub("<uid>", value)  # first: a short prefix may stand in a uid by chance
        return re.sub(
            re.escape(prefix[:58]) + _NAME_LETTERS, f"{prefix[:58]}<random>".replace("\\", r"\\"), masked
        )
    return value
