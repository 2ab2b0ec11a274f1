"""Ways out of one's rights, as values: who tries what. All of them are to be refused.

Callers: mallory is the administrator of the namespace {mine} and has nothing in {theirs}; climber may write cluster
roles and their bindings, and holds little himself; reader may get one config map; node-a runs a pod in {mine}, node-b
one in {theirs}; nobody has no credentials.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
OPERATIONS = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
JSON = "application/json"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
RBAC_GROUP = "rbac.authorization.k8s.io"
MINE, THEIRS = "/api/v1/namespaces/{mine}", "/api/v1/namespaces/{theirs}"
GOLD, VICTIM = f"{THEIRS}/secrets/gold", f"{THEIRS}/pods/victim"
ROLES = f"{RBAC}/namespaces/{{mine}}/roles"
BINDINGS = f"{RBAC}/namespaces/{{mine}}/rolebindings"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SOCKET = (
    ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="), ("Sec-WebSocket-Protocol", "v5.channel.k8s.io"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try."""

    name: str
    who: str
    method: str
    path: str
    body: Any = None
    media: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    ours_alone: bool = False
    """Kubernetes' own API server lets it through as it comes; ours does not."""


def role(name: str, *rules: Object, **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "rules": list(rules)}


def rule(verbs: list[str], resources: list[str], group: str = "", **more: Any) -> Object:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs, **more}


def binding(name: str, kind: str, ref: str, user: str = "mallory") -> Object:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": kind, "name": ref},
        "subjects": [{"apiGroup": RBAC_GROUP, "kind": "User", "name": user}],
    }


def pod(name: str, **spec: Any) -> Object:
    """Return a pod that a restricted namespace lets in, but for what is given."""
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"name": "c", "image": "python", "securityContext": safe}
    return {
        "metadata": {"name": name},
        "spec": {"securityContext": context, "containers": [container], **spec},
    }


def certificate_request(user: str, group: str) -> str:
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
        x509.NameAttribute(NameOID.COMMON_NAME, user),
    ]
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return base64.b64encode(pem).decode()


def reading() -> Iterator[Attempt]:
    """Yield reads of others' secrets."""
    table = (("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"),)
    partial = (("Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),)
    for name, path, headers in (
        ("get a secret", GOLD, ()),
        ("list secrets", f"{THEIRS}/secrets", ()),
        ("list secrets everywhere", "/api/v1/secrets", ()),
        ("watch secrets", f"{THEIRS}/secrets?watch=1&timeoutSeconds=1", ()),
        ("watch secrets everywhere", "/api/v1/secrets?watch=true&timeoutSeconds=1", ()),
        ("watch by the old path", "/api/v1/watch/namespaces/{theirs}/secrets/gold", ()),
        ("list one by its name", "/api/v1/secrets?fieldSelector=metadata.name%3Dgold", ()),
        ("list by namespace", "/api/v1/secrets?fieldSelector=metadata.namespace%3D{mine}", ()),
        ("list as a table", f"{THEIRS}/secrets", table),
        ("list metadata alone", f"{THEIRS}/secrets", partial),
        ("list from the cache", f"{THEIRS}/secrets?resourceVersion=0&limit=1", ()),
        ("dots in the path", f"{MINE}/../{{theirs}}/secrets/gold", ()),
        ("encoded dots", "/api/v1/namespaces/{mine}/%2e%2e/{theirs}/secrets/gold", ()),
        ("encoded slashes", "/api/v1/namespaces/{mine}%2F..%2F{theirs}/secrets/gold", ()),
        ("a name with slashes", f"{MINE}/secrets/..%2F..%2F{{theirs}}%2Fsecrets%2Fgold", ()),
        ("an encoded path", "/api/v1/namespaces/{theirs}/secrets%2Fgold", ()),
        ("double slashes", "//api//v1//namespaces//{theirs}//secrets//gold", ()),
        ("double slashes within", "/api/v1/namespaces//{theirs}/secrets/gold", ()),
        ("a slash at the end", f"{GOLD}/", ()),
        ("a nul in the name", f"{MINE}/secrets/x%00/../../{{theirs}}/secrets/gold", ()),
        ("another case", "/API/V1/namespaces/{theirs}/secrets/gold", ()),
        ("another case of the resource", f"{THEIRS}/Secrets/gold", ()),
        ("a namespace twice", f"{MINE}/namespaces/{{theirs}}/secrets/gold", ()),
        ("a secret's status", f"{GOLD}/status", ()),
        ("another method by a header", GOLD, (("X-HTTP-Method-Override", "GET"),)),
        ("another URL by a header", f"{MINE}/nothings", (("X-Original-URL", GOLD), ("X-Rewrite-URL", GOLD))),
    ):
        yield Attempt(name, "mallory", "GET", path, headers=headers)
    yield Attempt("a method in small letters", "mallory", "get", GOLD)
    yield Attempt("HEAD", "mallory", "HEAD", GOLD)
    for path in (
        "/metrics",
        "/logs/",
        "/debug/pprof/",
        "/configz",
        "/api/v1/nodes",
        "/api/v1/nodes/node-b/proxy/pods",
    ):
        yield Attempt(f"read {path}", "mallory", "GET", path)


def subresources() -> Iterator[Attempt]:
    """Yield what subresources of others' pods and accounts could be used for."""
    for name, method, path, body, media, headers in (
        ("log", "GET", f"{VICTIM}/log", None, JSON, ()),
        ("exec", "POST", f"{VICTIM}/exec?command=id&stdout=1", None, JSON, ()),
        ("exec over a web socket", "GET", f"{VICTIM}/exec?command=id&stdout=1", None, JSON, SOCKET),
        ("attach", "GET", f"{VICTIM}/attach?stdout=1", None, JSON, SOCKET),
        ("port-forward", "GET", f"{VICTIM}/portforward?ports=80", None, JSON, SOCKET),
        ("proxy", "GET", f"{VICTIM}/proxy/", None, JSON, ()),
        ("status", "PATCH", f"{VICTIM}/status", {"status": {"phase": "Failed"}}, MERGE, ()),
        ("eviction", "POST", f"{VICTIM}/eviction", {"metadata": {"name": "victim"}}, JSON, ()),
        ("binding", "POST", f"{VICTIM}/binding", {"metadata": {"name": "victim"}, "target": {"name": "node-a"}}, JSON, ()),
        ("ephemeral containers", "PATCH", f"{VICTIM}/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "x", "image": "python"}]}}, STRATEGIC, ()),
        ("resize", "PATCH", f"{VICTIM}/resize", {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}}, STRATEGIC, ()),
        ("token", "POST", f"{THEIRS}/serviceaccounts/boss/token", {}, JSON, ()),
        ("finalize", "PUT", f"{MINE}/finalize", {"metadata": {"name": "{mine}"}, "spec": {"finalizers": []}}, JSON, ()),
    ):  # fmt: skip
        yield Attempt(f"subresource {name}", "mallory", method, path, body, media, headers)


def writing() -> Iterator[Attempt]:
    """Yield writes to what belongs to others."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "gold"},
        "stringData": {"key": "iron"},
    }
    for name, method, path, body, media in (
        ("create", "POST", f"{THEIRS}/configmaps", config, JSON),
        ("a dry run", "POST", f"{THEIRS}/configmaps?dryRun=All", config, JSON),
        ("take over by apply", "PATCH", f"{GOLD}?fieldManager=m&force=true", secret, APPLY),
        ("a dry run of an apply", "PATCH", f"{GOLD}?fieldManager=m&force=true&dryRun=All", secret, APPLY),
        ("another namespace in the body", "POST", f"{MINE}/configmaps", {**config, "metadata": {"name": "x", "namespace": "{theirs}"}}, JSON),
        ("delete a pod", "DELETE", VICTIM, None, JSON),
        ("delete a pod by a dry run", "DELETE", f"{VICTIM}?dryRun=All", None, JSON),
        ("delete all pods", "DELETE", f"{THEIRS}/pods", None, JSON),
        ("delete all pods of all", "DELETE", "/api/v1/pods", None, JSON),
        ("delete a namespace", "DELETE", THEIRS, None, JSON),
        ("delete the own namespace", "DELETE", MINE, None, JSON),
        ("take off the level", "PATCH", MINE, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}, MERGE),
        ("a finalizer", "PATCH", VICTIM, {"metadata": {"finalizers": ["x.com/y"]}}, MERGE),
        ("an owner", "PATCH", VICTIM, {"metadata": {"ownerReferences": []}}, MERGE),
        ("a quota's status", "PATCH", f"{THEIRS}/resourcequotas/q/status", {"status": {"used": {}}}, MERGE),
        ("raise the own quota", "PATCH", f"{MINE}/resourcequotas/q", {"spec": {"hard": {"pods": "1000"}}}, MERGE),
        ("a volume of the host", "POST", "/api/v1/persistentvolumes", {"metadata": {"name": "x"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/"}}}, JSON),
        ("a definition", "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {}, JSON),
        ("a webhook", "POST", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", {}, JSON),
        ("a priority", "POST", "/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "x"}, "value": 1}, JSON),
        ("a node", "PATCH", "/api/v1/nodes/node-b", {"spec": {"unschedulable": True}}, MERGE),
        ("a review of somebody", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": {"user": "x"}}, JSON),
        ("a review of a token", "POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}}, JSON),
    ):  # fmt: skip
        yield Attempt(f"write {name}", "mallory", method, path, body, media)


def escalating() -> Iterator[Attempt]:
    """Yield roles and bindings that hold more than whoever writes them."""
    everything = rule(["*"], ["*"], "*")
    for name, rules in (
        ("everything", [everything]),
        ("nodes", [rule(["get"], ["nodes"])]),
        ("all verbs", [rule(["*"], ["pods"])]),
        ("all groups", [rule(["get"], ["pods"], "*")]),
        ("all resources", [rule(["get"], ["*"])]),
        ("impersonation", [rule(["impersonate"], ["users", "groups"])]),
        ("the verb escalate", [rule(["escalate"], ["roles"], RBAC_GROUP)]),
        ("the verb bind", [rule(["bind"], ["clusterroles"], RBAC_GROUP)]),
        ("a verb in capitals", [rule(["GET"], ["secrets"])]),
        ("one more subresource", [rule(["get"], ["pods/*"])]),
        ("a named node", [rule(["get"], ["nodes"], resourceNames=["node-a"])]),
    ):
        yield Attempt(f"a role of {name}", "mallory", "POST", ROLES, role("x", *rules))
    small = role("small", everything)
    yield Attempt("raise a role", "mallory", "PATCH", f"{ROLES}/small", {"rules": [everything]}, MERGE)
    operations = [{"op": "add", "path": "/rules/-", "value": everything}]
    yield Attempt("raise a role by operations", "mallory", "PATCH", f"{ROLES}/small", operations, OPERATIONS)
    applied = {"apiVersion": f"{RBAC_GROUP}/v1", "kind": "Role", **small}
    force = f"{ROLES}/small?fieldManager=m&force=true"
    yield Attempt("raise a role by apply", "mallory", "PATCH", force, applied, APPLY)
    yield Attempt(
        "raise a role in a dry run", "mallory", "POST", f"{ROLES}?dryRun=All", role("x", everything)
    )
    generated = {"metadata": {"generateName": "x"}, "rules": [everything]}
    yield Attempt("a role with a generated name", "mallory", "POST", ROLES, generated)
    for kind, ref in (
        ("ClusterRole", "cluster-admin"),
        ("ClusterRole", "system:node"),
        ("Role", "huge"),
        ("Role", "nothing"),
    ):
        yield Attempt(f"bind {ref}", "mallory", "POST", BINDINGS, binding("x", kind, ref))
    subjects = {"subjects": binding("x", "Role", "x")["subjects"]}
    yield Attempt("join a binding", "mallory", "PATCH", f"{BINDINGS}/powerful", subjects, MERGE)
    other = {"roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": "cluster-admin"}}
    yield Attempt("another role in a binding", "mallory", "PATCH", f"{BINDINGS}/own", other, MERGE)
    elsewhere = f"{RBAC}/namespaces/{{theirs}}/rolebindings"
    yield Attempt("bind elsewhere", "mallory", "POST", elsewhere, binding("x", "ClusterRole", "view"))
    cluster_wide = f"{RBAC}/clusterrolebindings"
    yield Attempt(
        "bind for the cluster", "mallory", "POST", cluster_wide, binding("x", "ClusterRole", "view")
    )
    yield Attempt(
        "a cluster role", "mallory", "POST", f"{RBAC}/clusterroles", role("x", rule(["get"], ["pods"]))
    )
    yield Attempt(
        "change a default role",
        "mallory",
        "PATCH",
        f"{RBAC}/clusterroles/view",
        {"rules": [everything]},
        MERGE,
    )
    yield from _climbing(everything)


def _climbing(everything: Object) -> Iterator[Attempt]:
    roles, bindings = f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"
    secrets = rule(["get"], ["secrets"])
    to_view = {"labels": {f"{RBAC_GROUP}/aggregate-to-view": "true"}}
    gathered = {
        "clusterRoleSelectors": [
            {"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "Exists"}]}
        ]
    }
    for name, method, path, body, media in (
        ("secrets", "POST", roles, role("{mine}-x", secrets), JSON),
        ("everything", "POST", roles, role("{mine}-x", everything), JSON),
        ("all paths", "POST", roles, {"metadata": {"name": "{mine}-x"}, "rules": [{"nonResourceURLs": ["*"], "verbs": ["*"]}]}, JSON),
        ("a part of view", "POST", roles, role("{mine}-x", secrets, **to_view), JSON),
        ("gather all roles", "POST", roles, {"metadata": {"name": "{mine}-x"}, "aggregationRule": gathered}, JSON),
        ("gather into an own role", "PATCH", f"{roles}/{{mine}}-small", {"aggregationRule": gathered}, MERGE),
        ("raise a default role", "PATCH", f"{roles}/system:discovery", {"rules": [everything]}, MERGE),
        ("bind to administrators", "POST", bindings, binding("{mine}-x", "ClusterRole", "cluster-admin", "climber"), JSON),
        ("bind a node's role", "POST", bindings, binding("{mine}-x", "ClusterRole", "system:node", "climber"), JSON),
        ("join the administrators", "PATCH", f"{bindings}/cluster-admin", {"subjects": binding("x", "x", "x", "climber")["subjects"]}, MERGE),
    ):  # fmt: skip
        yield Attempt(f"climb: {name}", "climber", method, path, body, media)


def acting() -> Iterator[Attempt]:
    """Yield requests in somebody else's name."""
    user, group = "Impersonate-User", "Impersonate-Group"
    for name, headers in (
        ("an administrator", ((user, "admin"), (group, "system:masters"))),
        ("a group of one's own name", ((user, "mallory"), (group, "system:masters"))),
        ("another user", ((user, "climber"),)),
        ("another's account", ((user, "system:serviceaccount:{theirs}:boss"),)),
        ("a node", ((user, "system:node:node-b"), (group, "system:nodes"))),
        ("a group alone", ((group, "system:masters"),)),
        ("a uid alone", (("Impersonate-Uid", "1"),)),
        (
            "an account and a group",
            ((user, "system:serviceaccount:{mine}:default"), (group, "system:masters")),
        ),
        ("a uid too", ((user, "system:serviceaccount:{mine}:default"), ("Impersonate-Uid", "1"))),
        (
            "an extra too",
            ((user, "system:serviceaccount:{mine}:default"), ("Impersonate-Extra-Scopes", "all")),
        ),
        (
            "headers in small letters",
            (("impersonate-user", "admin"), ("impersonate-group", "system:masters")),
        ),
        ("a proxy's headers", (("X-Remote-User", "admin"), ("X-Remote-Group", "system:masters"))),
    ):
        yield Attempt(f"act as {name}", "mallory", "GET", GOLD, headers=headers)


def running() -> Iterator[Attempt]:
    """Yield pods that would get at more than their namespace has."""
    host = {"name": "h", "hostPath": {"path": "/"}}
    privileged = [{"name": "c", "image": "python", "securityContext": {"privileged": True}}]
    for name, spec in (
        ("the host's files", {"volumes": [host]}),
        ("privileges", {"containers": privileged}),
        ("privileges of an init container", {"initContainers": [{**privileged[0], "name": "i"}]}),
        ("the host's network", {"hostNetwork": True}),
        ("the host's processes", {"hostPID": True}),
        ("another's account", {"serviceAccountName": "boss"}),
        ("an account by its path", {"serviceAccountName": "../{theirs}/boss"}),
    ):
        yield Attempt(f"a pod with {name}", "mallory", "POST", f"{MINE}/pods", pod("x", **spec))
    yield Attempt("a pod beyond the quota", "mallory", "POST", f"{MINE}/pods", pod("x"))
    owned = pod("x")
    owner = {"apiVersion": "v1", "kind": "Node", "name": "node-b", "uid": "1", "blockOwnerDeletion": True}
    owned["metadata"]["ownerReferences"] = [owner]
    yield Attempt(
        "keep a node from going",
        "mallory",
        "POST",
        f"{MINE}/configmaps",
        {"metadata": owned["metadata"]},
        ours_alone=True,
    )


def certificates() -> Iterator[Attempt]:
    """Yield requests for certificates of others, and decisions on the own one."""
    client = "kubernetes.io/kube-apiserver-client"
    wanted = {
        "signerName": client,
        "usages": ["client auth"],
        "request": certificate_request("x", "system:masters"),
    }
    yield Attempt(
        "a certificate of an administrator",
        "mallory",
        "POST",
        REQUESTS,
        {"metadata": {"name": "{mine}-x"}, "spec": wanted},
    )
    approved = {"conditions": [{"type": "Approved", "status": "True", "reason": "x"}]}
    yield Attempt(
        "approve the own request",
        "mallory",
        "PATCH",
        f"{REQUESTS}/{{mine}}-own/approval",
        {"status": approved},
        MERGE,
    )
    yield Attempt(
        "approve it as a status",
        "mallory",
        "PATCH",
        f"{REQUESTS}/{{mine}}-own/status",
        {"status": approved},
        MERGE,
    )
    signed = {"certificate": base64.b64encode(b"x").decode()}
    yield Attempt(
        "sign the own request",
        "mallory",
        "PATCH",
        f"{REQUESTS}/{{mine}}-own/status",
        {"status": signed},
        MERGE,
    )


def nodes() -> Iterator[Attempt]:
    """Yield what a node could do to others with its credentials."""
    label = {"metadata": {"labels": {"node-restriction.kubernetes.io/x": "y"}}}
    taint = {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
    bound = {"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "victim"}}}
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    for name, method, path, body, media in (
        ("get a secret", "GET", GOLD, None, JSON),
        ("get a secret that no pod of its own names", "GET", f"{MINE}/secrets/unused", None, JSON),
        ("list secrets", "GET", f"{MINE}/secrets", None, JSON),
        ("list secrets everywhere", "GET", "/api/v1/secrets", None, JSON),
        ("watch a secret", "GET", f"{GOLD}?watch=1", None, JSON),
        ("write its pod's secret", "PATCH", f"{MINE}/secrets/used", {"stringData": {"a": "b"}}, MERGE),
        ("get a config map", "GET", f"{THEIRS}/configmaps/c", None, JSON),
        ("get a claim", "GET", f"{THEIRS}/persistentvolumeclaims/c", None, JSON),
        ("get an account", "GET", f"{THEIRS}/serviceaccounts/boss", None, JSON),
        ("list pods", "GET", "/api/v1/pods", None, JSON),
        ("list pods of another node", "GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-b", None, JSON),
        ("list pods of all but another", "GET", "/api/v1/pods?fieldSelector=spec.nodeName%21%3Dnode-a", None, JSON),
        ("get a pod of another node", "GET", VICTIM, None, JSON),
        ("delete a pod of another node", "DELETE", VICTIM, None, JSON),
        ("evict a pod of another node", "POST", f"{VICTIM}/eviction", {"metadata": {"name": "victim"}}, JSON),
        ("a status of another node's pod", "PATCH", f"{VICTIM}/status", {"status": {"phase": "Failed"}}, MERGE),
        ("labels of its own pod", "PATCH", f"{MINE}/pods/runs/status", {"metadata": {"labels": {"a": "b"}}}, MERGE),
        ("change its own pod", "PATCH", f"{MINE}/pods/runs", {"metadata": {"labels": {"a": "b"}}}, MERGE),
        ("exec in its own pod", "POST", f"{MINE}/pods/runs/exec?command=id", None, JSON),
        ("bind a pod", "POST", f"{MINE}/pods/free/binding", {"metadata": {"name": "free"}, "target": {"name": "node-a"}}, JSON),
        ("a pod", "POST", f"{MINE}/pods", pod("x", nodeName="node-a"), JSON),
        ("a token of another's account", "POST", f"{THEIRS}/serviceaccounts/boss/token", {}, JSON),
        ("a token bound to another's pod", "POST", f"{THEIRS}/serviceaccounts/boss/token", bound, JSON),
        ("a token that is not bound", "POST", f"{MINE}/serviceaccounts/default/token", {}, JSON),
        ("another node's status", "PATCH", "/api/v1/nodes/node-b/status", {"status": {}}, MERGE),
        ("another node", "GET", "/api/v1/nodes/node-b", None, JSON),
        ("all nodes", "GET", "/api/v1/nodes", None, JSON),
        ("a new node", "POST", "/api/v1/nodes", {"metadata": {"name": "node-c"}}, JSON),
        ("its own taints", "PATCH", "/api/v1/nodes/node-a", taint, MERGE),
        ("a restricted label of its own", "PATCH", "/api/v1/nodes/node-a", label, MERGE),
        ("delete itself", "DELETE", "/api/v1/nodes/node-a", None, JSON),
        ("another node's lease", "PUT", f"{leases}/node-b", {"metadata": {"name": "node-b"}}, JSON),
        ("a role", "POST", f"{RBAC}/clusterrolebindings", binding("x", "ClusterRole", "cluster-admin"), JSON),
    ):  # fmt: skip
        yield Attempt(f"node: {name}", "node-a", method, path, body, media)


def others() -> Iterator[Attempt]:
    """Yield what readers, accounts and strangers try."""
    maps = f"{MINE}/configmaps"
    for name, method, path in (
        ("another name", "GET", f"{maps}/b"),
        ("all", "GET", maps),
        ("all but one", "GET", f"{maps}?fieldSelector=metadata.name%21%3Da"),
        ("by label", "GET", f"{maps}?labelSelector=x"),
        ("everywhere", "GET", "/api/v1/configmaps?fieldSelector=metadata.name%3Da"),
        ("delete", "DELETE", f"{maps}/a"),
        ("delete by selector", "DELETE", f"{maps}?fieldSelector=metadata.name%3Da"),
    ):
        yield Attempt(f"read one: {name}", "reader", method, path)
    yield Attempt("an account reads secrets", "account", "GET", f"{MINE}/secrets")
    yield Attempt(
        "an account makes a token of another", "account", "POST", f"{THEIRS}/serviceaccounts/boss/token", {}
    )
    yield Attempt("an account makes a pod", "account", "POST", f"{MINE}/pods", pod("x"))
    yield Attempt("nobody reads secrets", "nobody", "GET", GOLD)
    yield Attempt("nobody lists namespaces", "nobody", "GET", "/api/v1/namespaces")
    yield Attempt("nobody acts as somebody", "nobody", "GET", GOLD, headers=(("Impersonate-User", "admin"),))
    yield Attempt(
        "a made-up token",
        "nobody",
        "GET",
        GOLD,
        headers=(("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."),),
    )


ATTEMPTS: tuple[Attempt, ...] = (
    *reading(), *subresources(), *writing(), *escalating(), *acting(), *running(), *certificates(), *nodes(), *others(),
)  # fmt: skip
