"""The resources that an installation is made of, as constants of a client."""

from __future__ import annotations

from seaway.objects.builtin import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    PERSISTENT_VOLUME_CLAIMS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from seaway.objects.resource import Resource
from seaway.objects.workloads import DEPLOYMENTS, POD_DISRUPTION_BUDGETS

INGRESSES = Resource("networking.k8s.io", "v1", "Ingress", "ingresses")
NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
SERVICE_MONITORS = Resource("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors")
"""The Prometheus operator's: few clusters have it, and an administrator of a namespace may have no rights to it."""
CLUSTER_WIDE = (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS)
KINDS: dict[str, Resource] = {
    resource.kind: resource
    for resource in (
        SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, *CLUSTER_WIDE, SECRETS, PERSISTENT_VOLUME_CLAIMS, DEPLOYMENTS, SERVICES,
        POD_DISRUPTION_BUDGETS, INGRESSES, NETWORK_POLICIES, SERVICE_MONITORS,
    )
}  # fmt: skip
"""In the order in which they are applied; they are removed in the reverse one."""
