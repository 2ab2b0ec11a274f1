"""How verbs become requests: pure functions from a resource and arguments to a `Request`.

Source: Kubernetes API concepts ("API verbs", "Resource URIs") and the options types of meta/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.client.logs import LogOptions
from seaway.client.request import APPLY_PATCH, MERGE_PATCH, Request
from seaway.objects.builtin import PODS
from seaway.objects.resource import Resource

Object = dict[str, Any]
Query = tuple[tuple[str, str], ...]


def get(
    resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
) -> Request:
    """Build the read of one object."""
    return Request("GET", _path(resource, namespace, name, subresource))


def list_(
    resource: Resource,
    namespace: str | None = None,
    *,
    label_selector: str | None = None,
    field_selector: str | None = None,
    limit: int | None = None,
    resource_version: str | None = None,
    continue_: str | None = None,
) -> Request:
    """Build the read of a collection; `namespace` None is all namespaces."""
    query = _query(
        labelSelector=label_selector,
        fieldSelector=field_selector,
        limit=limit,
        resourceVersion=resource_version,
        **{"continue": continue_},
    )
    return Request("GET", resource.path(namespace), query)


def watch(
    resource: Resource,
    namespace: str | None = None,
    *,
    resource_version: str | None = None,
    label_selector: str | None = None,
    field_selector: str | None = None,
    timeout_seconds: int | None = None,
    bookmarks: bool = True,
) -> Request:
    """Build a watch of a collection that starts after `resource_version`."""
    query = _query(
        watch=True,
        labelSelector=label_selector,
        fieldSelector=field_selector,
        resourceVersion=resource_version,
        timeoutSeconds=timeout_seconds,
        allowWatchBookmarks=bookmarks or None,
    )
    return Request("GET", resource.path(namespace), query)


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
    resource: Resource,
    name: str,
    namespace: str | None = None,
    *,
    grace_seconds: int | None = None,
    propagation: str | None = None,
    uid: str | None = None,
    resource_version: str | None = None,
) -> Request:
    """Build a delete.

    Args:
        resource: of the object.
        name: of the object.
        namespace: of the object, None for cluster-scoped ones.
        grace_seconds: until a pod's processes are killed; None for what the object says.
        propagation: "Background", "Foreground" or "Orphan"; None for the kind's default.
        uid: delete only the object that has it.
        resource_version: delete only this version of it.
    """
    body = _delete_options(grace_seconds, propagation, uid, resource_version)
    return Request("DELETE", _path(resource, namespace, name), (), body)


def delete_collection(
    resource: Resource,
    namespace: str | None = None,
    *,
    label_selector: str | None = None,
    field_selector: str | None = None,
    grace_seconds: int | None = None,
    propagation: str | None = None,
) -> Request:
    """Build the delete of all objects of a collection that the selectors match."""
    query = _query(labelSelector=label_selector, fieldSelector=field_selector)
    body = _delete_options(grace_seconds, propagation, None, None)
    return Request("DELETE", resource.path(namespace), query, body)


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


def _delete_options(
    grace_seconds: int | None, propagation: str | None, uid: str | None, resource_version: str | None
) -> Object | None:
    preconditions = {k: v for k, v in (("uid", uid), ("resourceVersion", resource_version)) if v is not None}
    given = {
        "gracePeriodSeconds": grace_seconds,
        "propagationPolicy": propagation,
        "preconditions": preconditions or None,
    }
    options = {key: value for key, value in given.items() if value is not None}
    return {"apiVersion": "v1", "kind": "DeleteOptions", **options} if options else None
