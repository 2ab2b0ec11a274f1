"""Several servers on one database: the label, the calls that a former leader may not make, who can take over."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.base.sqlite import DatabaseUnavailable
from seaway.base.tasks import ServiceFailed
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.objects.builtin import LEASES, PODS
from seaway.objects.errors import NotFound
from seaway.platform.database.location import InvalidDatabaseUrl, PostgresLocation, locate
from seaway.platform.database.migrate import DatabaseTooNew
from seaway.platform.database.postgres_errors import DatabaseRefused
from seaway.platform.database.probe import Probe
from seaway.platform.leadership import LeadershipSettings, LeadersTransport
from seaway.platform.replica import Replica, lease_name
from seaway.platform.server_settings import ServerSettings
from seaway.portal.replica import run_replica
from seaway.reconcile.leader import LeaderSettings
from tests.waiting import until

NAMESPACE = "seaway-default"
TIMES = LeaderSettings(2.0, 1.5, 0.05)
"""Quick ones: these tests break nothing that has to be waited for."""


def leadership(name: str, **fields) -> LeadershipSettings:
    return LeadershipSettings(name, NAMESPACE, pod=name, times=TIMES, marking_seconds=0.05, **fields)


@pytest.fixture
def settings(tmp_path, postgres_url) -> ServerSettings:
    return ServerSettings(
        tmp_path / "server", "https://127.0.0.1:1", database=postgres_url, leadership=leadership("server-a")
    )


@pytest.fixture
def location(postgres_url) -> PostgresLocation:
    found = locate(postgres_url, Path())
    assert isinstance(found, PostgresLocation)
    return found


async def add_pod(kubernetes, name: str, release: str = "ours", **labels: str) -> None:
    kubernetes.node.hold = True
    metadata = {"name": name, "labels": {"app.kubernetes.io/instance": release, **labels}}
    spec = {"containers": [{"name": "server", "image": "none"}]}
    await kubernetes.client.create(PODS, {"metadata": metadata, "spec": spec}, NAMESPACE)


async def labelled(kubernetes) -> set[str]:
    found = await kubernetes.client.list(PODS, NAMESPACE, label_selector="seaway.dev/leader=true")
    return {pod["metadata"]["name"] for pod in found["items"]}


async def until_labelled(kubernetes, *names: str) -> None:
    await until(lambda: labelled(kubernetes), check=lambda found: found == set(names))


async def app(server) -> None:
    raise AssertionError("nobody asks it")


async def test_the_leader_is_labelled_in_place_of_a_former_one_and_not_of_another_release(
    kubernetes, settings
) -> None:
    await add_pod(kubernetes, "server-a")
    await add_pod(kubernetes, "server-b", **{"seaway.dev/leader": "true"})
    await add_pod(kubernetes, "other", release="theirs", **{"seaway.dev/leader": "true"})
    async with run_replica(settings, kubernetes.client, lambda _: app):
        await until_labelled(kubernetes, "server-a", "other")
        taken = {"metadata": {"labels": {"seaway.dev/leader": None}}}
        await kubernetes.client.patch(PODS, "server-a", taken, NAMESPACE)
        await until_labelled(kubernetes, "server-a", "other")
    assert await labelled(kubernetes) == {"other"}
    lease = await kubernetes.client.get(LEASES, "seaway-server", NAMESPACE)
    assert lease["spec"]["holderIdentity"] == ""


async def test_two_replicas_lead_one_after_the_other(kubernetes, settings) -> None:
    second = replace(settings, home=settings.home / "b", leadership=leadership("server-b"))
    for name in ("server-a", "server-b"):
        await add_pod(kubernetes, name)
    async with AsyncExitStack() as first:
        one = await first.enter_async_context(run_replica(settings, kubernetes.client, lambda _: app))
        await until_labelled(kubernetes, "server-a")
        async with run_replica(second, kubernetes.client, lambda _: app) as two:
            assert (one.leading, two.leading) == (app, None)
            await first.aclose()
            await until_labelled(kubernetes, "server-b")
            assert (one.leading, two.leading) == (None, app)


async def test_a_leader_whose_database_is_taken_over_ends(kubernetes, settings) -> None:
    await add_pod(kubernetes, "server-a")
    with pytest.raises(ServiceFailed, match="somebody has taken the PostgreSQL database"):
        async with run_replica(settings, kubernetes.client, lambda _: app):
            await until_labelled(kubernetes, "server-a")
            from seaway.platform.database.database import open_database
            from seaway.platform.database.postgres_driver import PostgresSettings

            place = locate(settings.database, Path())
            async with open_database(place, settings=PostgresSettings(holder="somebody")):
                await asyncio.Event().wait()


class Recorded:
    """A transport that notes what reaches it."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    async def send(self, request):
        self.methods.append(request.method)
        return {"metadata": {}, "items": []}


async def test_a_former_leader_reads_and_changes_nothing() -> None:
    recorded, leads = Recorded(), [True]
    client = Client(LeadersTransport(recorded, lambda: leads[0]))
    await client.create(PODS, {"metadata": {"name": "p"}}, NAMESPACE)
    leads[0] = False
    for call in (
        lambda: client.create(PODS, {"metadata": {"name": "p"}}, NAMESPACE),
        lambda: client.delete(PODS, "p", NAMESPACE),
        lambda: client.patch(PODS, "p", {}, NAMESPACE),
    ):
        with pytest.raises(Unreachable, match="leads no more"):
            await call()
    await client.list(PODS, NAMESPACE)
    assert recorded.methods == ["POST", "GET"]


async def test_who_could_take_over_is_asked_of_the_database(postgres, location) -> None:
    await Probe(location).ask()
    with pytest.raises(DatabaseRefused, match="refuses this user"):
        await Probe(replace(location, url=location.url.set(password="wrong"))).ask()
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        await Probe(replace(location, url=location.url.set(port=1))).ask()
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", str(location.url.database))
    with pytest.raises(DatabaseTooNew, match="newer Seaway"):
        await Probe(location).ask()


def test_servers_cannot_share_a_file(settings) -> None:
    with pytest.raises(InvalidDatabaseUrl, match="cannot share a SQLite file"):
        Replica(replace(settings, database=""), Client(Recorded()))


def test_servers_behind_one_url_compete_and_others_do_not() -> None:
    assert lease_name("https://a") == lease_name("https://a") != lease_name("https://b")


async def test_the_key_of_the_runs_tokens_is_the_same_for_all_replicas(kubernetes, settings) -> None:
    from seaway.base.clock import SystemClock
    from seaway.platform.stores import open_stores

    tokens = []
    for home in ("a", "b"):
        async with open_stores(replace(settings, home=settings.home / home), SystemClock()) as stores:
            tokens.append(stores.tokens.token("run", "uid"))
        assert {path.name for path in (settings.home / home).iterdir()} == {"artifacts"}
    assert tokens[0] == tokens[1]


async def test_a_missing_pod_does_not_keep_a_server_from_leading(kubernetes, settings) -> None:
    with pytest.raises(NotFound):
        await kubernetes.client.get(PODS, "server-a", NAMESPACE)
    async with run_replica(settings, kubernetes.client, lambda _: app) as replica:
        await until(lambda: replica.leading, "a leader", check=lambda leading: leading is not None)
