"""The cluster as a whole: starts, keeps its place, refuses what it cannot do."""

from __future__ import annotations

import base64
import json
import socket
import stat
from urllib.parse import urlsplit

import pytest

from seaway.base.sqlite import DatabaseCorrupt
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.controlplane.home import ClusterError
from seaway.objects.builtin import CONFIG_MAPS, NAMESPACES, NODES, SECRETS


def settings(tmp_path, **given):
    return ClusterSettings(home=tmp_path / "home", nodes=0, **given)


async def test_the_kubeconfig_is_private_and_works(tmp_path):
    async with run_cluster(settings(tmp_path)) as cluster:
        assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "home" / "cluster").stat().st_mode) == 0o700
        transport = HttpTransport(load_kubeconfig(cluster.kubeconfig))
        names = {item["metadata"]["name"] for item in (await Client(transport).list(NAMESPACES))["items"]}
        await transport.close()
    assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= names


async def test_a_restart_keeps_address_and_objects(tmp_path):
    async with run_cluster(settings(tmp_path)) as cluster:
        url, kubeconfig = cluster.url, cluster.kubeconfig.read_bytes()
        await cluster.client("admin", ["system:masters"]).create(
            CONFIG_MAPS, {"metadata": {"name": "a"}}, "default"
        )
    async with run_cluster(settings(tmp_path)) as cluster:
        assert cluster.url == url
        assert cluster.kubeconfig.read_bytes() == kubeconfig
        assert await cluster.client("admin", ["system:masters"]).get(CONFIG_MAPS, "a", "default")


async def test_a_port_that_was_taken_meanwhile_is_chosen_anew(tmp_path):
    async with run_cluster(settings(tmp_path)) as cluster:
        port = urlsplit(cluster.url).port
    with socket.create_server(("127.0.0.1", port)):
        async with run_cluster(settings(tmp_path)) as cluster:
            assert urlsplit(cluster.url).port != port
            assert cluster.url in cluster.kubeconfig.read_text()


async def test_a_port_asked_for_and_taken_is_an_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ClusterError, match=f"port {port} is in use by another program: choose another one"
        ):
            async with run_cluster(settings(tmp_path, port=port)):
                pytest.fail("it should not start")


async def test_two_homes_run_side_by_side(tmp_path):
    async with run_cluster(settings(tmp_path / "a")) as one, run_cluster(settings(tmp_path / "b")) as two:
        assert one.url != two.url
        files = [tmp_path / name / "home" / "cluster" / "address.json" for name in "ab"]
        networks = {json.loads(file.read_text())["pod_network"] for file in files}
        assert len(networks) == 2


async def test_data_of_a_newer_version_is_left_alone(tmp_path):
    async with run_cluster(settings(tmp_path)):
        pass
    note = tmp_path / "home" / "cluster" / "version.json"
    note.write_text(json.dumps({"format": 99, "seaway": "9.9.9"}))
    with pytest.raises(ClusterError, match=r"written by Seaway 9\.9\.9, which is newer"):
        async with run_cluster(settings(tmp_path)):
            pytest.fail("it should not start")


async def test_a_corrupt_database_is_named(tmp_path):
    async with run_cluster(settings(tmp_path)):
        pass
    file = tmp_path / "home" / "cluster" / "store.db"
    file.write_bytes(b"this is no database" * 1000)
    with pytest.raises(DatabaseCorrupt, match=r"store\.db"):
        async with run_cluster(settings(tmp_path)):
            pytest.fail("it should not start")


async def test_a_node_joins(cluster):
    nodes = await cluster.client("admin", ["system:masters"]).list(NODES)
    assert [node["metadata"]["name"] for node in nodes["items"]] == ["node-1"]


async def test_a_secret_is_in_no_file_of_the_home(tmp_path):
    home = tmp_path / "home"
    planted = "planted-through-the-api"
    encoded = base64.b64encode(planted.encode()).decode()

    def found() -> list[str]:
        words = (planted.encode(), encoded.encode())
        files = [file for file in home.rglob("*") if file.is_file()]
        return [str(file) for file in files if any(word in file.read_bytes() for word in words)]

    settings = ClusterSettings(home=home, nodes=0)
    async with run_cluster(settings) as cluster:
        client = cluster.client("admin", ("system:masters",))
        secret = {"metadata": {"name": "a", "namespace": "default"}, "stringData": {"key": planted}}
        await client.create(SECRETS, secret)
        await client.patch(SECRETS, "a", {"metadata": {"labels": {"b": "c"}}}, "default")
        assert not found()
        await cluster.server.store.compact(cluster.server.store.revision)
        assert not found()
    assert not found()
    async with run_cluster(settings) as cluster:
        again = await cluster.client("admin", ("system:masters",)).get(SECRETS, "a", "default")
        assert again["data"] == {"key": encoded}
