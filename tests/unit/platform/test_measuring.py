"""What Prometheus is told of a server, on both databases: it can be read, means something, and stays small."""

from __future__ import annotations

import asyncio
import math

from prometheus_client.parser import text_string_to_metric_families

from seaway.base.measures import text
from seaway.model.run import RunSpec, TaskSpec

HISTOGRAMS = ("seaway_run_queue_wait_seconds", "seaway_attempt_start_seconds", "seaway_engine_lag_seconds", "seaway_database_batch_duration_seconds")  # fmt: skip


async def told(server) -> dict[tuple[str, ...], float]:
    families = list(text_string_to_metric_families(text(await server.measures.measures())))
    assert len({family.name for family in families}) == len(families), "a name stands twice"
    assert all(family.documentation for family in families)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


async def run_some(server, kind: str, codes: str) -> None:
    for number, code in enumerate(codes):
        spec = RunSpec(name=f"{kind}-{number}", tasks=(TaskSpec(command=("say", f"{kind} line", code)),))
        await server.runs.submit(spec, user=f"user-{kind}")
    for number in range(len(codes)):
        await server.runs.wait(f"{kind}-{number}", timeout=60)


async def test_what_happened_is_counted(server) -> None:
    before = await told(server)
    assert before["seaway_attempts_total", "succeeded"] == 0
    await run_some(server, "some", "0013")
    async with asyncio.timeout(60):  # logs may still come when their run has ended
        while (found := await told(server))["seaway_log_lines_collected_total",] < 4:
            await asyncio.sleep(0.02)
    assert found["seaway_attempts_total", "succeeded"] == 2
    assert found["seaway_attempts_total", "user"] == 2
    assert found["seaway_runs", "failed"] == 2
    assert found["seaway_log_bytes_collected_total",] >= 4 * len("some line\n")
    assert found["seaway_run_queue_wait_seconds_count",] == found["seaway_attempt_start_seconds_count",] == 4
    assert found["seaway_engine_lag_seconds_count",] >= 8
    assert (
        found["seaway_database_writes_total",] >= found["seaway_database_batch_duration_seconds_count",] > 0
    )
    assert (found["seaway_leader",], found["seaway_cluster_seen",]) == (1, 1)
    assert found["seaway_queue_length",] == found["seaway_pods_in_flight",] == 0
    assert found["seaway_happenings_total", "failed"] == 2
    for name in HISTOGRAMS:
        assert found[f"{name}_bucket", "+Inf"] == found[f"{name}_count",], name
        assert 0 <= found[f"{name}_sum",] < math.inf


async def test_more_runs_and_users_are_no_more_lines(server) -> None:
    await run_some(server, "first", "01")
    few = set(await told(server))
    await run_some(server, "other", "0" * 10 + "1" * 10)
    many = set(await told(server))
    assert many == few, many ^ few
    assert not any("first" in part or "other" in part for key in many for part in key)
