"""How verbs become requests: pure functions from a resource and arguments to a `Request`.

Source: Kubernetes API concepts ("API verbs", "Resource URIs") and the options types of meta/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from seaway.client.logs import LogOptions
from seaway.client.request import APPLY_PATCH, MERGE_PATCH, Request
from seaway.objects.builtin import NODES, PODS
from seaway.objects.resource import Resource

Object = dict[str, Any]
Query = tuple[tuple[str, str], ...]


class Selection(TypedDict, total=False):
    """Which objects of a collection; all where nothing is given."""

    label_selector: str | None
    field_selector: str | None


class ListOptions(Selection, total=False):
    """How to list."""

    limit: int | None
    resource_version: str | None
    continue_: str | None
    """The token of the page before."""


class WatchOptions(Selection, total=False):
    """How to watch."""

    resource_version: str | None
    """The watch starts after it."""
    timeout_seconds: int | None
    bookmarks: bool
    """True where nothing is said."""


class DeleteOptions(TypedDict, total=False):
    """How to delete."""

    grace_seconds: int | None
    """Until a pod's processes are killed; None for what the object says."""
    propagation: str | None
    """"Background", "Foreground" or "Orphan"; None for the kind's default."""
    uid: str | None
    """Delete only the object that has it."""
    resource_version: str | None
    """Delete only this version of it."""


class CollectionDeleteOptions(Selection, total=False):
    """How to delete the objects of a collection."""

    grace_seconds: int | None
    propagation: str | None


def get(
    resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
) -> Request:
    """Build the read of one object."""
    return Request("GET", _path(resource, namespace, name, subresource))


def list_(resource: Resource, namespace: str | None = None, **options: Unpack[ListOptions]) -> Request:
    """Build the read of a collection; `namespace` None is all namespaces."""
    page = _query(
        limit=options.get("limit"),
        resourceVersion=options.get("resource_version"),
        **{"continue": options.get("continue_")},
    )
    return Request("GET", resource.path(namespace), _selection(options) + page)


def watch(resource: Resource, namespace: str | None = None, **options: Unpack[WatchOptions]) -> Request:
    """Build a watch of a collection."""
    course = _query(
        resourceVersion=options.get("resource_version"),
        timeoutSeconds=options.get("timeout_seconds"),
        allowWatchBookmarks=options.get("bookmarks", True) or None,
    )
    return Request("GET", resource.path(namespace), (("watch", "true"), *_selection(options), *course))


def create(
    resource: Resource,
    obj: Object,
    namespace: str | None = None,
    *,
    field_manager: str | None = None,
    dry_run: bool = False,
) -> Request:
    """Build a create; the namespace is the object's own where none is given."""
    query = _query(fieldManager=field_manager, dryRun="All" if dry_run else None)
    path = resource.path(_namespace_for(resource, namespace or _meta(obj, "namespace")))
    return Request("POST", path, query, _typed(resource, obj))


def replace(
    resource: Resource, obj: Object, *, subresource: str | None = None, field_manager: str | None = None
) -> Request:
    """Build a replace (PUT) of the object, whose metadata says which one."""
    path = _path(resource, _meta(obj, "namespace"), _name(obj), subresource)
    return Request("PUT", path, _query(fieldManager=field_manager), _typed(resource, obj))


def patch(
    resource: Resource,
    name: str,
    body: Any,
    namespace: str | None = None,
    *,
    content_type: str = MERGE_PATCH,
    subresource: str | None = None,
    field_manager: str | None = None,
) -> Request:
    """Build a patch; `content_type` is one of the constants of `seaway.client.request`."""
    path = _path(resource, namespace, name, subresource)
    return Request("PATCH", path, _query(fieldManager=field_manager), body, content_type)


def apply(
    resource: Resource,
    obj: Object,
    *,
    field_manager: str,
    force: bool = False,
    subresource: str | None = None,
) -> Request:
    """Build a server-side apply of the object, whose metadata says which one."""
    path = _path(resource, _meta(obj, "namespace"), _name(obj), subresource)
    query = _query(fieldManager=field_manager, force=force or None)
    return Request("PATCH", path, query, _typed(resource, obj), APPLY_PATCH)


def delete(
    resource: Resource, name: str, namespace: str | None = None, **options: Unpack[DeleteOptions]
) -> Request:
    """Build a delete; `namespace` is None for cluster-scoped objects."""
    return Request("DELETE", _path(resource, namespace, name), (), _delete_options(options))


def delete_collection(
    resource: Resource, namespace: str | None = None, **options: Unpack[CollectionDeleteOptions]
) -> Request:
    """Build the delete of all objects of a collection that the selectors match."""
    return Request("DELETE", resource.path(namespace), _selection(options), _delete_options(options))


def create_subresource(
    resource: Resource,
    name: str,
    subresource: str,
    obj: Object,
    namespace: str | None = None,
    *,
    field_manager: str | None = None,
) -> Request:
    """Build a POST to a subresource: binding, eviction, token."""
    return Request(
        "POST", _path(resource, namespace, name, subresource), _query(fieldManager=field_manager), obj
    )


def logs(name: str, namespace: str, container: str | None, options: LogOptions) -> Request:
    """Build the read of a container's log."""
    query = _query(
        container=container,
        follow=options.follow or None,
        previous=options.previous or None,
        timestamps=options.timestamps or None,
        sinceSeconds=options.since_seconds,
        sinceTime=options.since_time,
        tailLines=options.tail_lines,
        limitBytes=options.limit_bytes,
    )
    return Request("GET", _path(PODS, namespace, name, "log"), query)


def kept_logs(
    pod: str, namespace: str, *, node: str, uid: str, container: str, attempt: int, options: LogOptions
) -> Request:
    """Build the read of the log of a pod that is gone, from a node that keeps it."""
    query = _query(
        attempt=attempt, timestamps=options.timestamps or None, sinceTime=options.since_time, tailLines=options.tail_lines
    )  # fmt: skip
    path = f"{_path(NODES, None, node, 'proxy')}/containerLogs/{namespace}/{pod}/{uid}/{container}"
    return Request("GET", path, query)


def _path(resource: Resource, namespace: str | None, name: str, subresource: str | None = None) -> str:
    if not name:
        raise ValueError(f"{resource.kind}: a name is needed")
    return resource.path(_namespace_for(resource, namespace), name, subresource)


def _namespace_for(resource: Resource, namespace: str | None) -> str | None:
    if resource.namespaced and not namespace:
        raise ValueError(f"{resource.kind} is namespaced: give a namespace")
    return namespace if resource.namespaced else None


def _query(**values: Any) -> Query:
    """Return the values that are given as query pairs; booleans as "true" and "false"."""
    return tuple((name, _text(value)) for name, value in values.items() if value is not None)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _meta(obj: Mapping[str, Any], field: str) -> str | None:
    value: str | None = (obj.get("metadata") or {}).get(field)
    return value


def _name(obj: Mapping[str, Any]) -> str:
    return _meta(obj, "name") or ""


def _typed(resource: Resource, obj: Object) -> Object:
    """Return the object with apiVersion and kind, the argument untouched."""
    if "kind" in obj and "apiVersion" in obj:
        return obj
    return {"apiVersion": resource.api_version, "kind": resource.kind, **obj}


def _selection(options: Mapping[str, Any]) -> Query:
    return _query(labelSelector=options.get("label_selector"), fieldSelector=options.get("field_selector"))


def _delete_options(options: Mapping[str, Any]) -> Object | None:
    preconditions = {
        wire: options[name]
        for name, wire in (("uid", "uid"), ("resource_version", "resourceVersion"))
        if options.get(name) is not None
    }
    wanted = {
        "gracePeriodSeconds": options.get("grace_seconds"),
        "propagationPolicy": options.get("propagation"),
        "preconditions": preconditions or None,
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    return {"apiVersion": "v1", "kind": "DeleteOptions", **given} if given else None
