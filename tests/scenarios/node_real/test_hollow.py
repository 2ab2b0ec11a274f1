"""Hollow nodes under Kubernetes' own scheduler and controllers: for scale."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from seaway.objects.builtin import NODES
from tests.scenarios.node_real.conftest import DEPLOYMENTS, SECONDS
from tests.waiting import until
from tools.real_kubernetes.control_plane import ControlPlane
from tools.real_kubernetes.node import run_node

pytestmark = pytest.mark.real


async def test_a_deployment_over_many_nodes(
    place: Any, real_control_plane: ControlPlane, tmp_path: Path
) -> None:
    """They become ready, take pods that name them, and let them go."""
    prefix = f"hollow-{uuid.uuid4().hex[:6]}-"
    flags = ("--simulated", "10", "--label", f"kind={prefix}x")
    with run_node(real_control_plane, tmp_path / "hollow", prefix, flags):
        containers = [{"name": "main", "image": "anything", "resources": {"requests": {"cpu": "1"}}}]
        spec = {
            "nodeSelector": {"kind": f"{prefix}x"},
            "terminationGracePeriodSeconds": 1,
            "containers": containers,
        }
        template = {"metadata": {"labels": {"app": "many"}}, "spec": spec}
        deployment = {"replicas": 40, "selector": {"matchLabels": {"app": "many"}}, "template": template}
        await place.create(DEPLOYMENTS, {"metadata": {"name": "many"}, "spec": deployment})
        await place.until(DEPLOYMENTS, "many", lambda d: d.get("status", {}).get("availableReplicas") == 40)
        nodes = {pod["spec"]["nodeName"] for pod in await place.pods("app=many")}
        assert nodes == {f"{prefix}{number}" for number in range(10)}
        await place.client.delete(DEPLOYMENTS, "many", place.namespace, propagation="Background")
        await until(
            lambda: place.pods("app=many"), "no pod", check=lambda pods: not pods, seconds=SECONDS, pause=0.1
        )
    left = {node["metadata"]["name"] for node in (await place.client.list(NODES))["items"]}
    assert not left & nodes
