"""The downward API, pure: fields and resources of a pod as text.

Source: Kubernetes documentation, "Downward API"; `pkg/fieldpath`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING
from typing import Any

from seaway.controlplane.node.state import container_specs
from seaway.objects.quantity import parse_quantity

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")


class ConfigError(Exception):
    """The container cannot be configured: something that it names is missing. Kubernetes: CreateContainerConfigError."""


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod, and what the node adds to it."""

    pod: Mapping[str, Any]
    pod_ip: str = ""
    host_ip: str = ""
    allocatable: Mapping[str, str] | None = None
    """The node's, for limits that are not set."""


def field_text(facts: PodFacts, path: str) -> str:
    """Return a field of the pod as text.

    Raises:
        ConfigError: the path is not one that the downward API knows.
    """
    metadata, spec = facts.pod["metadata"], facts.pod["spec"]
    match = _SUBSCRIPT.fullmatch(path)
    if match:
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    known: dict[str, Callable[[], str]] = {
        "metadata.name": lambda: metadata["name"],
        "metadata.namespace": lambda: metadata["namespace"],
        "metadata.uid": lambda: metadata["uid"],
        "metadata.labels": lambda: _lines(metadata.get("labels")),
        "metadata.annotations": lambda: _lines(metadata.get("annotations")),
        "spec.nodeName": lambda: spec.get("nodeName", ""),
        "spec.serviceAccountName": lambda: spec.get("serviceAccountName", ""),
        "status.podIP": lambda: facts.pod_ip,
        "status.podIPs": lambda: facts.pod_ip,
        "status.hostIP": lambda: facts.host_ip,
        "status.hostIPs": lambda: facts.host_ip,
    }
    if path not in known:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return known[path]()


def resource_text(facts: PodFacts, reference: Mapping[str, Any], container: str) -> str:
    """Return a container's request or limit as a whole number of its divisor.

    Args:
        facts: the pod.
        reference: a `resourceFieldRef`.
        container: used where the reference names none.

    Raises:
        ConfigError: no such container or resource.
    """
    spec = container_specs(facts.pod).get(reference.get("containerName") or container)
    kind, _, name = str(reference.get("resource")).partition(".")
    if spec is None or kind not in {"limits", "requests"}:
        raise ConfigError(f"unsupported resourceFieldRef: {reference.get('resource')}")
    value = ((spec.get("resources") or {}).get(kind) or {}).get(name)
    if value is None:
        value = (facts.allocatable or {}).get(name, "0") if kind == "limits" else "0"
    divisor = parse_quantity(reference.get("divisor") or "1") or parse_quantity("1")
    return str(int((parse_quantity(value) / divisor).to_integral_value(ROUND_CEILING)))


def _lines(values: Mapping[str, str] | None) -> str:
    return "\n".join(f'{key}="{_quoted(value)}"' for key, value in sorted((values or {}).items()))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
