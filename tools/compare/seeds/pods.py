"""Pods: plain, and with nearly every field that a pod may have."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_HTTP = {"httpGet": {"path": "/healthz", "port": 8080, "httpHeaders": [{"name": "X-A", "value": "b"}]}}

CONTAINER: Object = {
    "name": "main",
    "image": "registry.example/app:1.2",
    "command": ["python", "-c"],
    "args": ["print(1)", "$(A)"],
    "workingDir": "/work",
    "ports": [
        {"name": "http", "containerPort": 8080},
        {"name": "dns", "containerPort": 53, "protocol": "UDP", "hostPort": 8053},
    ],
    "envFrom": [
        {"configMapRef": {"name": "settings"}},
        {"prefix": "P_", "secretRef": {"name": "secret", "optional": True}},
    ],
    "env": [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
        {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "d"}}},
        {"name": "E", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "e", "optional": False}}},
    ],
    "resources": {
        "requests": {"cpu": "0.5", "memory": "128Mi", "example.com/thing": "2"},
        "limits": {"cpu": "1000m", "memory": "1Gi", "ephemeral-storage": "1e9", "example.com/thing": "2"},
    },
    "volumeMounts": [
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "settings", "mountPath": "/etc/app", "readOnly": True},
        {"name": "data", "mountPath": "/data", "subPath": "a/b"},
    ],
    "livenessProbe": {**_HTTP, "initialDelaySeconds": 3, "periodSeconds": 5},
    "readinessProbe": {"exec": {"command": ["true"]}, "successThreshold": 2},
    "startupProbe": {"tcpSocket": {"port": "http"}, "failureThreshold": 30},
    "lifecycle": {
        "postStart": {"exec": {"command": ["true"]}},
        "preStop": {"httpGet": {"path": "/stop", "port": "http"}},
    },
    "terminationMessagePath": "/dev/other",
    "terminationMessagePolicy": "FallbackToLogsOnError",
    "imagePullPolicy": "Never",
    "securityContext": {
        "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "procMount": "Default",
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "stdin": True,
    "tty": True,
}

VOLUMES: list[Object] = [
    {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
    {
        "name": "settings",
        "configMap": {
            "name": "settings",
            "items": [{"key": "a", "path": "b/a", "mode": 256}],
            "optional": True,
        },
    },
    {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
    {"name": "secret", "secret": {"secretName": "secret", "defaultMode": 288}},
    {"name": "host", "hostPath": {"path": "/var/lib/x", "type": "DirectoryOrCreate"}},
    {
        "name": "all",
        "projected": {
            "sources": [
                {"serviceAccountToken": {"path": "token", "audience": "x", "expirationSeconds": 600}},
                {"configMap": {"name": "settings", "items": [{"key": "a", "path": "c"}]}},
                {"secret": {"name": "secret"}},
                {
                    "downwardAPI": {
                        "items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
                    }
                },
            ]
        },
    },
    {
        "name": "downward",
        "downwardAPI": {
            "items": [
                {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
                {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu"}},
            ]
        },
    },
    {
        "name": "claim",
        "ephemeral": {
            "volumeClaimTemplate": {
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
            }
        },
    },
    {"name": "share", "nfs": {"server": "files.example", "path": "/share"}},
    {"name": "driver", "csi": {"driver": "csi.example.com", "volumeAttributes": {"a": "b"}}},
]

_TERM = {
    "labelSelector": {
        "matchLabels": {"app": "a"},
        "matchExpressions": [{"key": "b", "operator": "In", "values": ["c"]}],
    },
    "topologyKey": "kubernetes.io/hostname",
}
AFFINITY: Object = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {
                    "matchExpressions": [
                        {"key": "gpu", "operator": "In", "values": ["a100"]},
                        {"key": "cores", "operator": "Gt", "values": ["4"]},
                    ],
                    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}],
                }
            ]
        },
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 5, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}}
        ],
    },
    "podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{**_TERM, "namespaces": ["other"]}],
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": _TERM}],
    },
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{**_TERM, "namespaceSelector": {}}]
    },
}

RICH_SPEC: Object = {
    "initContainers": [
        {"name": "prepare", "image": "busybox"},
        {"name": "sidecar", "image": "busybox:latest", "restartPolicy": "Always"},
    ],
    "containers": [CONTAINER, {"name": "second", "image": "python@sha256:" + "a" * 64}],
    "volumes": VOLUMES,
    "restartPolicy": "OnFailure",
    "terminationGracePeriodSeconds": 5,
    "activeDeadlineSeconds": 600,
    "dnsPolicy": "None",
    "dnsConfig": {
        "nameservers": ["1.2.3.4"],
        "searches": ["a.b"],
        "options": [{"name": "ndots", "value": "2"}],
    },
    "nodeSelector": {"disk": "ssd"},
    "automountServiceAccountToken": False,
    "securityContext": {
        "runAsUser": 1000,
        "fsGroup": 2000,
        "supplementalGroups": [1, 2],
        "sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}],
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"},
    },
    "imagePullSecrets": [{"name": "pull"}],
    "hostname": "host",
    "subdomain": "sub",
    "affinity": AFFINITY,
    "schedulerName": "other",
    "tolerations": [
        {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
        {"key": "down", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
        {"operator": "Exists"},
    ],
    "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a.example"]}],
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "a"}},
        }
    ],
    "readinessGates": [{"conditionType": "example.com/ready"}],
    "enableServiceLinks": False,
    "shareProcessNamespace": True,
    "setHostnameAsFQDN": False,
    "os": {"name": "linux"},
    "schedulingGates": [{"name": "example.com/wait"}],
}

PODS: list[Object] = [
    {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "main", "image": "python"}]}},
    {"metadata": {"name": "rich", "labels": {"app": "a"}, "annotations": {"x.y/z": "w"}}, "spec": RICH_SPEC},
    {
        "metadata": {"generateName": "made-"},
        "spec": {
            "hostNetwork": True,
            "containers": [
                {
                    "name": "main",
                    "image": "python:3",
                    "ports": [{"containerPort": 80}],
                    "resources": {"limits": {"cpu": "100m", "memory": "1G"}},
                    "livenessProbe": {"grpc": {"port": 9}, "terminationGracePeriodSeconds": 3},
                    "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
                    "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
                }
            ],
            "securityContext": {"windowsOptions": {"runAsUserName": "x"}, "seLinuxOptions": {"level": "s0"}},
            "priority": 0,
            "preemptionPolicy": "PreemptLowerPriority",
        },
    },
]
"""Pods."""
TEMPLATE: Object = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "python"}]},
}
RICH_TEMPLATE: Object = {
    "metadata": {"labels": {"app": "a"}, "annotations": {"a": "b"}},
    "spec": {k: v for k, v in RICH_SPEC.items() if k != "activeDeadlineSeconds"},
}
