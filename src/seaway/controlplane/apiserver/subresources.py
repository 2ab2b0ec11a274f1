"""Subresources that do something of their own: binding, eviction, token, scale.

Source: Kubernetes API reference, and "API-initiated Eviction", "TokenRequest", "Scale subresource".
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from seaway.base.clock import rfc3339
from seaway.client.request import JSON_PATCH, MERGE_PATCH
from seaway.controlplane.apiserver.budgets import Budgets
from seaway.controlplane.apiserver.content import Content, ValueContent
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.registry import Registry
from seaway.controlplane.apiserver.tokens import ISSUER, BoundTo, TokenSigner, service_account_claims
from seaway.controlplane.apiserver.users import node_of
from seaway.controlplane.apiserver.writing import Write, delete_options
from seaway.controlplane.kinds import faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_text
from seaway.objects import meta
from seaway.objects.apply import track_update
from seaway.objects.builtin import NODES, PODS, SECRETS, SERVICE_ACCOUNTS
from seaway.objects.errors import ApiError, BadRequest, Forbidden, conflict, invalid, not_found
from seaway.objects.patch import json_patch, merge_patch, strategic_merge_patch
from seaway.objects.resource import Resource

Object = dict[str, Any]
_TOKEN_REQUESTS = Resource("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests")
_SCALES = Resource("autoscaling", "v1", "Scale", "scales")
_MIN_SECONDS, _DEFAULT_SECONDS, _MAX_SECONDS = 600, 3600, 2**32
_BINDABLE = {"Pod": PODS, "Secret": SECRETS, "Node": NODES}
SUCCESS: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


def require_map(body: Any, kind: str, *, whole: bool = True) -> Object:
    """Return a body that must be an object of a kind, with `whole` its parts maps. Raises BadRequest."""
    if not isinstance(body, dict):
        raise BadRequest(f"the body of the request must be a {kind} object")
    if body.get("kind", kind) != kind:
        version = str(body.get("apiVersion") or "").rpartition("/")[2]
        said = f'{body["kind"]} in version "{version}" cannot be handled as a {kind}'
        raise BadRequest(
            f'{said}: no kind "{body["kind"]}" is registered for version "{body.get("apiVersion")}"'
        )
    for field in ("metadata", "spec", "status") if whole else ():
        if not isinstance(body.get(field) or {}, dict):
            raise BadRequest(f"{kind}: {field} must be a map")
    return body


async def bind(registry: Registry, write: Write, body: Any, now: float) -> Content:
    """Bind a pod to a node. Raises Conflict where it is bound already or going."""
    binding = _named(write, require_map(body, "Binding"), "Binding")
    target = binding.get("target")
    node = target.get("name") if isinstance(target, dict) else None
    if not node or not isinstance(node, str):
        raise invalid("", "Binding", write.name, [faults.required("target.name")])
    aimed = target.get("kind") if isinstance(target, dict) else None
    if aimed not in (None, "", "Node"):
        shown = json.dumps(aimed)
        raise BadRequest(f'target.kind: Unsupported value: {shown}: supported values: "Node", "<empty>"')
    added = {}
    for field in ("labels", "annotations"):
        added[field] = texts = binding["metadata"].get(field) or {}
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise BadRequest(f"Binding: metadata.{field} must be a map of strings")
    uid = (binding.get("metadata") or {}).get("uid")

    def change(pod: Object) -> Object:
        metadata, spec = pod["metadata"], pod["spec"]
        if uid and uid != metadata["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata['uid']}"
            raise conflict("pods", write.name, why)
        if metadata.get("deletionTimestamp"):
            raise conflict(
                "pods/binding", write.name, f"pod {write.name} is being deleted, cannot be assigned to a host"
            )
        if spec.get("nodeName"):
            why = f'pod {write.name} is already assigned to node "{spec["nodeName"]}"'
            raise conflict("pods/binding", write.name, why)
        if spec.get("schedulingGates"):
            raise conflict(
                "pods/binding", write.name, f"pod {write.name} has non-empty .spec.schedulingGates"
            )
        status = {**(pod.get("status") or {})}
        status.pop("nominatedNodeName", None)
        status["conditions"] = conditions = meta.copy(status.get("conditions") or [])
        meta.set_condition(conditions, "PodScheduled", "True", now=rfc3339(now))
        for field, texts in added.items():
            if texts:
                metadata = {**metadata, field: {**(metadata.get(field) or {}), **texts}}
        return {**pod, "metadata": {**metadata}, "spec": {**spec, "nodeName": node}, "status": status}

    await registry.adjust(write, change, tracked=False)
    return ValueContent({**SUCCESS, "code": 201})


def _named(write: Write, body: Object, kind: str) -> Object:
    """Return a body whose name must be the URL's. Raises BadRequest."""
    if ((body.get("metadata") or {}).get("name") or "") != write.name:
        raise BadRequest(f"name in URL does not match name in {kind} object")
    return body


async def evict(registry: Registry, budgets: Budgets, write: Write, body: Any, now: float) -> Content:
    """Delete a pod gracefully on somebody's behalf, if its disruption budget lets it go. Raises TooManyRequests."""
    eviction = _named(write, require_map(body, "Eviction"), "Eviction")
    options = delete_options({}, eviction.get("deleteOptions"))
    options = replace(options, dry_run=options.dry_run or write.options.dry_run)

    def mark(pod: Object) -> Object:
        status = {**(pod.get("status") or {})}
        if options.uid not in ("", meta.uid(pod)) or status.get("phase") in ("Succeeded", "Failed"):
            return pod  # the deletion says that it is another; what has ended is not disrupted any more
        status["conditions"] = conditions = meta.copy(status.get("conditions") or [])
        reason, said = "EvictionByEvictionAPI", "Eviction API: evicting"
        meta.set_condition(conditions, "DisruptionTarget", "True", reason, said, now=rfc3339(now))
        return {**pod, "status": status}

    await budgets.take(write, dry_run=options.dry_run)
    if not options.dry_run and not options.resource_version:  # which the mark would change
        await registry.adjust(write, mark, tracked=False)
    await registry.delete(write, options)
    return ValueContent({**SUCCESS, "code": 201})


def request_token(signer: TokenSigner, lookup: StoreLookup, write: Write, body: Any, now: float) -> Content:
    """Issue a service account's token. Raises BadRequest, Invalid, NotFound."""
    request = require_map(body, "TokenRequest")
    spec = request.get("spec") or {}
    account = lookup.get(SERVICE_ACCOUNTS, write.namespace, write.name)
    if account is None:
        raise not_found("serviceaccounts", write.name)
    _check_account(write, request.get("metadata") or {})
    audiences, seconds = _audiences(spec), _lifetime(spec)
    bound = _bound_to(lookup, write, spec.get("boundObjectRef"))
    _check_node(lookup, write, bound)
    token = signer.sign(service_account_claims(write.namespace, account, audiences, now, seconds, bound))
    api_version = "authentication.k8s.io/v1"
    metadata = {"name": write.name, "namespace": write.namespace, "creationTimestamp": rfc3339(now)}
    asked = {"metadata": metadata, "spec": {**spec, "expirationSeconds": seconds}}
    tracked = track_update(
        None, asked, manager=write.options.manager, schema=schema_of(_TOKEN_REQUESTS), api_version=api_version, now=rfc3339(now),
        subresource="token",
    )  # fmt: skip
    return ValueContent(
        {
            "kind": "TokenRequest", "apiVersion": api_version,
            "metadata": {**tracked["metadata"], "uid": account["metadata"]["uid"]},
            "spec": {"boundObjectRef": None, **spec, "audiences": audiences, "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": rfc3339(now + seconds)},
        }
    )  # fmt: skip


def _audiences(spec: Object) -> list[str]:
    """Return whom a token is for. Raises BadRequest."""
    audiences = spec.get("audiences") or [ISSUER]
    if not isinstance(audiences, list) or not all(isinstance(audience, str) for audience in audiences):
        raise BadRequest("TokenRequest: spec.audiences must be a list of strings")
    return audiences


def _lifetime(spec: Object) -> int:
    """Return for how many seconds a token is asked for. Raises BadRequest, Invalid."""
    seconds = spec.get("expirationSeconds", _DEFAULT_SECONDS)
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise BadRequest("TokenRequest: spec.expirationSeconds must be a number of seconds")
    said = ""
    if seconds < _MIN_SECONDS:
        said = "may not specify a duration less than 10 minutes"
    if seconds > _MAX_SECONDS:
        said = "may not specify a duration larger than 2^32 seconds"
    if said:
        cause = faults.invalid("spec.expirationSeconds", seconds, said)
        raise invalid("authentication.k8s.io", "TokenRequest", "", [cause])
    return seconds


def _check_account(write: Write, metadata: Object) -> None:
    """Refuse a request that names another account than its URL. Raises BadRequest, Invalid."""
    if metadata.get("namespace") not in (None, "", write.namespace):
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if (name := metadata.get("name")) not in (None, "", write.name):
        words = "must match the service account name if specified"
        cause = faults.invalid("metadata.name", name, words)
        raise invalid("authentication.k8s.io", "TokenRequest", write.name, [cause])


def _bound_to(lookup: StoreLookup, write: Write, reference: Any) -> BoundTo | None:
    if not reference:
        return None
    if not isinstance(reference, dict):
        raise BadRequest("TokenRequest: spec.boundObjectRef must be a map")
    if str(reference.get("kind")) not in _BINDABLE or reference.get("apiVersion") not in (None, "", "v1"):
        group, _, version = str(reference.get("apiVersion") or "").rpartition("/")
        named = f"{group}/{version}, Kind={reference.get('kind') or ''}"
        raise BadRequest(f"cannot bind token to object of type {named}")
    kind, name = str(reference["kind"]), str(reference.get("name") or "")
    resource = _BINDABLE[kind]
    found = lookup.get(resource, write.namespace if resource.namespaced else "", name)
    if found is None:
        raise not_found(resource.plural, name)
    uid = found["metadata"]["uid"]
    if reference.get("uid") and reference["uid"] != uid:
        why = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind, name, why)
    return BoundTo(kind, name, uid, _node_of_pod(lookup, write, found) if kind == "Pod" else None)


def _node_of_pod(lookup: StoreLookup, write: Write, pod: Object) -> tuple[str, str] | None:
    """Return the node of a pod, which must run as the account. Raises BadRequest."""
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName") != write.name:
        raise BadRequest(
            f'cannot bind token for serviceaccount "{write.name}" to pod running with different serviceaccount name.'
        )
    if not (name := spec.get("nodeName")):
        return None
    node = lookup.get(NODES, "", name)
    return name, meta.uid(node) if node is not None else ""


def _check_node(lookup: StoreLookup, write: Write, bound: BoundTo | None) -> None:
    """A node gets tokens only for pods of its own, and only of the account that they run as. Raises Forbidden."""
    node = node_of(write.user)
    if node is None:
        return
    pod = lookup.get(PODS, write.namespace, bound.name) if bound and bound.kind == "Pod" else None
    spec = (pod or {}).get("spec") or {}
    if (spec.get("nodeName"), spec.get("serviceAccountName")) != (node, write.name):
        message = (
            f'serviceaccounts "{write.name}" is forbidden: node "{node}" may ask only for tokens that are bound '
            "to a pod of this node that runs as the service account"
        )
        raise Forbidden(message, details={"name": write.name, "kind": "serviceaccounts"})


def scale_of(write: Write, obj: Object) -> Object:
    """Return an object's Scale."""
    scale = write.served.kind.scale
    assert scale is not None, "the scale subresource is declared"
    status: Object = {"replicas": _dig(obj, scale.status_replicas) or 0}
    if scale.label_selector:
        status["selector"] = _selector_text(_dig(obj, scale.label_selector))
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    metadata = {field: obj["metadata"][field] for field in kept if field in obj["metadata"]}
    replicas = _dig(obj, scale.spec_replicas) or 0
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": {"replicas": replicas}, "status": status,
    }  # fmt: skip


def patch_scale(scale: Object, body: Any, media: str) -> Any:
    """Return a Scale with a patch of this media type applied. Raises BadRequest, Invalid."""
    if media == JSON_PATCH:
        return json_patch(scale, body)
    if media == MERGE_PATCH:
        return merge_patch(scale, body)
    return strategic_merge_patch(scale, body, schema_of(_SCALES))


def with_replicas(write: Write, obj: Object, wanted: Object) -> Object:
    """Return an object with the replicas that a Scale asks for. Raises Invalid."""
    scale = write.served.kind.scale
    assert scale is not None, "the scale subresource is declared"
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        raise _invalid_replicas(write, scale.spec_replicas, replicas)
    changed: Object = meta.copy(obj)
    place = changed
    *path, last = scale.spec_replicas.strip(".").split(".")
    for part in path:
        place = place.setdefault(part, {})
    place[last] = replicas
    if version := (wanted.get("metadata") or {}).get("resourceVersion"):
        changed["metadata"]["resourceVersion"] = version
    return changed


def _invalid_replicas(write: Write, field: str, replicas: Any) -> ApiError:
    """Return the error, in the words that Kubernetes has for its own kinds and for custom ones."""
    if write.served.custom:
        resource = write.served.resource
        cause = faults.invalid(field, replicas, "should be a non-negative integer")
        return invalid(resource.group, resource.kind, write.name, [cause])
    cause = faults.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
    return invalid(_SCALES.group, _SCALES.kind, write.name, [cause])


def _selector_text(selector: Any) -> str:
    """Return a selector as the text that a client can list by: a custom resource's own text, or a built-in kind's selector."""
    if isinstance(selector, dict) and selector:
        whole = selector.keys() <= {"matchLabels", "matchExpressions"}
        return selector_text(selector if whole else {"matchLabels": selector})
    return selector if isinstance(selector, str) else ""


def _dig(obj: Any, path: str) -> Any:
    for part in path.strip(".").split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj
