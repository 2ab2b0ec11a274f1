"""What stands behind a service: slices and Endpoints that follow its pods."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.objects.builtin import ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES

PORTS = [{"name": "http", "port": 80, "targetPort": "web"}]
WEB = {"name": "main", "image": "python", "ports": [{"name": "web", "containerPort": 8080}]}


async def start(world: Any, name: str, ip: str, *, ready: str = "True", **spec: Any) -> None:
    metadata = {"labels": {"app": "web"}}
    await world.pod(name, metadata=metadata, nodeName="n1", **({"containers": [WEB]} | spec))
    conditions = [{"type": "Ready", "status": ready}]
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": conditions}
    await patch(world, name, status)


async def patch(world: Any, name: str, status: dict) -> None:
    await world.client.patch(
        PODS, name, {"status": status}, "default", content_type=STRATEGIC_MERGE_PATCH, subresource="status"
    )


async def service(world: Any, name: str = "web", **spec: Any) -> dict:
    metadata = {"name": name, "namespace": "default", "labels": {"team": "a"}}
    spec = {"selector": {"app": "web"}, "ports": PORTS} | spec
    made = {"metadata": metadata, "spec": {k: v for k, v in spec.items() if v is not None}}
    return await world.client.create(SERVICES, made)


async def slices(world: Any, name: str = "web") -> list[dict]:
    return await world.items(ENDPOINT_SLICES, label_selector=f"kubernetes.io/service-name={name}")


async def addresses(world: Any, wanted: dict[str, tuple[bool, ...]], name: str = "web") -> list[dict]:
    """Wait until the slices list these addresses, each with its conditions ready, serving and terminating."""

    async def there() -> list[dict] | None:
        found = await slices(world, name)
        listed = {
            e["addresses"][0]: tuple(e["conditions"].values())
            for s in found
            for e in s.get("endpoints") or ()
        }
        return found if listed == wanted and found else None

    return await world.until(there)


READY, NOT_READY = (True, True, False), (False, False, False)


async def test_slices_and_endpoints_follow_the_pods(world: Any) -> None:
    await world.node("n1")
    made = await service(world)
    (empty,) = await addresses(world, {})
    assert empty["metadata"]["name"].startswith("web-")
    assert empty["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    await start(world, "a", "127.9.0.2")
    await start(world, "b", "127.9.0.3", ready="False")
    (found,) = await addresses(world, {"127.9.0.2": READY, "127.9.0.3": NOT_READY})
    assert found["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert found["metadata"]["labels"] == {
        "team": "a", "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }  # fmt: skip
    first = next(e for e in found["endpoints"] if e["targetRef"]["name"] == "a")
    assert first["nodeName"] == "n1"

    async def older() -> Any:
        endpoints = await world.read(ENDPOINTS, "web")
        return (
            endpoints
            and endpoints.get("subsets")
            and endpoints["subsets"][0].get("notReadyAddresses")
            and endpoints
        )

    subset = (await world.until(older))["subsets"][0]
    assert [a["ip"] for a in subset["addresses"]] == ["127.9.0.2"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["127.9.0.3"]
    await patch(world, "b", {"conditions": [{"type": "Ready", "status": "True"}]})
    await addresses(world, {"127.9.0.2": READY, "127.9.0.3": READY})
    await world.client.delete(PODS, "a", "default", grace_seconds=0)
    await addresses(world, {"127.9.0.3": READY})
    await world.client.delete(SERVICES, "web", "default")
    await world.gone(ENDPOINTS, "web")

    async def none_left() -> bool:
        return not await slices(world)

    await world.until(none_left)


async def test_a_pod_that_ends_gracefully_serves_on_but_is_not_ready(world: Any) -> None:
    await world.node("n1")
    await service(world)
    await start(world, "a", "127.9.0.2")
    await addresses(world, {"127.9.0.2": READY})
    await world.client.delete(PODS, "a", "default", grace_seconds=60)
    await addresses(world, {"127.9.0.2": (False, True, True)})
    await world.client.delete(PODS, "a", "default", grace_seconds=0)


async def test_a_headless_service_names_its_pods_and_may_publish_all(world: Any) -> None:
    await world.node("n1")
    await service(world, clusterIP="None", publishNotReadyAddresses=True)
    await start(world, "a", "127.9.0.2", ready="False", hostname="web-0", subdomain="web")
    (found,) = await addresses(world, {"127.9.0.2": (True, False, False)})
    assert found["endpoints"][0]["hostname"] == "web-0"
    assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


async def test_endpoints_made_by_hand_are_mirrored(world: Any) -> None:
    await service(world, "db", selector=None)
    subsets = [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"name": "http", "port": 5432}]}]
    metadata = {"name": "db", "namespace": "default", "labels": {"a": "b"}}
    await world.client.create(ENDPOINTS, {"metadata": metadata, "subsets": subsets})
    (found,) = await addresses(world, {"10.1.2.3": (True,)}, "db")
    assert found["metadata"]["labels"] == {
        "a": "b", "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }  # fmt: skip
    await world.client.delete(ENDPOINTS, "db", "default")

    async def none_left() -> bool:
        return not await slices(world, "db")

    await world.until(none_left)


@pytest.mark.parametrize("name", ["Endpoints", "EndpointSlice"])
async def test_the_api_server_publishes_where_it_answers(world: Any, name: str) -> None:
    resource = {"Endpoints": ENDPOINTS, "EndpointSlice": ENDPOINT_SLICES}[name]
    assert await world.read(resource, "kubernetes")
