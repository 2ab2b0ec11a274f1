"""Write the protobuf field numbers of the served built-in kinds as package data, out of Kubernetes' Go types.

kubectl 1.32 and later sends some bodies (`kubectl create namespace`, `kubectl auth can-i`) as protobuf. Only facts are
kept: which number a field has, its JSON name and its type.

Usage, with checkouts of the Go modules k8s.io/api and k8s.io/apimachinery (`go mod download` gets both):
    python tools/generate_protobuf.py API APIMACHINERY [OUTPUT]
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parents[1] / "src/seaway/controlplane/kinds/protobuf.json"
META, RUNTIME = "meta/v1", "runtime"
PACKAGES = {
    "core/v1": "", "events/v1": "events.k8s.io", "batch/v1": "batch", "coordination/v1": "coordination.k8s.io",
    "rbac/v1": "rbac.authorization.k8s.io", "scheduling/v1": "scheduling.k8s.io", "policy/v1": "policy",
    "authentication/v1": "authentication.k8s.io", "authorization/v1": "authorization.k8s.io", "autoscaling/v1": "autoscaling",
    "apps/v1": "apps", "autoscaling/v2": "autoscaling", "discovery/v1": "discovery.k8s.io", "storage/v1": "storage.k8s.io",
    "resource/v1": "resource.k8s.io", "networking/v1": "networking.k8s.io", "certificates/v1": "certificates.k8s.io",
    "admissionregistration/v1": "admissionregistration.k8s.io",
}  # fmt: skip
"""Package of k8s.io/api -> API group."""
FURTHER = {
    "apps/v1": ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",), "discovery/v1": ("EndpointSlice",),
    "storage/v1": ("StorageClass", "CSINode", "CSIDriver", "CSIStorageCapacity", "VolumeAttachment", "VolumeAttributesClass"),
    "resource/v1": ("ResourceClaim", "ResourceClaimTemplate", "DeviceClass", "ResourceSlice"),
    "networking/v1": ("ServiceCIDR", "IPAddress", "Ingress", "IngressClass", "NetworkPolicy"), "certificates/v1": ("CertificateSigningRequest",),
}  # fmt: skip
"""Of the groups whose kinds are served only where Kubernetes' own controllers run."""
ROOTS = {
    "core/v1": ("Namespace", "Node", "Pod", "ConfigMap", "Secret", "Service", "ServiceAccount", "Event",
                "PersistentVolumeClaim", "Binding", "ReplicationController", "PersistentVolume", "ResourceQuota", "LimitRange", "Endpoints"),
    "events/v1": ("Event",), "batch/v1": ("Job", "CronJob"), "coordination/v1": ("Lease",), "scheduling/v1": ("PriorityClass",),
    "rbac/v1": ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), "policy/v1": ("Eviction", "PodDisruptionBudget"),
    "authentication/v1": ("TokenRequest", "TokenReview", "SelfSubjectReview"), "autoscaling/v1": ("Scale", "HorizontalPodAutoscaler"),
    "authorization/v1": ("SelfSubjectAccessReview", "SubjectAccessReview", "LocalSubjectAccessReview",
                         "SelfSubjectRulesReview"),
    "admissionregistration/v1": ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy",
                                 "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    META: ("DeleteOptions",),
    **FURTHER,
}  # fmt: skip
SPECIAL = {
    "Time": "time", "MicroTime": "time", "resource.Quantity": "quantity", "intstr.IntOrString": "int-or-string",
    "FieldsV1": "json", "runtime.RawExtension": "json", "types.UID": "string", "runtime.Object": "json",
}  # fmt: skip
"""Types whose JSON form is not that of their fields."""
SCALARS = {
    "string": "string",
    "bool": "bool",
    "int32": "int",
    "int64": "int",
    "int": "int",
    "float64": "double",
    "[]byte": "bytes",
}
IMPORTED = {"metav1.": META, "v1.": "core/v1", "corev1.": "core/v1", "apiv1.": "core/v1"}
_FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([^\s`]+)\s+`([^`]*)`")


def parse(path: Path) -> tuple[dict[str, list[tuple[str, str]]], dict[str, str]]:
    """Return a file's structs (Go type and tags of each field) and its other named types."""
    structs: dict[str, list[tuple[str, str]]] = {}
    named: dict[str, str] = {}
    current: list[tuple[str, str]] | None = None
    for line in path.read_text().splitlines():
        if match := re.match(r"type (\w+) struct \{", line):
            current = structs[match[1]] = []
        elif line.startswith("}"):
            current = None
        elif match := re.match(r"type (\w+) ([\w\[\]\.\*]+)\s*$", line):
            named[match[1]] = match[2]
        elif current is not None and (field := _FIELD.match(line)):
            current.append((field[2], field[3]))
    return structs, named


class Types:
    """All parsed Go types, by package."""

    def __init__(self, api: Path, machinery: Path) -> None:
        self.structs: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.named: dict[tuple[str, str], str] = {}
        folders = {package: api / package for package in PACKAGES} | {META: machinery / "pkg/apis/meta/v1"}
        for package, folder in folders.items():
            for path in (folder / "types.go",):
                structs, named = parse(path)
                self.structs |= {(package, name): fields for name, fields in structs.items()}
                self.named |= {(package, name): target for name, target in named.items()}

    def resolve(self, package: str, go_type: str) -> dict[str, Any]:
        """Return how a Go type travels: {"type": ..., "list": ..., "map": ..., "pointer": ...}."""
        if go_type.startswith("*"):
            return self.resolve(package, go_type[1:]) | {"pointer": True}
        if go_type in SPECIAL or (package == META and go_type in SPECIAL):
            return {"type": SPECIAL[go_type]}
        if go_type in SCALARS:
            return {"type": SCALARS[go_type]}
        if go_type.startswith("[]"):
            return self.resolve(package, go_type[2:]) | {"list": True, "pointer": False}
        if go_type.startswith("map["):
            return {"type": self.resolve(package, go_type.partition("]")[2])["type"], "map": True}
        for prefix, other in IMPORTED.items():
            if go_type.startswith(prefix):
                return self.resolve(other, go_type.removeprefix(prefix))
        if (package, go_type) in self.structs:
            return {"type": f"{package}.{go_type}"}
        if (package, go_type) in self.named:
            target = self.named[package, go_type]
            if target.startswith("[]") and target != "[]byte":
                return {"type": "items:" + self.resolve(package, target[2:])["type"]}
            return self.resolve(package, target)
        sys.exit(f"{package}: what is {go_type}?")

    def message(self, package: str, name: str) -> dict[str, list[Any]]:
        """Return a message: number -> [JSON name, type, flags]."""
        fields: dict[str, list[Any]] = {}
        for go_type, tags in self.structs[package, name]:
            number = re.search(r'protobuf:"\w+,(\d+)', tags)
            json_name = re.search(r'json:"([^",]*)', tags)
            if number is None or json_name is None:
                continue
            how = self.resolve(package, go_type)
            flags = [flag for flag in ("list", "map", "pointer") if how.get(flag)]
            fields[number[1]] = [json_name[1], how["type"], *flags]
        return fields


def main() -> None:
    """Read the two checkouts and write the package data, one message a line."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    output = Path(sys.argv[3]) if len(sys.argv) == 4 else OUTPUT
    types = Types(Path(sys.argv[1]), Path(sys.argv[2]))
    waiting = [f"{package}.{name}" for package, names in ROOTS.items() for name in names]
    messages: dict[str, Any] = {}
    while waiting:
        key = waiting.pop()
        if key not in messages:
            package, _, name = key.rpartition(".")
            messages[key] = types.message(package, name)
            waiting += [
                field[1] for field in messages[key].values() if "/" in field[1] and ":" not in field[1]
            ]
    lines = [
        f"{json.dumps(key)}:{json.dumps(messages[key], separators=(',', ':'))}" for key in sorted(messages)
    ]
    output.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{output}: {len(messages)} messages, {output.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
