"""The workspace's namespace: deleted by somebody it comes back, with the users' rights; its end keeps no cluster from starting."""

from __future__ import annotations

import asyncio
from pathlib import Path

from seaway.client.client import Client
from seaway.controlplane.apiserver.users import MASTERS
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.objects.builtin import CONFIG_MAPS, NAMESPACES, ROLE_BINDINGS
from seaway.objects.errors import NotFound

NAMESPACE = "seaway-default"


async def until_made_anew(client: Client, uid: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                found = await client.get(NAMESPACES, NAMESPACE)
                if found["metadata"]["uid"] != uid and "deletionTimestamp" not in found["metadata"]:
                    await client.get(ROLE_BINDINGS, "seaway:users", NAMESPACE)
                    return
            except NotFound:
                pass
            await asyncio.sleep(0.02)


async def test_it_comes_back_although_a_start_found_it_ending(tmp_path: Path) -> None:
    settings = ClusterSettings(home=tmp_path / "home", node_stop_seconds=2.0)
    async with run_cluster(settings) as cluster:
        client = cluster.client("test", (MASTERS,))
        uid = (await client.get(NAMESPACES, NAMESPACE))["metadata"]["uid"]
        await client.delete(NAMESPACES, NAMESPACE)
        await until_made_anew(client, uid)
        uid = (await client.get(NAMESPACES, NAMESPACE))["metadata"]["uid"]
        await client.create(
            CONFIG_MAPS, {"metadata": {"name": "held", "finalizers": ["example.org/held"]}}, NAMESPACE
        )
        await client.delete(NAMESPACES, NAMESPACE)
    async with run_cluster(settings) as cluster:
        client = cluster.client("test", (MASTERS,))
        found = await client.get(NAMESPACES, NAMESPACE)
        assert (found["metadata"]["uid"], "deletionTimestamp" in found["metadata"]) == (uid, True)
        await client.patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, NAMESPACE)
        await until_made_anew(client, uid)


async def test_rights_that_the_owner_took_away_stay_away(tmp_path: Path) -> None:
    async with run_cluster(ClusterSettings(home=tmp_path / "home", node_stop_seconds=2.0)) as cluster:
        client = cluster.client("test", (MASTERS,))
        await client.delete(ROLE_BINDINGS, "seaway:users", NAMESPACE)
        await client.create(NAMESPACES, {"metadata": {"name": "other"}})
        await client.delete(NAMESPACES, "other")
        async with asyncio.timeout(60):
            while any(n["metadata"]["name"] == "other" for n in (await client.list(NAMESPACES))["items"]):
                await asyncio.sleep(0.02)
        assert (await client.list(ROLE_BINDINGS, NAMESPACE))["items"] == []
