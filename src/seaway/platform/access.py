"""What the server may do in a cluster: the role to grant it, no more than it uses.

On a cluster where the workspaces' namespaces exist already, the same rules fit a Role in each of them; the embedded
cluster grants them everywhere, because the server makes the namespaces.
"""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]
USER = "seaway:server"
"""The name that the server acts under."""
_RBAC = "rbac.authorization.k8s.io"
WORKSPACE_RULES: tuple[Manifest, ...] = (
    {
        "apiGroups": [""],
        "resources": ["pods"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    },
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "delete"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["persistentvolumeclaims"],
        "verbs": ["list", "watch", "create", "delete"],
    },
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "watch"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments", "replicasets", "statefulsets"],
        "verbs": ["list", "watch"],
    },
)
"""In each workspace's namespace. Secrets: the runs' own tokens, made and removed; nobody's can be read. Claims
are the workspace's volumes. Jobs and what makes pods are only looked at, for history: without these rights it knows less,
and says so."""
METRICS_RULE: Manifest = {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["list"]}
"""Optional, in each workspace's namespace: without it, or without a server of metrics, no run is said to hang. Who grants
a right must have it, and the administrator of a namespace has this one only where a metrics server is installed."""
LEADER_RULES: tuple[Manifest, ...] = (
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
)
"""In the server's own namespace, where several servers elect one."""
NODE_RULE: Manifest = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}
CONFIRM_OFF_RULE: Manifest = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["patch"]}
"""Optional, with the one before: without it administrators mark lost nodes as out of service with kubectl."""
KEPT_LOGS_RULE: Manifest = {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}
"""On the embedded cluster alone, whose nodes serve nothing there but the logs of pods that are gone: to a kubelet it opens more."""
CLUSTER_RULES: tuple[Manifest, ...] = (
    NODE_RULE,
    METRICS_RULE,
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "create", "delete"]},
)
"""Optional as well: without nodes `why` knows less of them; without namespaces somebody else makes the workspaces'."""
MANAGER_RULES: tuple[Manifest, ...] = (*WORKSPACE_RULES, METRICS_RULE, CLUSTER_RULES[-1])
"""In all namespaces, where the server is to make and delete workspaces itself."""


def cluster_wide_grant() -> tuple[Manifest, Manifest]:
    """Return the ClusterRole and the ClusterRoleBinding that let the server work in every namespace."""
    api_version = f"{_RBAC}/v1"
    role = {
        "apiVersion": api_version, "kind": "ClusterRole", "metadata": {"name": USER},
        "rules": [*WORKSPACE_RULES, *CLUSTER_RULES, CONFIRM_OFF_RULE, KEPT_LOGS_RULE],
    }  # fmt: skip
    binding = {
        "apiVersion": api_version, "kind": "ClusterRoleBinding", "metadata": {"name": USER},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": USER},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": USER}],
    }  # fmt: skip
    return role, binding
