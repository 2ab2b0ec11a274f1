"""Objects of every kind but pods."""

from __future__ import annotations

from typing import Any

from seaway.objects import builtin
from seaway.objects.resource import Resource
from tools.compare.seeds.networking import NETWORKING
from tools.compare.seeds.pods import PODS, RICH_TEMPLATE, TEMPLATE
from tools.compare.seeds.workloads import WORKLOADS

Object = dict[str, Any]
OWN = "{namespace}"
"""Name of a cluster-wide object: that of the story's namespace, so that no two meet."""
RULES = [
    {"apiGroups": ["", "batch"], "resources": ["pods", "jobs/status"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"], "verbs": ["*"]},
]
SUBJECTS = [
    {"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"},
    {"kind": "Group", "name": "team", "apiGroup": "rbac.authorization.k8s.io"},
    {"kind": "ServiceAccount", "name": "default", "namespace": "{namespace}"},
]
REFERENCE = {"kind": "Pod", "namespace": "{namespace}", "name": "a", "apiVersion": "v1", "uid": "u"}

CERTIFICATE_REQUEST = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIRk1HNENBUUF3RERFS01BZ0dBMVVFQXd3QllUQlpNQk1H"
    "QnlxR1NNNDlBZ0VHQ0NxR1NNNDlBd0VIQTBJQQpCQUI0am9ORkRMQlArTnpmVWxtWjZCUFhOT2lQMEVRcCtrR1F3MXF6eS83"
    "RVN2K2liSXdsT0V3dTZXWHVEUVd0CjU5U1g4elNLZVBjNUxZUFFTTk1IdkpXZ0FEQUtCZ2dxaGtqT1BRUURBZ05IQURCRUFp"
    "QVo1cThCeU03ajNCeXcKcmlYVlVoNjNoKzVhOWYxZzdsR1JHRi82QVROZUFBSWdRcmFBTTdabEFXR2M0QUVYL2lKMDNOZlZK"
    "UTNHNWl3bwphYlIzTEpCbzFkYz0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg=="
)
"""A request for the name "a"; nobody kept its key."""
CRON_JOBS: list[Object] = [
    {"metadata": {"name": "plain"}, "spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": TEMPLATE}}}},
    {
        "metadata": {"name": "told"},
        "spec": {
            "schedule": "*/5 8-18 * * mon-fri", "timeZone": "Europe/Berlin", "concurrencyPolicy": "Forbid", "suspend": True,
            "startingDeadlineSeconds": 60, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0,
            "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"backoffLimit": 1, "template": TEMPLATE}},
        },
    },
]  # fmt: skip
_SCALED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
AUTOSCALERS: list[Object] = [
    {"metadata": {"name": "plain"}, "spec": {"scaleTargetRef": _SCALED, "maxReplicas": 3}},
    {
        "metadata": {"name": "told"},
        "spec": {
            "scaleTargetRef": _SCALED, "minReplicas": 2, "maxReplicas": 9,
            "metrics": [
                {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
                {"type": "External", "external": {"metric": {"name": "queue", "selector": {"matchLabels": {"a": "b"}}}, "target": {"type": "Value", "value": "5"}}},
            ],
            "behavior": {"scaleUp": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}},
        },
    },
]  # fmt: skip

SEEDS: dict[Resource, list[Object]] = {
    builtin.PODS: PODS,
    builtin.NAMESPACES: [
        {"metadata": {"name": OWN + "-x", "labels": {"a": "b"}}},
        {
            "metadata": {"name": OWN + "-y"},
            "spec": {"finalizers": ["example.com/f"]},
            "status": {"phase": "Active"},
        },
    ],
    builtin.CONFIG_MAPS: [
        {"metadata": {"name": "a"}, "data": {"x": "1", "y.z": "two\nlines"}, "binaryData": {"b": "AAEC"}},
        {"metadata": {"name": "fixed"}, "data": {"x": "1"}, "immutable": True},
        {"metadata": {"generateName": "made-", "finalizers": ["example.com/f"]}},
    ],
    builtin.SECRETS: [
        {"metadata": {"name": "a"}, "data": {"x": "AAEC"}, "stringData": {"y": "text"}},
        {
            "metadata": {"name": "tls"},
            "type": "kubernetes.io/tls",
            "data": {"tls.crt": "YQ==", "tls.key": "Yg=="},
        },
        {
            "metadata": {"name": "pull"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": "e30="},
        },
        {"metadata": {"name": "basic"}, "type": "kubernetes.io/basic-auth", "stringData": {"username": "u"}},
        {"metadata": {"name": "ssh"}, "type": "kubernetes.io/ssh-auth", "data": {"ssh-privatekey": "YQ=="}},
        {"metadata": {"name": "fixed"}, "type": "example.com/own", "immutable": True, "data": {"x": "AAEC"}},
        {
            "metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "default"}},
            "type": "kubernetes.io/service-account-token",
        },
    ],
    builtin.SERVICES: [
        {"metadata": {"name": "plain"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}},
        {
            "metadata": {"name": "rich"},
            "spec": {
                "type": "NodePort",
                "selector": {"app": "a"},
                "ports": [
                    {
                        "name": "http",
                        "port": 80,
                        "targetPort": "web",
                        "protocol": "TCP",
                        "appProtocol": "http",
                    },
                    {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
                ],
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10}},
                "externalTrafficPolicy": "Local",
                "internalTrafficPolicy": "Local",
                "publishNotReadyAddresses": True,
                "externalIPs": ["203.0.113.7"],
                "ipFamilyPolicy": "SingleStack",
                "ipFamilies": ["IPv4"],
            },
        },
        {
            "metadata": {"name": "headless"},
            "spec": {"clusterIP": "None", "selector": {"app": "a"}, "ports": [{"port": 80}]},
        },
        {"metadata": {"name": "outside"}, "spec": {"type": "ExternalName", "externalName": "a.example"}},
        {
            "metadata": {"name": "balanced"},
            "spec": {
                "type": "LoadBalancer",
                "ports": [{"port": 443, "name": "https"}],
                "loadBalancerSourceRanges": ["203.0.113.0/24"],
                "loadBalancerClass": "example.com/lb",
                "allocateLoadBalancerNodePorts": False,
            },
        },
    ],
    builtin.SERVICE_ACCOUNTS: [
        {"metadata": {"name": "robot"}},
        {
            "metadata": {"name": "rich"},
            "secrets": [{"name": "a"}],
            "imagePullSecrets": [{"name": "pull"}],
            "automountServiceAccountToken": False,
        },
    ],
    builtin.EVENTS: [
        {
            "metadata": {"name": "a"},
            "involvedObject": REFERENCE,
            "reason": "Started",
            "message": "it started",
            "source": {"component": "kubelet", "host": "n"},
            "firstTimestamp": "2020-01-02T03:04:05Z",
            "lastTimestamp": "2020-01-02T03:04:06Z",
            "count": 1,
            "type": "Normal",
        },
        {
            "metadata": {"name": "new"},
            "involvedObject": REFERENCE,
            "related": {"kind": "Node", "name": "n"},
            "reason": "Started",
            "action": "Starting",
            "type": "Warning",
            "eventTime": "2020-01-02T03:04:05.000006Z",
            "reportingComponent": "example.com/robot",
            "reportingInstance": "robot-1",
            "series": {"count": 2, "lastObservedTime": "2020-01-02T03:04:05.000006Z"},
        },
    ],
    builtin.EVENTS_V1: [
        {
            "metadata": {"name": "a"},
            "regarding": REFERENCE,
            "related": {"kind": "Node", "name": "n"},
            "reason": "Started",
            "action": "Starting",
            "note": "it starts",
            "type": "Normal",
            "eventTime": "2020-01-02T03:04:05.000006Z",
            "reportingController": "example.com/robot",
            "reportingInstance": "robot-1",
            "series": {"count": 2, "lastObservedTime": "2020-01-02T03:04:05.000006Z"},
        }
    ],
    builtin.PERSISTENT_VOLUME_CLAIMS: [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
        },
        {
            "metadata": {"name": "rich"},
            "spec": {
                "accessModes": ["ReadWriteMany", "ReadOnlyMany"],
                "resources": {"requests": {"storage": "1Gi"}, "limits": {"storage": "2Gi"}},
                "selector": {"matchLabels": {"a": "b"}},
                "storageClassName": "fast",
                "volumeMode": "Block",
                "volumeName": "v",
                "dataSource": {"kind": "PersistentVolumeClaim", "name": "other"},
            },
        },
    ],
    builtin.STORAGE_CLASSES: [
        {
            "metadata": {"name": "fast"},
            "provisioner": "example.com/fast",
            "parameters": {"type": "ssd"},
            "reclaimPolicy": "Retain",
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
            "mountOptions": ["noatime"],
            "allowedTopologies": [
                {"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": ["a", "b"]}]}
            ],
        }
    ],
    builtin.LEASES: [
        {
            "metadata": {"name": "a"},
            "spec": {
                "holderIdentity": "me",
                "leaseDurationSeconds": 15,
                "acquireTime": "2020-01-02T03:04:05.000006Z",
                "renewTime": "2020-01-02T03:04:05.000006Z",
                "leaseTransitions": 0,
            },
        },
        {"metadata": {"name": "empty"}},
    ],
    builtin.CRON_JOBS: CRON_JOBS,
    builtin.HORIZONTAL_POD_AUTOSCALERS: AUTOSCALERS,
    builtin.JOBS: [
        {"metadata": {"name": "plain"}, "spec": {"template": TEMPLATE}},
        {
            "metadata": {"name": "indexed"},
            "spec": {
                "completions": 3,
                "parallelism": 2,
                "completionMode": "Indexed",
                "backoffLimitPerIndex": 1,
                "maxFailedIndexes": 1,
                "activeDeadlineSeconds": 60,
                "ttlSecondsAfterFinished": 10,
                "suspend": True,
                "podFailurePolicy": {
                    "rules": [
                        {
                            "action": "FailJob",
                            "onExitCodes": {"containerName": "main", "operator": "In", "values": [1, 42]},
                        },
                        {
                            "action": "Ignore",
                            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                        },
                        {"action": "FailIndex", "onExitCodes": {"operator": "NotIn", "values": [2]}},
                    ]
                },
                "successPolicy": {"rules": [{"succeededIndexes": "0-1", "succeededCount": 1}]},
                "podReplacementPolicy": "Failed",
                "managedBy": "example.com/other",
                "template": TEMPLATE,
            },
        },
        {
            "metadata": {"name": "manual", "labels": {"own": "label"}},
            "spec": {
                "manualSelector": True,
                "selector": {"matchLabels": {"app": "a"}},
                "backoffLimit": 2,
                "template": RICH_TEMPLATE,
            },
        },
    ],
    builtin.ROLES: [{"metadata": {"name": "a"}, "rules": RULES}],
    builtin.ROLE_BINDINGS: [
        {
            "metadata": {"name": "a"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"},
            "subjects": SUBJECTS,
        }
    ],
    builtin.CLUSTER_ROLES: [
        {"metadata": {"name": OWN}, "rules": [*RULES, {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}]},
        {
            "metadata": {"name": OWN + ":sum"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]},
        },
    ],
    builtin.CLUSTER_ROLE_BINDINGS: [
        {
            "metadata": {"name": OWN},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": SUBJECTS,
        }
    ],
    builtin.PRIORITY_CLASSES: [
        {"metadata": {"name": OWN}, "value": 1000},
        {
            "metadata": {"name": OWN + "-low"},
            "value": -5,
            "description": "low",
            "preemptionPolicy": "Never",
            "globalDefault": False,
        },
    ],
    builtin.RESOURCE_QUOTAS: [
        {
            "metadata": {"name": OWN},
            "spec": {"hard": {"pods": "3", "requests.cpu": "1500m", "count/jobs.batch": "2"}},
        },
        {
            "metadata": {"name": OWN + "-scoped"},
            "spec": {
                "hard": {"pods": "1", "limits.memory": "1Gi"},
                "scopes": ["NotTerminating"],
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]
                },
            },
        },
        {
            "metadata": {"name": OWN + "-gpus"},
            "spec": {"hard": {"requests.nvidia.com/gpu": "2", "services.nodeports": "0"}},
        },
    ],
    builtin.CERTIFICATE_SIGNING_REQUESTS: [
        {
            "metadata": {"name": "{namespace}-csr"},
            "spec": {
                "request": CERTIFICATE_REQUEST,
                "signerName": "example.com/signer",
                "usages": ["client auth", "digital signature"],
                "expirationSeconds": 3600,
            },
        }
    ],
    builtin.LIMIT_RANGES: [
        {
            "metadata": {"name": OWN},
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "max": {"cpu": "2"},
                        "min": {"memory": "16Mi"},
                        "default": {"memory": "64Mi"},
                        "maxLimitRequestRatio": {"cpu": "4"},
                    },
                    {"type": "Pod", "max": {"memory": "1Gi"}},
                    {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "5Gi"}},
                ]
            },
        }
    ],
    builtin.NODES: [
        {
            "metadata": {"name": OWN, "labels": {"a": "b"}},
            "spec": {
                "taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}],
                "unschedulable": True,
                "providerID": "example://1",
                "podCIDR": "203.0.113.0/24",
            },
            "status": {"capacity": {"cpu": "4", "memory": "1Gi"}, "allocatable": {"cpu": "3500m"}},
        }
    ],
    builtin.CUSTOM_RESOURCE_DEFINITIONS: [
        {
            "metadata": {"name": "widgets.{namespace}.example.com"},
            "spec": {
                "group": "{namespace}.example.com",
                "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "subresources": {
                            "status": {},
                            "scale": {
                                "specReplicasPath": ".spec.size",
                                "statusReplicasPath": ".status.size",
                                "labelSelectorPath": ".status.selector",
                            },
                        },
                        "additionalPrinterColumns": [
                            {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1}
                        ],
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "required": ["spec"],
                                "properties": {
                                    "spec": {
                                        "type": "object",
                                        "properties": {
                                            "size": {"type": "integer", "minimum": 0, "default": 1},
                                            "words": {
                                                "type": "array",
                                                "items": {"type": "string", "maxLength": 5},
                                                "x-kubernetes-list-type": "set",
                                            },
                                            "any": {
                                                "type": "object",
                                                "x-kubernetes-preserve-unknown-fields": True,
                                            },
                                        },
                                    },
                                    "status": {
                                        "type": "object",
                                        "properties": {
                                            "size": {"type": "integer"},
                                            "selector": {"type": "string"},
                                        },
                                    },
                                },
                            }
                        },
                    }
                ],
            },
        }
    ],
    **WORKLOADS,
    **NETWORKING,
}
"""Valid objects, by resource. Served by both servers alike."""
