"""Objects that every cluster has, made at each start where they are missing.

Roles and bindings of the defaults are also brought up to date, as their annotation `autoupdate` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.apiserver.bootstrap_roles import cluster_role_bindings, cluster_roles
from seaway.controlplane.apiserver.registry import Registry
from seaway.controlplane.apiserver.served import KindTable
from seaway.controlplane.apiserver.users import ADMIN
from seaway.controlplane.apiserver.writing import Write, WriteOptions
from seaway.controlplane.kinds.scheduling import SYSTEM_CLASSES
from seaway.objects.builtin import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ENDPOINT_SLICES,
    ENDPOINTS,
    INGRESS_CLASSES,
    NAMESPACES,
    PRIORITY_CLASSES,
    SERVICES,
)  # fmt: skip
from seaway.objects.errors import AlreadyExists
from seaway.objects.further import VOLUME_ATTACHMENTS
from seaway.objects.meta import copy
from seaway.objects.resource import Resource

Object = dict[str, Any]
_MANAGER = WriteOptions("seaway-apiserver")
_ENDPOINT_KINDS = ("Endpoints", "EndpointSlice")
_AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"


def namespaces() -> list[Object]:
    """Return the namespaces that every cluster has."""
    return [
        {"metadata": {"name": name}} for name in ("default", "kube-system", "kube-public", "kube-node-lease")
    ]


def priority_classes() -> list[Object]:
    """Return the priority classes that every cluster has."""
    return [
        {
            "metadata": {"name": name}, "value": value,
            "description": "Used for system critical pods that must not be moved from their current node."
            if name == "system-node-critical"
            else "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        }
        for name, value in SYSTEM_CLASSES.items()
    ]  # fmt: skip


def kubernetes_service(address: str, port: int) -> Object:
    """Return the Service by which pods find the API server."""
    labels = {"component": "apiserver", "provider": "kubernetes"}
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]
    return {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {"clusterIP": address, "type": "ClusterIP", "ports": ports},
    }


def kubernetes_endpoints(address: str, port: int) -> Object:
    """Return the Endpoints of that Service, which has no selector: where the API server answers."""
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    subsets = [{"addresses": [{"ip": address}], "ports": ports}]
    return {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels}, "subsets": subsets,
    }  # fmt: skip


def kubernetes_slice(address: str, port: int) -> Object:
    """Return the same as an EndpointSlice."""
    labels = {"kubernetes.io/service-name": "kubernetes"}
    return {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }


def ingress_classes() -> list[Object]:
    """Return the class of Ingresses that the cluster serves itself, also of those that name none."""
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    metadata = {"name": "seaway", "annotations": default}
    return [{"metadata": metadata, "spec": {"controller": "seaway.dev/ingress"}}]


async def bootstrap(
    registry: Registry, table: KindTable, service_address: str, address: str, port: int
) -> None:
    """Make what is missing, bring roles and the way to the API server up to date."""
    further = (
        table.find(VOLUME_ATTACHMENTS.group, VOLUME_ATTACHMENTS.version, VOLUME_ATTACHMENTS.plural)
        is not None
    )
    await _ensure(registry, table, NAMESPACES, namespaces())
    await _ensure(registry, table, PRIORITY_CLASSES, priority_classes())
    await _ensure(registry, table, CLUSTER_ROLES, cluster_roles(further=further))
    await _ensure(registry, table, CLUSTER_ROLE_BINDINGS, cluster_role_bindings(further=further))
    await _ensure(registry, table, SERVICES, [kubernetes_service(service_address, port)])
    await _ensure(registry, table, INGRESS_CLASSES, ingress_classes())
    await _ensure(registry, table, ENDPOINTS, [kubernetes_endpoints(address, port)])
    await _ensure(registry, table, ENDPOINT_SLICES, [kubernetes_slice(address, port)])


async def _ensure(registry: Registry, table: KindTable, resource: Resource, wanted: Iterable[Object]) -> None:
    served = table.find(resource.group, resource.version, resource.plural)
    if served is None:
        return
    for obj in wanted:
        metadata = obj["metadata"]
        namespace = metadata.get("namespace", "")
        write = Write(served, namespace, "", ADMIN, _MANAGER)
        fresh = {"apiVersion": resource.api_version, "kind": resource.kind, **copy(obj)}
        try:
            if not registry.exists(served, namespace, metadata["name"]):
                await registry.create(write, fresh)
                continue
        except AlreadyExists:
            pass  # by another start of the same cluster: brought up to date below
        write.name = metadata["name"]
        await registry.adjust(write, _updater(obj))


def _updater(wanted: Object) -> Any:
    """Return the change that brings a live default up to date: rules, subjects, the service's port."""

    def change(live: Object) -> Object:
        annotations = live["metadata"].get("annotations") or {}
        updated = live
        if annotations.get(_AUTOUPDATE) == "true":
            fields = ("rules", "subjects", "aggregationRule")
            kept: Object = {field: wanted[field] for field in fields if field in wanted}
            if "aggregationRule" in wanted:
                labels = (live["metadata"].get("labels") or {}) | wanted["metadata"]["labels"]
                kept["metadata"] = {**live["metadata"], "labels": labels}
            if "aggregationRule" in live:
                kept.pop("rules", None)  # a controller puts them together, of other roles than ours too
            updated = live | kept
        elif live["kind"] == "Service":
            updated = {**live, "spec": {**live["spec"], "ports": wanted["spec"]["ports"]}}
        elif live["kind"] in _ENDPOINT_KINDS:
            updated = live | {field: value for field, value in wanted.items() if field != "metadata"}
        return live if updated == live else updated

    return change
