"""The paths of one resource, as OpenAPI v3 path items with Kubernetes' extensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.apiserver.discovery import STREAMS, SUBRESOURCES
from seaway.objects.resource import Resource

Names = Mapping[tuple[str, str, str], str]
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
API_ERROR_SCHEMA = META + "Status"

_WRITE = {"dryRun": "string", "fieldManager": "string", "fieldValidation": "string"}
_LIST = {
    "allowWatchBookmarks": "boolean", "continue": "string", "fieldSelector": "string", "labelSelector": "string",
    "limit": "integer", "resourceVersion": "string", "resourceVersionMatch": "string", "sendInitialEvents": "boolean",
    "timeoutSeconds": "integer", "watch": "boolean",
}  # fmt: skip
_DELETE = {
    "dryRun": "string",
    "gracePeriodSeconds": "integer",
    "orphanDependents": "boolean",
    "propagationPolicy": "string",
}
_LOG = {
    "container": "string", "follow": "boolean", "limitBytes": "integer", "previous": "boolean", "sinceSeconds": "integer",
    "tailLines": "integer", "timestamps": "boolean",
}  # fmt: skip
QUERY: Mapping[str, Mapping[str, str]] = {
    "get": {},
    "list": _LIST,
    "post": _WRITE,
    "put": _WRITE,
    "patch": _WRITE | {"force": "boolean"},
    "delete": _DELETE,
    "deletecollection": _DELETE | _LIST,
    "log": _LOG,
}
"""Query parameters by action, with their types."""
METHODS = {"list": "get", "log": "get", "deletecollection": "delete"}
"""HTTP method of an action where it has another name."""
VERB_ACTIONS = {
    "get": "get", "list": "list", "create": "post", "update": "put", "patch": "patch", "delete": "delete",
    "deletecollection": "deletecollection",
}  # fmt: skip
PATCH_TYPES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
STRATEGIC = "application/strategic-merge-patch+json"
BODY_TYPE = "application/json"


def paths_of(resource: Resource, name: str, names: Names, *, strategic: bool) -> dict[str, Any]:
    """Return the path items of a resource and its subresources.

    Args:
        resource: what is served.
        name: component name of its kind.
        names: component names of the built-in kinds, for subresources of another kind.
        strategic: whether strategic merge patches are served (not for custom resources).
    """
    namespace = "{namespace}" if resource.namespaced else None
    actions = [VERB_ACTIONS[verb] for verb in resource.verbs if verb in VERB_ACTIONS]
    collection = [a for a in actions if a in ("list", "post", "deletecollection")]
    single = [a for a in actions if a in ("get", "put", "patch", "delete")]
    paths = {resource.path(namespace): _item(resource, name, collection, strategic=strategic)}
    if single:
        paths[resource.path(namespace, "{name}")] = _item(
            resource, name, single, strategic=strategic, named=True
        )
    if resource.namespaced and "list" in actions:
        item = _item(resource, name, ["list"], strategic=strategic)
        item["parameters"] = []
        paths[resource.path()] = item
    for subresource in sorted(resource.subresources - STREAMS):
        path = resource.path(namespace, "{name}", subresource)
        paths[path] = _subresource_item(resource, name, subresource, names, strategic=strategic)
    return paths


def _subresource_item(
    resource: Resource, name: str, subresource: str, names: Names, *, strategic: bool
) -> dict[str, Any]:
    declared = SUBRESOURCES[subresource]
    if subresource == "log":
        return _item(resource, name, ["log"], strategic=strategic, named=True)
    actions = [VERB_ACTIONS[verb] for verb in declared.verbs]
    if declared.kind is None:
        return _item(resource, name, actions, strategic=strategic, named=True)
    group, version, kind = declared.kind
    other = Resource(group, version, kind, resource.plural, namespaced=resource.namespaced)
    return _item(other, names[declared.kind], actions, strategic=strategic, named=True)


def _item(
    resource: Resource, name: str, actions: list[str], *, strategic: bool, named: bool = False
) -> dict[str, Any]:
    in_path = (["name"] if named else []) + (["namespace"] if resource.namespaced else [])
    item: dict[str, Any] = {
        METHODS.get(action, action): _operation(resource, name, action, strategic=strategic)
        for action in actions
    }
    item["parameters"] = [{"name": n, "in": "path", "required": True, "schema": _string()} for n in in_path]
    return item


def _operation(resource: Resource, name: str, action: str, *, strategic: bool) -> dict[str, Any]:
    answer = {"list": f"{name}List", "delete": API_ERROR_SCHEMA, "deletecollection": API_ERROR_SCHEMA}.get(
        action, name
    )
    operation: dict[str, Any] = {
        "parameters": [
            {"name": n, "in": "query", "schema": {"type": kind, "uniqueItems": True}} for n, kind in QUERY[action].items()
        ],
        "responses": {"200": _response(answer, action)},
        "x-kubernetes-action": "get" if action == "log" else action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group, "version": resource.version, "kind": resource.kind,
        },
    }  # fmt: skip
    bodies = {"post": name, "put": name, "patch": f"{META}Patch", "delete": f"{META}DeleteOptions"}
    bodies["deletecollection"] = bodies["delete"]
    if action in bodies:
        types = (*PATCH_TYPES, *([STRATEGIC] if strategic else [])) if action == "patch" else (BODY_TYPE,)
        content = {media_type: {"schema": _reference(bodies[action])} for media_type in types}
        operation["requestBody"] = {"content": content} | ({} if "delete" in action else {"required": True})
    return operation


def _response(name: str, action: str) -> dict[str, Any]:
    if action == "log":
        return {"description": "OK", "content": {"text/plain": {"schema": _string()}}}
    return {"description": "OK", "content": {BODY_TYPE: {"schema": _reference(name)}}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _string() -> dict[str, Any]:
    return {"type": "string", "uniqueItems": True}
