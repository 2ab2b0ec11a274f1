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
    assert counts["get", "pods", "404"] == 20
    assert not any("name-" in repr(s) or "kind-" in repr(s) for f in families.values() for s in f.samples)
    assert families["seaway_store_revision"].samples[0].value > 0
    assert "apiserver_request_duration_seconds" in families
