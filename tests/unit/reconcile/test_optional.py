"""A collection that may be hidden from its reader."""

from __future__ import annotations

import asyncio
import logging

from seaway.base.clock import ManualClock
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.objects.builtin import NODES
from seaway.objects.errors import Forbidden
from seaway.reconcile.informer import Informer
from seaway.reconcile.optional import OptionalInformer


class Nodes:
    """Answers lists as told; a watch stays open."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.lists = 0

    async def send(self, request):
        self.lists += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def watch(self, request):
        raise Unreachable("not in this test")


LISTED = {
    "metadata": {"resourceVersion": "5"},
    "items": [{"metadata": {"name": "n", "resourceVersion": "3"}}],
}


async def running(transport, until, advance: float):
    clock = ManualClock()
    client = Client(transport)
    optional = OptionalInformer(client, Informer(client, NODES, clock=clock), clock=clock)
    task = asyncio.create_task(optional.run())
    for _ in range(2000):
        await asyncio.sleep(0)
        if until(optional):
            break
        clock.advance(advance)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return optional


async def test_without_the_right_it_is_settled_and_says_so_once(caplog) -> None:
    transport = Nodes(Forbidden("no"))
    with caplog.at_level(logging.INFO, logger=OptionalInformer.__module__):
        optional = await running(transport, lambda _: transport.lists > 20, 600.0)
    assert (optional.allowed, optional.is_settled, optional.informer.list()) == (False, True, [])
    assert len([one for one in caplog.records if one.name == OptionalInformer.__module__]) == 1


async def test_a_right_that_is_granted_later_is_found() -> None:
    optional = await running(Nodes(Forbidden("no"), LISTED), lambda o: o.informer.is_synced, 600.0)
    assert (optional.allowed, len(optional.informer.list())) == (True, 1)


async def test_a_server_that_is_away_says_nothing_of_rights() -> None:
    optional = await running(Nodes(Unreachable("away"), LISTED), lambda o: o.informer.is_synced, 1.0)
    assert (optional.allowed, optional.is_settled) == (True, True)
