"""Roles and bindings that every cluster has.

Source: Kubernetes' "Using RBAC Authorization", "Default roles and role bindings".
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from typing import Any

import orjson

from seaway.controlplane.apiserver.users import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from seaway.controlplane.kinds.rbac import aggregated_rules

Object = dict[str, Any]
_CONTROLLER = "system:controller:"
_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_EVERY = ["*"]
USERS_GROUP = "seaway:users"
"""Of whoever has the kubeconfig that `seaway kubeconfig` hands out."""


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> Object:
    return {"apiGroups": groups, "resources": resources, "verbs": verbs}


def _paths(*paths: str) -> Object:
    return {"nonResourceURLs": list(paths), "verbs": ["get"]}


_REVIEWS = [
    _rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
]
_EVENTS = [_rule(["", "events.k8s.io"], ["events"], ["create", "get", "patch", "update"])]
"""Of whoever reports events: also reading, so that a count goes on after a restart."""
_NODE = [
    _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
    _rule(["authorization.k8s.io"], ["localsubjectaccessreviews", "subjectaccessreviews"], ["create"]),
    _rule([""], ["services", "configmaps", "secrets", "persistentvolumeclaims", "namespaces"], _READ),
    _rule([""], ["persistentvolumes"], ["get"]),
    _rule([""], ["nodes"], ["create", *_READ, "patch", "update"]),
    _rule([""], ["nodes/status", "pods/status"], ["patch", "update"]),
    _rule([""], ["pods"], [*_READ, "create", "delete"]),
    _rule([""], ["pods/eviction"], ["create"]),
    *_EVENTS,
    _rule([""], ["serviceaccounts"], ["get"]),
    _rule([""], ["serviceaccounts/token"], ["create"]),
    _rule(["coordination.k8s.io"], ["leases"], ["create", "delete", "get", "patch", "update"]),
]
_NETWORK = [
    *_EVENTS,
    _rule([""], ["secrets"], ["get"]),
    _rule([""], ["services/status"], ["update"]),
    _rule(["networking.k8s.io"], ["ingresses/status"], ["update"]),
]
"""Of what balances services and serves Ingresses: it reads the certificates that these name."""
_SCHEDULER = [
    *_EVENTS,
    _rule(["coordination.k8s.io"], ["leases"], ["create", "get", "list", "patch", "update", "watch"]),
    _rule([""], ["nodes", "pods", "persistentvolumeclaims", "namespaces", "services"], _READ),
    _rule([""], ["pods"], ["delete"]),
    _rule([""], ["pods/binding", "bindings"], ["create"]),
    _rule([""], ["pods/status"], ["patch", "update"]),
    _rule([""], ["persistentvolumeclaims", "persistentvolumes"], [*_READ, "patch", "update"]),
    _rule(["storage.k8s.io"], ["storageclasses"], _READ),
    _rule(["scheduling.k8s.io"], ["priorityclasses"], _READ),
    _rule(["policy"], ["poddisruptionbudgets"], _READ),
]
_CONTROLLERS = [
    *_EVENTS,
    # Garbage collection and the end of a namespace reach every kind, also those that are defined later.
    _rule(_EVERY, _EVERY, [*_READ, "delete", "deletecollection", "patch", "update"]),
    _rule(
        [""], ["configmaps", "namespaces", "persistentvolumeclaims", "pods", "serviceaccounts"], ["create"]
    ),
    _rule(["apps"], ["controllerrevisions", "replicasets"], ["create"]),
    _rule([""], ["persistentvolumes"], ["create"]),
    _rule(["storage.k8s.io"], ["storageclasses"], ["create"]),
    _rule(["coordination.k8s.io"], ["leases"], ["create"]),
    _rule(["certificates.k8s.io"], ["signers"], ["approve", "sign"]),
    _rule([_RBAC], ["clusterroles"], ["escalate"]),  # it puts roles together that hold more than it does
    _rule(["batch"], ["jobs"], ["create"]),
    _rule([""], ["endpoints"], ["create"]),
    _rule(["discovery.k8s.io"], ["endpointslices"], ["create"]),
]
ROLES: dict[str, list[Object]] = {
    "cluster-admin": [_rule(_EVERY, _EVERY, _EVERY), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
    "system:basic-user": [*_REVIEWS, _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"])],
    "system:discovery": [
        _paths("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version", "/version/")
    ],
    "system:public-info-viewer": [_paths("/healthz", "/livez", "/readyz", "/version", "/version/")],
    "system:monitoring": [_paths("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/readyz", "/readyz/*")],
    "system:node": _NODE,
    "system:kube-scheduler": _SCHEDULER,
    "system:kube-controller-manager": _CONTROLLERS,
    "seaway:network": _NETWORK,
    "system:auth-delegator": [
        _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
        _rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
    ],
    **{
        f"system:certificates.k8s.io:{name}-approver": [
            {**_rule(["certificates.k8s.io"], ["signers"], ["approve"]), "resourceNames": [f"kubernetes.io/{name}"]}
        ]
        for name in ("kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown")
    },
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": [
        _rule(["certificates.k8s.io"], ["certificatesigningrequests/nodeclient"], ["create"])
    ],
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": [
        _rule(["certificates.k8s.io"], ["certificatesigningrequests/selfnodeclient"], ["create"])
    ],
    "system:node-bootstrapper": [
        _rule(["certificates.k8s.io"], ["certificatesigningrequests"], ["create", *_READ])
    ],
    USERS_GROUP: [
        _rule([""], ["nodes", "persistentvolumes"], _READ),
        _rule(["storage.k8s.io"], ["storageclasses"], _READ),
        _rule(["networking.k8s.io"], ["ingressclasses"], _READ),
        _rule(["scheduling.k8s.io"], ["priorityclasses"], _READ),
        _rule(["apiextensions.k8s.io"], ["customresourcedefinitions"], _READ),
        _rule([_RBAC], ["clusterroles", "roles", "rolebindings"], _READ),
    ],
    "system:persistent-volume-provisioner": [_rule([""], ["persistentvolumeclaims"], [*_READ, "update"])],
}  # fmt: skip
"""Cluster roles by name, with their rules."""
_TO = f"{_RBAC}/aggregate-to-"
_METRICS = _rule(["metrics.k8s.io"], ["pods", "nodes"], _READ)
USERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("admin", ()), ("edit", ("admin",)), ("view", ("edit",)),
)  # fmt: skip
"""Roles that are put together of all that are labelled for them, and for which they are labelled themselves."""

_USER, _GROUP = "User", "Group"
BINDINGS: tuple[tuple[str, str, str, str], ...] = (
    ("cluster-admin", "cluster-admin", _GROUP, MASTERS),
    ("system:basic-user", "system:basic-user", _GROUP, AUTHENTICATED),
    ("system:discovery", "system:discovery", _GROUP, AUTHENTICATED),
    ("system:public-info-viewer", "system:public-info-viewer", _GROUP, AUTHENTICATED),
    ("system:public-info-viewer-anonymous", "system:public-info-viewer", _GROUP, UNAUTHENTICATED),
    ("system:monitoring", "system:monitoring", _GROUP, "system:monitoring"),
    ("system:nodes", "system:node", "", ""),
    (f"{USERS_GROUP}-view", "view", _GROUP, USERS_GROUP),
    (USERS_GROUP, USERS_GROUP, _GROUP, USERS_GROUP),
    ("system:kube-scheduler", "system:kube-scheduler", _USER, "system:kube-scheduler"),
    ("seaway:network", "seaway:network", _USER, "seaway:network"),
    (
        "system:kube-controller-manager",
        "system:kube-controller-manager",
        _USER,
        "system:kube-controller-manager",
    ),
)
"""Cluster role bindings: name, role, kind of subject, subject; without kind there is none: nodes are judged one by one."""


def _bootstrapped(kind: str, name: str) -> Object:
    return {
        "apiVersion": f"{_RBAC}/v1", "kind": kind,
        "metadata": {
            "name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        },
    }  # fmt: skip


def users_binding(namespace: str) -> Object:
    """Return the binding that lets users edit what lies in a namespace."""
    return {
        "metadata": {"name": USERS_GROUP, "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": _RBAC, "kind": _GROUP, "name": USERS_GROUP}],
    }


def cluster_roles(*, further: bool = False) -> list[Object]:
    """Return the default cluster roles.

    Args:
        further: also those of Kubernetes' own scheduler and controllers, each of which has an account of its own.
    """
    roles = dict(ROLES)
    for name, rules in _loaded("controller_roles.json").items() if further else ():
        roles[name] = [*ROLES.get(name, ()), *rules]
    return [
        {**_bootstrapped("ClusterRole", name), "rules": rules} for name, rules in roles.items()
    ] + user_roles()


def user_roles() -> list[Object]:
    """Return the roles of users, and the parts that they are put together of."""
    parts = [
        _labelled(name, (name.rpartition("-")[2],), rules=rules)
        for name, rules in _loaded("user_roles.json").items()
    ]
    parts.append(_labelled("system:aggregated-metrics-reader", ("view", "edit", "admin"), rules=[_METRICS]))
    wholes = [
        _labelled(
            name, onto, aggregationRule={"clusterRoleSelectors": [{"matchLabels": {f"{_TO}{name}": "true"}}]}
        )
        for name, onto in USERS
    ]
    made: list[Object] = []
    for whole in reversed(wholes):  # each begins with what a controller would put together
        made.append({**whole, "rules": aggregated_rules(whole, [*parts, *made])})
    return [*parts, *made]


def _labelled(name: str, onto: Iterable[str], **fields: Any) -> Object:
    role = _bootstrapped("ClusterRole", name)
    labels = role["metadata"]["labels"] | {f"{_TO}{whole}": "true" for whole in onto}
    return {**role, "metadata": {**role["metadata"], "labels": labels}, **fields}


def _loaded(name: str) -> dict[str, list[Object]]:
    loaded: dict[str, list[Object]] = orjson.loads(
        (resources.files("seaway.controlplane.apiserver") / name).read_bytes()
    )
    return loaded


def _further_bindings() -> list[Object]:
    """Return the bindings of the controllers' accounts, and of the scheduler's second role."""
    accounts = [name for name in _loaded("controller_roles.json") if name.startswith(_CONTROLLER)]
    bound = [
        (name, {"kind": "ServiceAccount", "namespace": "kube-system", "name": name.removeprefix(_CONTROLLER)})
        for name in accounts
    ]
    scheduler = {"apiGroup": _RBAC, "kind": _USER, "name": "system:kube-scheduler"}
    return [
        {
            **_bootstrapped("ClusterRoleBinding", name),
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [subject],
        }
        for name, subject in (*bound, ("system:volume-scheduler", scheduler))
    ]


def cluster_role_bindings(*, further: bool = False) -> list[Object]:
    """Return the default cluster role bindings; `further` as in `cluster_roles`."""
    return (_further_bindings() if further else []) + [
        {
            **_bootstrapped("ClusterRoleBinding", name),
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": _RBAC, "kind": kind, "name": subject}] if kind else [],
        }
        for name, role, kind, subject in BINDINGS
    ]  # fmt: skip
