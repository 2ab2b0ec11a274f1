"""The local copy: equal to the server's state, through gaps too, and telling every difference once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from seaway.objects.builtin import PODS
from seaway.reconcile.informer import Informer, Informers, identity
from tests.waiting import until

PATH = "/api/v1/namespaces/ns/pods"


def pod(name: str, node: str = "", uid: str = "") -> dict:
    metadata = {"name": name, "namespace": "ns"} | ({"uid": uid} if uid else {})
    return {"metadata": metadata, "spec": {"nodeName": node}}


def by_node(obj: dict) -> tuple[str, ...]:
    return (obj["spec"]["nodeName"],) if obj["spec"]["nodeName"] else ()


@asynccontextmanager
async def running(informer):
    task = asyncio.create_task(informer.run())
    try:
        if isinstance(informer, Informer):
            await asyncio.wait_for(informer.synced(), 60)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_copy_follows_and_indices_with_it(server, client) -> None:
    server.put(f"{PATH}/a", pod("a", "n1"), "ADDED")
    informer = Informer(client, PODS, indices={"node": by_node})
    async with running(informer):
        assert informer.get("ns/a")["kind"] == "Pod"
        server.put(f"{PATH}/b", pod("b", "n1"), "ADDED")
        server.put(f"{PATH}/a", pod("a", "n2"), "MODIFIED")
        await until(lambda: len(informer.by_index("node", "n2")) == 1)
        assert [o["metadata"]["name"] for o in informer.by_index("node", "n1")] == ["b"]
        server.remove(f"{PATH}/b")
        await until(lambda: informer.get("ns/b") is None)
        assert informer.by_index("node", "n1") == []


async def test_after_a_gap_handlers_learn_exactly_the_differences(server, client) -> None:
    for name in ("gone", "same", "changed"):
        server.put(f"{PATH}/{name}", pod(name), "ADDED")
    server.put(f"{PATH}/reborn", pod("reborn", uid="first"), "ADDED")
    informer = Informer(client, PODS)
    async with running(informer):
        seen: list[tuple[str, str]] = []
        informer.subscribe(lambda kind, new, old: seen.append((kind, new["metadata"]["name"])))
        assert sorted(seen) == [("ADDED", name) for name in ("changed", "gone", "reborn", "same")]
        seen.clear()
        watchers, server.watchers = server.watchers, []
        server.remove(f"{PATH}/gone")
        server.put(f"{PATH}/changed", pod("changed", "n"), "MODIFIED")
        server.put(f"{PATH}/new", pod("new"), "ADDED")
        server.put(f"{PATH}/reborn", pod("reborn", uid="second"), "ADDED")
        server.watchers = watchers
        server.forget_history()
        await until(lambda: informer.get("ns/new") is not None)
    assert sorted(seen) == [
        ("ADDED", "new"),
        ("ADDED", "reborn"),
        ("DELETED", "gone"),
        ("DELETED", "reborn"),
        ("MODIFIED", "changed"),
    ]


async def test_a_handler_that_fails_harms_no_other(server, client, caplog) -> None:
    informer = Informer(client, PODS)
    seen = []

    def broken(*_) -> None:
        raise RuntimeError("broken handler")

    informer.subscribe(broken)
    end = informer.subscribe(lambda kind, *_: seen.append(kind))
    async with running(informer):
        server.put(f"{PATH}/a", pod("a"), "ADDED")
        await until(lambda: seen == ["ADDED"])
        end()
        server.put(f"{PATH}/b", pod("b"), "ADDED")
        await until(lambda: informer.get("ns/b") is not None)
    assert seen == ["ADDED"]
    assert "broken handler" in caplog.text


async def test_one_informer_for_all_who_ask_and_late_ones_start_at_once(server, client) -> None:
    informers = Informers(client)
    one = informers.informer(PODS)
    assert informers.informer(PODS, indices={"node": by_node}) is one
    assert informers.informer(PODS, namespace="ns") is not one
    async with running(informers):
        late = informers.informer(PODS, label_selector="a=b")
        await asyncio.wait_for(late.synced(), 60)
        assert one.by_index("node", "n") == []
        await informers.stop(PODS)
        await until(lambda: not server.watchers)


async def test_less_may_be_kept_than_handlers_get(server, client) -> None:
    server.put(f"{PATH}/a", pod("a", "n1", uid="u"), "ADDED")
    informer = Informer(client, PODS, kept=identity)
    seen: list[tuple[str, str]] = []
    informer.subscribe(lambda kind, new, _: seen.append((kind, new["spec"]["nodeName"])))
    async with running(informer):
        assert set(informer.get("ns/a")) == {"metadata"}
        server.put(f"{PATH}/a", pod("a", "n2", uid="u"), "MODIFIED")
        await until(lambda: len(seen) == 2)
        server.remove(f"{PATH}/a")
        await until(lambda: informer.get("ns/a") is None)
    assert seen == [("ADDED", "n1"), ("MODIFIED", "n2"), ("DELETED", "n2")]
