"""Whatever JSON comes, a kind answers with faults, never with a traceback."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.kinds.declaration import Kind

ODD: tuple[Any, ...] = (
    None,
    "",
    "x",
    0,
    -1,
    5,
    True,
    1.5,
    [],
    {},
    [None],
    [{}],
    ["a"],
    {"a": None},
    {"a": "b"},
)
ROUNDS = 150
COMPLETE: dict[str, dict[str, Any]] = {
    "Pod": {
        "spec": {
            "containers": [
                {
                    "name": "a", "image": "b", "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                    "ports": [{"containerPort": 1, "name": "p"}], "resources": {"limits": {"cpu": "1"}},
                    "livenessProbe": {"httpGet": {"port": 80}}, "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                    "lifecycle": {"preStop": {"exec": {"command": ["a"]}}}, "envFrom": [{"secretRef": {"name": "s"}}],
                }
            ],
            "volumes": [
                {"name": "v", "projected": {"sources": [{"downwardAPI": {"items": [{"path": "a"}]}}, {"secret": {"name": "s"}}]}},
                {"name": "w", "emptyDir": {"sizeLimit": "1Gi"}},
            ],
            "tolerations": [{"key": "a", "effect": "NoSchedule"}],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
                    }
                },
                "podAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "podAffinityTerm": {"topologyKey": "a", "labelSelector": {"matchLabels": {"a": "b"}}}}
                    ]
                },
            },
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}],
        }
    },
    "Job": {"spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
                     "podFailurePolicy": {"rules": [{"action": "Ignore", "onExitCodes": {"values": [1]}}]}}},
    "Service": {"spec": {"ports": [{"port": 80, "targetPort": "web"}], "selector": {"a": "b"}}},
    "ConfigMap": {"data": {"a": "b"}, "binaryData": {"c": "eA=="}},
    "Secret": {"data": {"a": "eA=="}, "stringData": {"b": "c"}},
    "Node": {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}, "status": {"capacity": {"cpu": "1"}}},
    "PersistentVolumeClaim": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
    "Role": {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    "ClusterRole": {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/a"]}]},
    "RoleBinding": {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]},
    "ClusterRoleBinding": {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": [{"kind": "Group", "name": "u"}]},
    "Lease": {"spec": {"leaseDurationSeconds": 5}},
    "CustomResourceDefinition": {
        "spec": {
            "group": "a.example", "scope": "Namespaced", "names": {"plural": "ws", "kind": "W"},
            "versions": [{"name": "v1", "served": True, "storage": True,
                          "schema": {"openAPIV3Schema": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}},
                          "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".a"}]}],
        }
    },
}  # fmt: skip


def complete(kind: Kind) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": "one", "namespace": "default", "uid": "u", "creationTimestamp": "2027-01-15T08:00:00Z",
        "labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["a.example/b"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}],
    }  # fmt: skip
    if not kind.resource.namespaced:
        del metadata["namespace"]
    identity = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "metadata": metadata}
    return identity | copy.deepcopy(COMPLETE.get(kind.resource.kind, {}))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key below a value, identity and generated metadata aside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        if key not in ("apiVersion", "kind", "uid", "creationTimestamp"):
            if key != "metadata":
                yield value, key
            yield from places(inner)


@pytest.mark.parametrize("kind", BUILTIN_KINDS, ids=lambda kind: kind.resource.group_resource)
def test_odd_values_are_faults_and_no_traceback(kind: Kind) -> None:
    """Defaults take any JSON; the rest takes what the schema accepts."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}")
    for _ in range(ROUNDS):
        obj = complete(kind)
        parent, key = chance.choice(list(places(obj)))
        parent[key] = copy.deepcopy(chance.choice(ODD))
        shown = copy.deepcopy(obj)
        kind.schema.prune(obj)
        accepted = not kind.schema.validate(obj)
        try:
            if accepted:
                kind.default(obj)
                kind.prepare_create(obj)
                kind.validate(obj)
                old = complete(kind)
                kind.default(old)
                kind.prepare_create(old)
                kind.prepare_update(obj, old)
                kind.validate_update(obj, old)
                for column in kind.columns:
                    column.cell(obj, 0.0)
        except Exception as error:
            raise AssertionError(f"{shown}") from error
