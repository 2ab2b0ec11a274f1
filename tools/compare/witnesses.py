"""A story for each row of docs/differences.md, in which the difference shows: a row goes when its story shows it no more."""

from __future__ import annotations

from typing import Any

from seaway.objects.builtin import (
    CERTIFICATE_SIGNING_REQUESTS,
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    ENDPOINT_SLICES,
    EVENTS_V1,
    JOBS,
    NODES,
    PODS,
    ROLES,
)  # fmt: skip
from seaway.objects.resource import Resource
from seaway.objects.workloads import REPLICA_SETS
from tools.compare.calls import Call, Edit, Story
from tools.compare.mutations import Mutation
from tools.compare.seeds.objects import SEEDS
from tools.compare.stories import collection

Object = dict[str, Any]
_NAMESPACE = "/api/v1/namespaces/{namespace}"


def _of(resource: Resource, number: int, *further: Call) -> Story:
    """Return the story that creates a seed and makes further calls."""
    return Story((Call("POST", collection(resource), _seed(resource, number)), *further))


def _seed(resource: Resource, number: int) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind} | SEEDS[resource][number]


def _put(path: str, pointer: str, value: Any) -> Call:
    """Return the call that changes one field of what the first call made."""
    changes: tuple[Object, ...] = ({"op": "add", "path": pointer, "value": value},)
    if not pointer.startswith("/metadata"):
        changes = ({"op": "remove", "path": "/metadata/resourceVersion"}, *changes)
    return Call("PUT", path, Edit(0, changes))


_NAMELESS = Call("POST", f"{_NAMESPACE}/services", {"metadata": {}, "spec": {"ports": [{"port": 80}]}})
_VERSIONED = {"metadata": {"name": "a", "resourceVersion": "1"}}
_NO_CODES = Mutation(("spec", "podFailurePolicy", "rules", 0, "onExitCodes", "values"), []).apply(
    _seed(JOBS, 1)
)
_NO_CLAIMS = Mutation(("spec", "resources"), {"claims": []}).apply(_seed(PODS, 0))
_NO_CLAIMS_NOR_IMAGE = Mutation(("spec", "containers", 0, "image"), "").apply(_NO_CLAIMS)
_EPHEMERAL = Mutation(("spec", "ephemeralContainers"), [{"name": "*", "image": ""}]).apply(_seed(PODS, 0))
_WINDOWS = Mutation(("spec", "securityContext"), {"windowsOptions": {"runAsUserName": "x" * 300}}).apply(
    _seed(PODS, 0)
)
_NO_RULES = Mutation(("rules",), []).apply(_seed(ROLES, 0))
_HOST_ADDRESS = Mutation(
    ("spec", "template", "spec", "containers", 0, "ports", 0, "hostIP"), "127.0.0.1"
).apply(_seed(REPLICA_SETS, 0))
_DEFINITION = _of(CUSTOM_RESOURCE_DEFINITIONS, 0)

WITNESSES: dict[str, Story] = {
    "requests-managers": _of(CERTIFICATE_SIGNING_REQUESTS, 0),
    "requests-credential": _of(CERTIFICATE_SIGNING_REQUESTS, 0),
    "changed-parts": _of(PODS, 0, _put(f"{_NAMESPACE}/pods/a", "/spec/hostname", "other")),
    "changed-template": _of(
        JOBS, 0, _put(collection(JOBS) + "/plain", "/spec/template/spec/hostname", "other")
    ),
    "nodes-ready": _of(NODES, 0),
    "services-nameless-name": Story((_NAMELESS,)),
    "services-nameless-address": Story((_NAMELESS,)),
    "unreadable-version": _of(
        CONFIG_MAPS, 0, _put(f"{_NAMESPACE}/configmaps/a", "/metadata/resourceVersion", "x")
    ),
    "version-on-create": Story((Call("POST", f"{_NAMESPACE}/configmaps", _VERSIONED),)),
    "other-uid": _of(CONFIG_MAPS, 0, _put(f"{_NAMESPACE}/configmaps/a", "/metadata/uid", "other")),
    "empty-is-nothing": _of(CONFIG_MAPS, 1, _put(f"{_NAMESPACE}/configmaps/fixed", "/binaryData", {})),
    "empty-shown-as-nothing": Story((Call("POST", collection(JOBS), _NO_CODES),)),
    "empty-labels-shown": _of(
        JOBS, 0, _put(f"{collection(JOBS)}/plain", "/spec/template/metadata/labels", {})
    ),
    "template-warnings": Story((Call("POST", collection(REPLICA_SETS), _HOST_ADDRESS),)),
    "ephemeral-too": Story((Call("POST", f"{_NAMESPACE}/pods", _EPHEMERAL),)),
    "windows-names": Story((Call("POST", f"{_NAMESPACE}/pods", _WINDOWS),)),
    "empty-claims": Story((Call("POST", f"{_NAMESPACE}/pods", _NO_CLAIMS),)),
    "empty-claims-too": Story((Call("POST", f"{_NAMESPACE}/pods", _NO_CLAIMS_NOR_IMAGE),)),
    "empty-rules": Story((Call("POST", collection(ROLES), _NO_RULES),)),
    "empty-endpoints": _of(ENDPOINT_SLICES, 0),
    "events-managers": _of(EVENTS_V1, 0),
    "definitions-status": _DEFINITION,
    "definitions-metadata": _DEFINITION,
}
"""By the row's id."""
