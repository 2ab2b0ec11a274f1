"""Values -> the objects that make a server on a cluster. Pure; the chart's templates make the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from seaway.platform import access
from seaway.platform.deploy.pods import pod_spec
from seaway.platform.deploy.release import NAMES_ANNOTATION, Object, Release
from seaway.platform.deploy.values import Values
from seaway.platform.workloads import labels


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is made once and kept: of no use to anybody but this installation. Does not show in a repr."""

    token: str = field(default="", repr=False)
    """The administrator's."""
    authority: str = ""
    """PEM of our own authority."""
    authority_key: str = field(default="", repr=False)
    certificate: str = ""
    key: str = field(default="", repr=False)


def manifests(values: Values, release: Release, credentials: Credentials) -> list[Object]:
    """Return all objects, in the order in which they are to be applied.

    Args:
        values: what was set; see `faults`.
        release: what it is called, and where.
        credentials: for the Secrets that are our own.
    """
    made = [
        _service_account(values, release),
        *_rights(values, release),
        _token_secret(values, release, credentials),
        _tls_secret(values, release, credentials),
        _claim(values, release),
        _deployment(values, release),
        _service(values, release),
        _disruption_budget(values, release),
        _ingress(values, release),
        _network_policy(values, release),
        _service_monitor(values, release),
    ]
    return [one for one in made if one is not None]


def cluster_wide_names(release: Release) -> list[str]:
    """Return the names of the ClusterRoles, and their bindings, that an installation may have."""
    return [_wide_name(release, part) for part in ("nodes", "confirm-off", "workspaces")]


def _wide_name(release: Release, part: str) -> str:
    return f"{release.namespace}-{release.name}-{part}"


def _service_account(values: Values, release: Release) -> Object | None:
    account = values.service_account
    if account.name:
        return None
    return release.object("v1", "ServiceAccount", annotations=dict(account.annotations))


def _rights(values: Values, release: Release) -> list[Object]:
    api = "rbac.authorization.k8s.io"
    subjects = [
        {
            "kind": "ServiceAccount",
            "name": values.service_account.name or release.name,
            "namespace": release.namespace,
        }
    ]
    found: list[Object] = []
    if values.rbac.create:
        more = (access.METRICS_RULE,) if values.rbac.metrics else ()
        rules = [dict(rule) for rule in (*access.WORKSPACE_RULES, *access.LEADER_RULES, *more)]
        role_ref = {"apiGroup": api, "kind": "Role", "name": release.name}
        found.append(release.object(f"{api}/v1", "Role", rules=rules))
        found.append(release.object(f"{api}/v1", "RoleBinding", roleRef=role_ref, subjects=subjects))
    wide = {
        "nodes": (values.rbac.nodes, [access.NODE_RULE]),
        "confirm-off": (values.rbac.confirm_off, [access.CONFIRM_OFF_RULE]),
        "workspaces": (values.rbac.workspaces, access.MANAGER_RULES),
    }
    for part, (wanted, granted) in wide.items():
        if not wanted:
            continue
        name = _wide_name(release, part)
        role_ref = {"apiGroup": api, "kind": "ClusterRole", "name": name}
        rules = [dict(rule) for rule in granted]
        found.append(release.object(f"{api}/v1", "ClusterRole", name=name, rules=rules))
        found.append(
            release.object(f"{api}/v1", "ClusterRoleBinding", name=name, roleRef=role_ref, subjects=subjects)
        )
    return found


def _token_secret(values: Values, release: Release, credentials: Credentials) -> Object | None:
    if values.token.secret:
        return None
    return release.secret(release.token_secret, "Opaque", {"token": credentials.token})


def _tls_secret(values: Values, release: Release, credentials: Credentials) -> Object | None:
    if values.tls.secret:
        return None
    data = {
        "ca.crt": credentials.authority,
        "ca.key": credentials.authority_key,
        "tls.crt": credentials.certificate,
        "tls.key": credentials.key,
    }
    names = {NAMES_ANNOTATION: ",".join(release.host_names(values))}
    return release.secret(release.tls_secret, "kubernetes.io/tls", data, annotations=names)


def _claim(values: Values, release: Release) -> Object | None:
    storage = values.storage
    if not values.keeps_files or storage.existing_claim:
        return None
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.class_name:
        spec["storageClassName"] = storage.class_name
    # Helm leaves it at uninstall, and so do we: it is the team's history
    keep = {"helm.sh/resource-policy": "keep"}
    return release.object("v1", "PersistentVolumeClaim", name=release.claim, annotations=keep, spec=spec)


def _deployment(values: Values, release: Release) -> Object:
    # two servers may not have the same files at once; with a database of its own, one leads and one stands by
    strategy: Object = {"type": "Recreate"}
    if not values.keeps_files:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    metadata: Object = {"labels": release.labels}
    annotations = dict(values.pod_annotations)
    if not values.tls.secret:
        annotations[NAMES_ANNOTATION] = ",".join(release.host_names(values))
    if annotations:
        metadata["annotations"] = annotations
    spec = {
        "replicas": values.replicas,
        "revisionHistoryLimit": 3,
        "strategy": strategy,
        "selector": {"matchLabels": release.selector},
        "template": {"metadata": metadata, "spec": pod_spec(values, release)},
    }
    return release.object("apps/v1", "Deployment", spec=spec)


def _service(values: Values, release: Release) -> Object:
    wanted = values.service
    selector = dict(release.selector)
    if values.database.secret:
        selector[labels.LEADER] = "true"
    port = {"name": "https", "port": wanted.port, "targetPort": "https", "protocol": "TCP"}
    spec = {"type": wanted.type, "selector": selector, "ports": [port]}
    annotations = dict(wanted.annotations)
    if values.metrics.annotations:
        annotations |= {
            "prometheus.io/scrape": "true",
            "prometheus.io/scheme": "https",
            "prometheus.io/port": str(values.port),
            "prometheus.io/path": "/metrics",
        }
    return release.object("v1", "Service", annotations=annotations, spec=spec)


def _disruption_budget(values: Values, release: Release) -> Object | None:
    if values.replicas < 2:
        return None
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": release.selector}}
    return release.object("policy/v1", "PodDisruptionBudget", spec=spec)


def _ingress(values: Values, release: Release) -> Object | None:
    wanted = values.ingress
    if not wanted.enabled:
        return None
    backend = {"service": {"name": release.name, "port": {"name": "https"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec: Object = {"rules": [{"host": wanted.host, "http": {"paths": paths}}]}
    if wanted.class_name:
        spec["ingressClassName"] = wanted.class_name
    if wanted.tls_secret:
        spec["tls"] = [{"hosts": [wanted.host], "secretName": wanted.tls_secret}]
    return release.object("networking.k8s.io/v1", "Ingress", annotations=dict(wanted.annotations), spec=spec)


def _network_policy(values: Values, release: Release) -> Object | None:
    wanted = values.network_policy
    if not wanted.enabled:
        return None
    peers = [{"podSelector": {}}, *wanted.from_]
    spec = {
        "podSelector": {"matchLabels": release.selector},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers, "ports": [{"port": "https", "protocol": "TCP"}]}],
    }
    return release.object("networking.k8s.io/v1", "NetworkPolicy", spec=spec)


def _service_monitor(values: Values, release: Release) -> Object | None:
    wanted = values.metrics.service_monitor
    if not wanted.enabled:
        return None
    token = {"name": wanted.token_secret, "key": wanted.token_key}
    tls: Object = {"serverName": release.host(values)}
    if not values.tls.public:
        tls["ca"] = {"secret": {"name": values.tls.secret or release.tls_secret, "key": "ca.crt"}}
    endpoint = {
        "port": "https",
        "scheme": "https",
        "path": "/metrics",
        "interval": wanted.interval,
        "authorization": {"credentials": token},
        "tlsConfig": tls,
    }
    spec = {"selector": {"matchLabels": release.selector}, "endpoints": [endpoint]}
    monitor = release.object("monitoring.coreos.com/v1", "ServiceMonitor", spec=spec)
    monitor["metadata"]["labels"] = {**monitor["metadata"]["labels"], **wanted.labels}
    return monitor
