"""Values -> the specification of the server's pods. Pure.

It passes Pod Security's "restricted" level: no root, no privileges, nothing written outside the volumes.
"""

from __future__ import annotations

from typing import Any

from seaway.platform.deploy.release import Object, Release
from seaway.platform.deploy.values import Values

HOME = "/var/lib/seaway"
TLS = "/etc/seaway/tls"
TOKEN = "/etc/seaway/token"  # noqa: S105 - a folder
READ_BY_GROUP = 0o440


def pod_spec(values: Values, release: Release) -> Object:
    """Return the pods' specification."""
    spec: Object = {
        "serviceAccountName": values.service_account.name or release.name,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": _pod_security(values),
        "containers": [_container(values, release)],
        "volumes": _volumes(values, release),
    }
    if values.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in values.image_pull_secrets]
    if values.replicas > 1:
        spec["topologySpreadConstraints"] = [_spread(key, release) for key in _TOPOLOGY]
    if values.node_selector:
        spec["nodeSelector"] = dict(values.node_selector)
    if values.tolerations:
        spec["tolerations"] = list(values.tolerations)
    if values.priority_class_name:
        spec["priorityClassName"] = values.priority_class_name
    return spec


_TOPOLOGY = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")


def _spread(key: str, release: Release) -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": release.selector},
    }


def _pod_security(values: Values) -> Object:
    security: Object = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if (number := values.run_as_user) is not None:
        security |= {
            "runAsUser": number,
            "runAsGroup": number,
            "fsGroup": number,
            "fsGroupChangePolicy": "OnRootMismatch",
        }
    return security


def _container(values: Values, release: Release) -> Object:
    return {
        "name": "server",
        "image": values.image,
        "imagePullPolicy": values.image_pull_policy,
        "command": ["seaway", "server"],
        "env": _environment(values, release),
        "ports": [{"name": "https", "containerPort": values.port, "protocol": "TCP"}],
        # five minutes for migrations of a large database; then a restart after half a minute of silence
        "startupProbe": _probe("/healthz", period=2, failures=150),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        "resources": values.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "home", "mountPath": HOME},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
            {"name": "tls", "mountPath": TLS, "readOnly": True},
            {"name": "token", "mountPath": TOKEN, "readOnly": True},
        ],
    }


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "https", "scheme": "HTTPS"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _environment(values: Values, release: Release) -> list[Object]:
    plain = {
        "SEAWAY_LOG": values.log_level,
        "SEAWAY_SERVER_HOME": HOME,
        "SEAWAY_SERVER_LISTEN": f"*:{values.port}",
        "SEAWAY_SERVER_INSTALLATION": release.identity,
        "SEAWAY_SERVER_URL": release.url(values),
        "SEAWAY_SERVER_TLS_CERT": f"{TLS}/tls.crt",
        "SEAWAY_SERVER_TLS_KEY": f"{TLS}/tls.key",
        "SEAWAY_SERVER_TLS_CA": "" if values.tls.public else f"{TLS}/ca.crt",
        "SEAWAY_SERVER_TOKEN_FILE": f"{TOKEN}/token",
        "SEAWAY_SERVER_DEFAULT_IMAGE": values.runs.image,
        "SEAWAY_SERVER_POD_SECURITY": values.runs.security,
        "SEAWAY_SERVER_POD_USER": str(values.runs.user),
        "SEAWAY_SERVER_POD_SERVICE_ACCOUNT": values.runs.service_account,
        "SEAWAY_SERVER_SCRATCH_LIMIT": values.limits.scratch,
        "SEAWAY_SERVER_SCRATCH_FILES": str(values.limits.scratch_files or ""),
        "SEAWAY_SERVER_STORAGE_LIMIT": values.limits.storage,
        "SEAWAY_SERVER_WORKSPACE_STORAGE_LIMIT": values.limits.workspace_storage,
        "SEAWAY_SERVER_STORAGE_FILES": str(values.limits.storage_files or ""),
        "SEAWAY_SERVER_WORKSPACE_STORAGE_FILES": str(values.limits.workspace_storage_files or ""),
        "SEAWAY_SERVER_BIN_DAYS": str(values.limits.bin_days),
        "SEAWAY_SERVER_HISTORY_DAYS": str(values.history.days),
        "SEAWAY_SERVER_HISTORY_LOGS": values.history.logs,
        "SEAWAY_SERVER_RECORD_LOGS": values.history.pods,
        "SEAWAY_SERVER_WAITS": values.notifications.waits,
        "SEAWAY_SERVER_HUNG": values.notifications.hung,
        "SEAWAY_SERVER_ARTIFACTS": values.artifacts.url,
        "AWS_ENDPOINT_URL_S3": values.artifacts.endpoint,
        "AWS_REGION": values.artifacts.region,
        "SEAWAY_SERVER_LEADER_ELECTION": "true" if values.database.secret else "",
    }
    variables: list[Object] = [{"name": name, "value": text} for name, text in plain.items() if text]
    variables += [
        _field("SEAWAY_SERVER_NAMESPACE", "metadata.namespace"),
        _field("SEAWAY_SERVER_POD_NAME", "metadata.name"),
    ]
    if database := values.database.secret:
        variables.append(_secret("SEAWAY_SERVER_DATABASE", database, values.database.key))
    if credentials := values.artifacts.secret:
        variables += [
            _secret(name, credentials, name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        ]
    return [*variables, *({"name": name, "value": text} for name, text in sorted(values.env.items()))]


def _field(name: str, path: str) -> Object:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _secret(name: str, secret: str, key: str) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _volumes(values: Values, release: Release) -> list[Object]:
    home: Object = {"emptyDir": {}}
    if values.keeps_files:
        home = {"persistentVolumeClaim": {"claimName": values.storage.existing_claim or release.claim}}
    tls: dict[str, Any] = {
        "secretName": values.tls.secret or release.tls_secret,
        "defaultMode": READ_BY_GROUP,
    }
    if not values.tls.secret:  # the authority's key stays out of the pod
        tls["items"] = [{"key": key, "path": key} for key in ("tls.crt", "tls.key", "ca.crt")]
    token = {"secretName": values.token.secret or release.token_secret, "defaultMode": READ_BY_GROUP}
    return [
        {"name": "home", **home},
        {"name": "tmp", "emptyDir": {}},
        {"name": "tls", "secret": tls},
        {"name": "token", "secret": token},
    ]
