"""The log of a pod that goes: whole, or not yet; a node that has not let go of a pod does not say that it keeps nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from seaway.client.logs import LogOptions
from seaway.controlplane.node import worker
from seaway.controlplane.node.agent import NodeAgent
from seaway.controlplane.node.keptlogs import KeptLogs
from seaway.objects.builtin import PODS
from seaway.objects.errors import NotFound, ServiceUnavailable
from tests.waiting import until


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> Iterator[threading.Event]:
    """Have a step of the node wait until the block is left; yield what is set when it is reached."""
    step: Callable[..., None] = getattr(owner, name)
    reached, goes_on = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> None:
        reached.set()
        assert goes_on.wait(60)
        step(*arguments)

    monkeypatch.setattr(owner, name, slow)
    try:
        yield reached
    finally:
        goes_on.set()


async def kept(node: Any, pod: str) -> bytes:
    opened = node.client.kept_logs(
        pod, "d", node="n1", uid=node.uids[pod], container="main", attempt=0, options=LogOptions()
    )
    async with opened as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_the_log_of_a_pod_that_goes(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await node.create("p", "echo one; sleep 600")
    await until(lambda: node.log("p"), "its line", ignore=(Exception,))
    with pytest.raises(ServiceUnavailable):
        await kept(node, "p")
    with (
        held(monkeypatch, KeptLogs, "keep") as keeping,
        held(monkeypatch, worker, "remove_folder") as removing,
    ):
        await node.client.delete(PODS, "p", "d", grace_seconds=0)
        await until(keeping.is_set, "the moment before it is kept")
        with pytest.raises(ServiceUnavailable):
            await kept(node, "p")
        with pytest.raises(NotFound):  # rather than what is left of it where it was
            async with node.agent.container_logs("d", "p", node.uids["p"], "main", LogOptions()):
                pass
        assert not removing.is_set()
    assert await until(lambda: kept(node, "p"), "what is kept", ignore=(ServiceUnavailable,)) == b"one\n"
    await until(lambda: not node.folder("p").exists(), "the end of its files")
    with held(monkeypatch, worker, "remove_folder") as removing:
        await node.create("q", "echo two; sleep 600")
        await until(lambda: node.log("q"), "its line", ignore=(Exception,))
        await node.client.delete(PODS, "q", "d", grace_seconds=0)
        await until(removing.is_set, "the moment after it is kept")
        assert await kept(node, "q") == b"two\n"
    node.uids["r"] = "nobody's"
    with pytest.raises(NotFound):
        await kept(node, "r")


async def test_a_node_that_has_not_seen_its_pods_yet_knows_of_none_that_it_is_gone(node: Any) -> None:
    agent = NodeAgent(node.client, node.settings)
    with pytest.raises(ServiceUnavailable):
        agent.find("d", "p")
    for opened in (
        agent.kept_logs("p", "uid", "main", 0, LogOptions()),
        agent.container_logs("d", "p", "uid", "main", LogOptions()),
    ):
        with pytest.raises(ServiceUnavailable):
            async with opened:
                pass
