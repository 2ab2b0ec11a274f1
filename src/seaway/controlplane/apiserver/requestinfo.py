"""What a URL asks for: a verb on a resource, or a path that is no resource.

Source: the grammar of Kubernetes' `RequestInfo` (API concepts, "Resource URIs").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_VERBS = {
    "POST": "create",
    "GET": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What is asked for, before it is known whether it exists."""

    is_resource: bool
    verb: str
    """API verb for resources, lower-cased HTTP method for other paths."""
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    beyond: tuple[str, ...] = ()
    """Segments after the subresource (proxies)."""
    field_selector: str = ""
    """Of a list or watch, as given."""


def is_true(value: str | None) -> bool:
    """Tell whether a boolean query parameter is set, as Kubernetes reads it: anything but "0" and "false"."""
    return value is not None and value != "0" and value.lower() != "false"


def parse_request_info(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """Return what a request asks for.

    Args:
        method: HTTP method, upper case.
        path: URL path; "%2F" separates segments as "/" does, so that no name holds one.
        query: first value of each parameter.
    """
    segments = unquote(path).strip("/").split("/")
    if segments[0] == "api" and len(segments) >= 3:
        group, version, rest = "", segments[1], segments[2:]
    elif segments[0] == "apis" and len(segments) >= 4:
        group, version, rest = segments[1], segments[2], segments[3:]
    else:
        return RequestInfo(False, method.lower(), path)
    verb = _VERBS.get(method, "")
    if rest[0] == "watch" and len(rest) > 1:
        verb, rest = "watch", rest[1:]
    return _resource(verb, path, group, version, rest, query)


def _resource(
    verb: str, path: str, group: str, version: str, rest: list[str], query: Mapping[str, str]
) -> RequestInfo:
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not name and verb == "get":
        verb = "watch" if is_true(query.get("watch")) else "list"
        name = _single_name(query.get("fieldSelector", ""))
    elif not name and verb == "delete":
        verb = "deletecollection"
    return RequestInfo(
        True, verb, path, group, version, namespace, resource, subresource, name, tuple(rest[3:]),
        query.get("fieldSelector", ""),
    )  # fmt: skip


def _single_name(field_selector: str) -> str:
    """Return the one name that a field selector admits, so that RBAC's resourceNames can allow lists of it."""
    for term in field_selector.split(","):
        label, equals, value = term.partition("=")
        if label.strip() == "metadata.name" and equals:
            return value.lstrip("=").strip()
    return ""
