"""What this server serves, in the documents that clients discover it by.

Source: Kubernetes API concepts ("API discovery") and KEP-3352 (aggregated discovery).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from seaway.controlplane.apiserver.documents import Document, accepts_json, document, media_types
from seaway.controlplane.kinds.declaration import Kind
from seaway.objects.errors import NotAcceptable
from seaway.objects.resource import Resource, version_order

KUBERNETES_VERSION = "1.36"
"""Kubernetes version whose API this server speaks."""
AGGREGATED_VERSIONS = ("v2", "v2beta1")
READ_WRITE = ("get", "patch", "update")
_CONNECT = ("create", "get")
STREAMS = frozenset({"exec", "attach", "portforward", "proxy"})
"""Subresources that take a connection over: OpenAPI has no words for them."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """What a subresource speaks: its kind where that is not the parent's, and its verbs."""

    verbs: tuple[str, ...]
    kind: tuple[str, str, str] | None = None
    """Group, version, kind; None for the parent's own. Without a kind, options that are named after the parent's."""

    def kind_of(self, resource: Resource) -> tuple[str, str, str]:
        """Return group, version and kind of what it speaks below a resource."""
        group, version, kind = self.kind or (resource.group, resource.version, resource.kind)
        return group, version, kind or f"{resource.kind}ProxyOptions"


SUBRESOURCES = {
    "status": Subresource(READ_WRITE),
    "approval": Subresource(READ_WRITE),
    "ephemeralcontainers": Subresource(READ_WRITE),
    "finalize": Subresource(("update",)),
    "log": Subresource(("get",)),
    "binding": Subresource(("create",), ("", "v1", "Binding")),
    "eviction": Subresource(("create",), ("policy", "v1", "Eviction")),
    "token": Subresource(("create",), ("authentication.k8s.io", "v1", "TokenRequest")),
    "scale": Subresource(READ_WRITE, ("autoscaling", "v1", "Scale")),
    "exec": Subresource(_CONNECT, ("", "v1", "PodExecOptions")),
    "attach": Subresource(_CONNECT, ("", "v1", "PodAttachOptions")),
    "portforward": Subresource(_CONNECT, ("", "v1", "PodPortForwardOptions")),
    "proxy": Subresource(("create", "delete", "get", "patch", "update"), ("", "v1", "")),
}


@dataclass(frozen=True)
class Discovery:
    """The discovery documents of one set of kinds. Make a new one when the set changes."""

    kinds: Sequence[Kind]
    reviews: Sequence[Resource] = ()
    """Resources that are only created, never stored."""
    _made: dict[tuple[str, str], Document | None] = field(default_factory=dict, init=False, repr=False)

    def answer(self, path: str, accept: str = "") -> Document | None:
        """Return the document at a path, None where there is none.

        Args:
            path: /api, /apis, /api/v1, /apis/GROUP or /apis/GROUP/VERSION.
            accept: the request's Accept header.

        Raises:
            NotAcceptable: neither JSON nor an aggregated form that is served was accepted.
        """
        form = _aggregated_form(accept) if path in ("/api", "/apis") else ""
        if (path, form) not in self._made:
            self._made[path, form] = self._make(path, form)
        found = self._made[path, form]
        if found is not None and not form and not accepts_json(accept):
            message = "only the following media types are accepted: application/json"
            raise NotAcceptable(message)
        return found

    def _make(self, path: str, form: str) -> Document | None:
        resources = [*(kind.resource for kind in self.kinds if kind.served), *self.reviews]
        if form:
            content_type = f"application/json;g=apidiscovery.k8s.io;v={form};as=APIGroupDiscoveryList"
            return document(aggregated(resources, form, core=path == "/api"), content_type)
        match path.strip("/").split("/"):
            case ["api"]:
                return document(_core_versions(resources))
            case ["apis"]:
                return document(group_list(resources))
            case ["api", version]:
                return _optional(resource_list(resources, "", version))
            case ["apis", group]:
                return _optional(group_document(resources, group))
            case ["apis", group, version]:
                return _optional(resource_list(resources, group, version))
        return None


def version_document(server_version: str, *, python_version: str, platform: str) -> Document:
    """Return the answer of /version.

    Args:
        server_version: of Seaway, added to Kubernetes' version as build metadata.
        python_version: of the interpreter, for example "3.11.7".
        platform: for example "linux/amd64".
    """
    major, minor = KUBERNETES_VERSION.split(".")
    return document(
        {
            "major": major,
            "minor": minor,
            "gitVersion": f"v{KUBERNETES_VERSION}.0+seaway.{server_version}",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": f"python{python_version}",
            "compiler": "cpython",
            "platform": platform,
        }
    )


def group_list(resources: Iterable[Resource]) -> dict[str, Any]:
    """Return the `APIGroupList` of /apis."""
    grouped = _groups(resources)
    groups = [_group(group, versions) for group, versions in grouped.items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group_document(resources: Iterable[Resource], group: str) -> dict[str, Any] | None:
    """Return the `APIGroup` of /apis/GROUP, None where no kind is of that group."""
    versions = _groups(resources).get(group)
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(group, versions) if versions and group else None


def resource_list(resources: Iterable[Resource], group: str, version: str) -> dict[str, Any] | None:
    """Return the `APIResourceList` of a group and version, None where nothing is served there."""
    served = _groups(resources).get(group, {}).get(version)
    if not served:
        return None
    entries = [entry for resource in served for entry in _entries(resource)]
    group_version = f"{group}/{version}" if group else version
    named = {"apiVersion": "v1"} if group else {}  # the core group's list does not say it
    return {"kind": "APIResourceList", **named, "groupVersion": group_version, "resources": entries}


def aggregated(resources: Iterable[Resource], form: str, *, core: bool) -> dict[str, Any]:
    """Return all groups with their resources in one document.

    Args:
        resources: everything served.
        form: version of apidiscovery.k8s.io, "v2" or "v2beta1".
        core: the legacy group (of /api) instead of all named ones (of /apis).
    """
    items = []
    for group, versions in _groups(resources).items():
        if (not group) == core:
            served = [
                {
                    "version": version,
                    "resources": [_aggregated_entry(r) for r in versions[version]],
                    "freshness": "Current",
                }
                for version in versions
            ]
            items.append({"metadata": {"name": group, "creationTimestamp": None}, "versions": served})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{form}",
        "metadata": {},
        "items": items,
    }


def _groups(resources: Iterable[Resource]) -> dict[str, dict[str, list[Resource]]]:
    grouped: dict[str, dict[str, list[Resource]]] = {}
    for resource in resources:
        grouped.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
    return {
        group: {version: versions[version] for version in sorted(versions, key=version_order)}
        for group, versions in grouped.items()
    }


def _group(group: str, versions: Iterable[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _core_versions(resources: Iterable[Resource]) -> dict[str, Any]:
    return {
        "kind": "APIVersions",
        "versions": list(_groups(resources).get("", {})),
        "serverAddressByClientCIDRs": [],
    }


def _entries(resource: Resource) -> Iterable[dict[str, Any]]:
    common = {"namespaced": resource.namespaced, "kind": resource.kind}
    entry = (
        {"name": resource.plural, "singularName": resource.singular_name}
        | common
        | {"verbs": list(resource.verbs)}
    )
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    yield entry
    for name in sorted(resource.subresources):
        subresource = SUBRESOURCES[name]
        kind: dict[str, Any] = {}
        if subresource.kind is not None:
            group, version, kind_name = subresource.kind_of(resource)
            kind = {"kind": kind_name} | ({"group": group, "version": version} if group else {})
        names = {"name": f"{resource.plural}/{name}", "singularName": ""}
        yield names | common | kind | {"verbs": list(subresource.verbs)}


def _aggregated_entry(resource: Resource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": _kind(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular_name,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": _kind(*SUBRESOURCES[name].kind_of(resource)),
                "verbs": list(SUBRESOURCES[name].verbs),
            }
            for name in sorted(resource.subresources)
        ]
    return entry


def _kind(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}


def _aggregated_form(accept: str) -> str:
    """Return the version of the aggregated form that is wanted first, "" where plain JSON comes before any."""
    for name, parameters in media_types(accept):
        if name != "application/json":
            continue
        if not parameters:
            return ""
        wanted = (parameters.get("g"), parameters.get("as"))
        if (
            wanted == ("apidiscovery.k8s.io", "APIGroupDiscoveryList")
            and parameters.get("v") in AGGREGATED_VERSIONS
        ):
            return parameters["v"]
    return ""


def _optional(value: dict[str, Any] | None) -> Document | None:
    return None if value is None else document(value)
