"""/metrics of the API server: behind RBAC, with labels that stay few."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.users import ADMIN, ANONYMOUS


async def test_requests_are_counted_by_verb_and_kind_and_never_by_name(api_server) -> None:
    for number in range(20):
        await api_server.handle(
            ApiRequest("GET", f"/api/v1/namespaces/default/pods/name-{number}", user=ADMIN)
        )
        await api_server.handle(ApiRequest("GET", f"/apis/made.up/v1/kind-{number}", user=ADMIN))
    refused = await api_server.handle(ApiRequest("GET", "/metrics", user=ANONYMOUS))
    assert refused.status == 403
    answer = await api_server.handle(ApiRequest("GET", "/metrics", user=ADMIN))
    families = {
        family.name: family for family in text_string_to_metric_families(answer.content.encoded().decode())
    }
    counts = {
        (s.labels["verb"], s.labels["resource"], s.labels["code"]): s.value
        for s in families["apiserver_request"].samples
    }
    assert counts["GET", "pods", "404"] == 20
    assert not any("name-" in repr(s) or "kind-" in repr(s) for f in families.values() for s in f.samples)
    assert families["seaway_store_revision"].samples[0].value > 0
    assert "apiserver_request_duration_seconds" in families


async def told(api_server) -> dict[tuple[str, ...], float]:
    answer = await api_server.handle(ApiRequest("GET", "/metrics", user=ADMIN))
    return {
        (
            sample.name,
            *sorted(f"{name}={value}" for name, value in sample.labels.items() if value),
        ): sample.value
        for family in text_string_to_metric_families(answer.content.encoded().decode())
        for sample in family.samples
    }


async def test_watches_that_are_open_and_objects_of_each_kind_are_counted(api_server) -> None:
    watching = await api_server.handle(
        ApiRequest("GET", "/api/v1/namespaces/default/pods", {"watch": "true"}, user=ADMIN)
    )
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
    path = "/api/v1/namespaces/default/configmaps"
    dry = await api_server.handle(ApiRequest("POST", path, {"dryRun": "All"}, object=made, user=ADMIN))
    await api_server.handle(ApiRequest("POST", path, object=made, user=ADMIN))
    assert dry.status == 201
    found = await told(api_server)
    watch = (
        "apiserver_longrunning_requests",
        "component=apiserver",
        "resource=pods",
        "scope=namespace",
        "verb=WATCH",
        "version=v1",
    )
    assert found[watch] == 1
    before = found["apiserver_storage_objects", "resource=configmaps"]
    made = (
        "apiserver_request_total",
        "code=201",
        "component=apiserver",
        "resource=configmaps",
        "scope=resource",
        "verb=POST",
        "version=v1",
    )
    assert found[made] == 1
    assert found[(*made[:3], "dry_run=All", *made[3:])] == 1
    await watching.events.aclose()
    await api_server.handle(ApiRequest("DELETE", f"{path}/made", user=ADMIN))
    found = await told(api_server)
    assert watch not in found
    assert found["apiserver_storage_objects", "resource=configmaps"] == before - 1
    assert not any(key[0].startswith("apiserver_request_duration") and "verb=WATCH" in key for key in found)
