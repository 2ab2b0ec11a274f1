"""Workloads, their revisions and their budgets."""

from __future__ import annotations

from typing import Any

from seaway.objects import workloads
from seaway.objects.resource import Resource

Object = dict[str, Any]
LABELS = {"app": "web"}
TEMPLATE: Object = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "main", "image": "python", "ports": [{"containerPort": 80}]}]},
}
SPEC: Object = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
BY_EXPRESSION: Object = {
    "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "other"]}]},
    "template": TEMPLATE,
}
CLAIM: Object = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}

WORKLOADS: dict[Resource, list[Object]] = {
    workloads.REPLICATION_CONTROLLERS: [
        {"metadata": {"name": "plain"}, "spec": {"selector": LABELS, "template": TEMPLATE}},
        {"metadata": {"name": "two"}, "spec": {"replicas": 2, "minReadySeconds": 5, "template": TEMPLATE}},
    ],
    workloads.DEPLOYMENTS: [
        {"metadata": {"name": "plain"}, "spec": SPEC},
        {
            "metadata": {"name": "rolling", "annotations": {"a": "b"}},
            "spec": {
                **BY_EXPRESSION,
                "replicas": 3,
                "minReadySeconds": 5,
                "revisionHistoryLimit": 2,
                "progressDeadlineSeconds": 60,
                "paused": True,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "10%"},
                },
            },
        },
        {"metadata": {"name": "recreate"}, "spec": {**SPEC, "strategy": {"type": "Recreate"}}},
    ],
    workloads.REPLICA_SETS: [
        {"metadata": {"name": "plain"}, "spec": SPEC},
        {"metadata": {"name": "two"}, "spec": {**BY_EXPRESSION, "replicas": 2, "minReadySeconds": 5}},
    ],
    workloads.STATEFUL_SETS: [
        {"metadata": {"name": "plain"}, "spec": {**SPEC, "serviceName": "names"}},
        {
            "metadata": {"name": "whole"},
            "spec": {
                **SPEC,
                "replicas": 2,
                "serviceName": "names",
                "podManagementPolicy": "Parallel",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
                "ordinals": {"start": 3},
                "minReadySeconds": 2,
                "revisionHistoryLimit": 3,
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
                "volumeClaimTemplates": [CLAIM],
            },
        },
    ],
    workloads.DAEMON_SETS: [
        {"metadata": {"name": "plain"}, "spec": SPEC},
        {
            "metadata": {"name": "surging"},
            "spec": {
                **SPEC,
                "minReadySeconds": 2,
                "revisionHistoryLimit": 3,
                "updateStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 0},
                },
            },
        },
        {"metadata": {"name": "by-hand"}, "spec": {**SPEC, "updateStrategy": {"type": "OnDelete"}}},
    ],
    workloads.CONTROLLER_REVISIONS: [
        {"metadata": {"name": "one", "labels": LABELS}, "revision": 1, "data": {"a": {"b": 1}}},
    ],
    workloads.POD_DISRUPTION_BUDGETS: [
        {"metadata": {"name": "least"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}}},
        {
            "metadata": {"name": "most"},
            "spec": {
                "maxUnavailable": "20%",
                "selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            },
        },
    ],
}
"""Seeds by resource."""
