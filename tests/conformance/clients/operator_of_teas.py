"""A kopf operator: each Tea gets a ConfigMap and is counted by a timer; deleting one is noted before it goes."""

from __future__ import annotations

from typing import Any

import kopf
from kubernetes import client, config

GROUP = "tea.example.com"


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.peering.standalone = False
    settings.peering.name = "teas"
    settings.peering.mandatory = True
    settings.posting.enabled = True
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    config.load_config()


@kopf.on.create(GROUP, "v1", "teas")
def brewed(body: kopf.Body, spec: kopf.Spec, name: str, namespace: str, **_: Any) -> dict[str, Any]:
    if spec["size"] > 9:
        kopf.warn(body, reason="TooLarge", message="no pot is that large")
        raise kopf.PermanentError("too large for any pot")
    pot: dict[str, Any] = {"metadata": {"name": f"{name}-pot"}, "data": {"size": str(spec["size"])}}
    kopf.adopt(pot)
    client.CoreV1Api().create_namespaced_config_map(namespace, pot)
    return {"pot": f"{name}-pot"}


@kopf.on.field(GROUP, "v1", "teas", field="spec.size", old=kopf.PRESENT, new=kopf.PRESENT)
def resized(new: int, name: str, namespace: str, **_: Any) -> None:
    client.CoreV1Api().patch_namespaced_config_map(f"{name}-pot", namespace, {"data": {"size": str(new)}})


@kopf.timer(GROUP, "v1", "teas", interval=0.3)
def sipped(status: kopf.Status, patch: kopf.Patch, **_: Any) -> None:
    patch.status["sips"] = status.get("sips", 0) + 1


@kopf.on.delete(GROUP, "v1", "teas")
def finished(name: str, namespace: str, **_: Any) -> None:
    client.CoreV1Api().create_namespaced_config_map(namespace, {"metadata": {"name": f"{name}-finished"}})
