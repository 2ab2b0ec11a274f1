"""How much room users' runs take, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from seaway.model.run import RunSpec, TaskSpec
from seaway.platform.database.usage import Sum
from seaway.platform.errors import StorageFull
from seaway.platform.server import run_server
from seaway.platform.usage import views, warning
from tests.unit.platform.test_bin import ended


@pytest.mark.parametrize(
    ("total", "limit", "said"),
    [
        (79, 100, ""),
        (80, 100, "80 % of 100 bytes are taken"),
        (99, 100, "99 % of 100 bytes are taken"),
        (100, 100, "full: no run is accepted until some are removed for good"),
        (1 << 40, 0, ""),
    ],
)
def test_it_is_said_from_80_percent_on(total: int, limit: int, said: str) -> None:
    assert warning(total, limit) == said


def test_who_takes_most_comes_first() -> None:
    sums = [Sum("ada", "outputs", False, 5), Sum("bob", "logs", True, 70), Sum("bob", "outputs", False, 20)]
    bob, ada, eve = views(sums, {"ada": 2, "eve": 1}, 100)
    assert (bob.user, bob.total, bob.binned, bob.runs) == ("bob", 90, 70, 0)
    assert bob.warning.startswith("90 %")
    assert (ada.total, ada.warning, eve.total) == (5, "", 0)


async def test_a_user_at_the_limit_begins_nothing_until_there_is_room(kubernetes, settings) -> None:
    async with run_server(
        replace(settings, storage_limit=300), kubernetes.client, random=Random(1)
    ) as server:
        await ended(server, "first", shared="x" * 300)
        (taken,) = await server.runs.usage.of_all()
        assert (taken.user, taken.runs, taken.outputs) == ("ada", 1, 300 + len("of first"))
        assert taken.checkpoints == len("state of first")
        more = RunSpec(name="more", tasks=(TaskSpec(command=("exit", "0")),))
        for attempt in (server.runs.submit(more, user="ada"), server.runs.retry("first")):
            with pytest.raises(StorageFull, match="the runs of ada take") as refused:
                await attempt
            assert "seaway rm --now" in refused.value.remedy
        await server.runs.submit(more.model_copy(update={"name": "bobs"}), user="bob")
        await server.runs.wait("bobs", timeout=10)
        await server.runs.remove("first")
        with pytest.raises(StorageFull):  # what lies in the bin takes room
            await server.runs.submit(more, user="ada")
        await server.runs.remove("first", for_good=True)
        await server.runs.submit(more, user="ada")
        await server.runs.wait("more", timeout=10)
