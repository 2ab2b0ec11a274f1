"""A run that fills its node's disk ends: tried again unchanged, it would fill it for ever."""

from __future__ import annotations

from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from tests.waiting import until

LOW = "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 8Gi. "
OWN = "Container main was using {}, request is 0, has larger consumption of ephemeral-storage. "


async def test_evictions_from_a_disk_that_the_run_filled_itself_come_to_an_end(kubernetes, server) -> None:
    runs = server.runs
    for name, used in (("little", "20Ki"), ("much", "5Gi")):
        task = TaskSpec(command=("evict", LOW + OWN.format(used)))
        await runs.submit(RunSpec(name=name, tasks=(task,)), user="ada")
    ended = await runs.wait("much", timeout=60)
    found = [attempt.verdict for attempt in ended.tasks[0].attempts]
    assert [(one.class_, one.cause) for one in found if one] == [
        (VerdictClass.INFRASTRUCTURE, "Evicted"), (VerdictClass.INFRASTRUCTURE, "Evicted"),
        (VerdictClass.RESOURCE, "DiskFilled"),
    ]  # fmt: skip
    why = await runs.why("much")
    assert (ended.phase, why.class_, why.cause, why.retry) == (
        Phase.FAILED,
        VerdictClass.RESOURCE,
        "DiskFilled",
        False,
    )
    assert "3 times in a row" in why.message

    async def tries() -> bool:
        return len((await runs.get("little")).tasks[0].attempts) > 3

    await until(tries, "one that others pushed out to be tried again and again")
    await runs.stop("little")
    await runs.wait("little", timeout=60)
