"""Kubernetes' own API server sends its audit events to Seaway: history then says who deleted and bound what."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpSettings, HttpTransport
from seaway.objects.builtin import PODS
from seaway.portal.certificates import LOOPBACK, ensure_certificate
from tests.waiting import until
from tools.clusters import namespace_on
from tools.platforms import run_platform
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import Settings, free_port, run_control_plane

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "timeline.md"
TOKEN = "t" * 64


def said_on_the_page(name: str, **values: str) -> str:
    """Return a file of the page, with its words in capitals replaced."""
    (text,) = re.findall(rf"```yaml file={name}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for word, value in values.items():
        assert word in text
        text = text.replace(word, value)
    return str(text)


@pytest.mark.real
@pytest.mark.skipif(not TOOL.is_built(), reason=NOT_BUILT)
async def test_who_deleted_and_bound_a_pod(tmp_path: Path) -> None:
    home, port = tmp_path / "server", free_port()
    home.mkdir(mode=0o700)
    (home / "port").write_text(str(port))
    authority = ensure_certificate(home, datetime.now(UTC), LOOPBACK).ca.read_bytes()
    policy, webhook = tmp_path / "audit-policy.yaml", tmp_path / "audit-webhook.yaml"
    policy.write_text(said_on_the_page("audit-policy.yaml"))
    encoded = base64.b64encode(authority).decode()
    webhook.write_text(
        said_on_the_page(
            "audit-webhook.yaml", SERVER=f"https://127.0.0.1:{port}", AUTHORITY=encoded, TOKEN=TOKEN
        )
    )
    flags = (
        f"--audit-policy-file={policy}",
        f"--audit-webhook-config-file={webhook}",
        "--audit-webhook-batch-max-wait=1s",
    )
    with run_control_plane(tmp_path / "plane", Settings(scheduler=False, api_flags=flags)) as plane:
        async with (
            namespace_on("real", plane.kubeconfig) as cluster,
            run_platform(cluster, home, tokens={TOKEN: "audit"}) as platform,
        ):
            acting = (("Impersonate-User", "ada"), ("Impersonate-Group", "system:masters"))
            connection = replace(load_kubeconfig(plane.kubeconfig), impersonate=acting)
            ada = Client(HttpTransport(connection, HttpSettings(user_agent="kubectl/v1.36")))
            spec = {"containers": [{"name": "c", "image": "i"}]}
            manifest = {"metadata": {"name": "p", "finalizers": ["example.com/held"]}, "spec": spec}
            try:
                await ada.create(PODS, manifest, cluster.namespace)
                binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "node-7"}}
                await ada.create_subresource(PODS, "p", "binding", binding, cluster.namespace)
                await ada.delete(PODS, "p", cluster.namespace)

                async def told() -> Any:
                    shown = await platform.server.runs.timeline_object("pod", "p")
                    found = {entry.message: entry.by for entry in shown.entries}
                    return found if "ada" in found.get("asked to end within 30 s", "") else None

                found = await until(told)
                assert found["asked to end within 30 s"] == "seaway-admin as ada (kubectl)"
                assert found["placed on node-7"] == "seaway-admin as ada (kubectl)"
                assert found["created"].startswith("seaway-admin as ada")
                notes = (await platform.server.runs.timeline_object("pod", "p")).notes
                assert not [note for note in notes if "is not known" in note]
                patch = json.loads('{"metadata": {"finalizers": null}}')
                await ada.patch(PODS, "p", patch, cluster.namespace)
            finally:
                await ada.close()


async def test_where_no_audit_events_come_that_is_said(platform: Any) -> None:
    """The embedded cluster of the daemon tells; this one's server hears of nobody."""
    manifest = {
        "metadata": {"name": "q", "finalizers": ["example.com/held"]},
        "spec": {"containers": [{"name": "c", "image": platform.cluster.image, "command": ["sleep", "600"]}]},
    }
    await platform.client.create(PODS, manifest, platform.namespace)
    await platform.client.delete(PODS, "q", platform.namespace, grace_seconds=1)

    async def noted() -> Any:
        shown = await platform.server.runs.timeline_object("pod", "q")
        return [note for note in shown.notes if "who asked for a deletion is not known" in note]

    await until(noted)
    await platform.client.patch(PODS, "q", {"metadata": {"finalizers": None}}, platform.namespace)
