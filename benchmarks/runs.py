"""What a run costs beyond the program itself: one no-op, a chain, a fan-out, each task its own pod and process."""

from __future__ import annotations

import statistics
import time
from datetime import datetime
from typing import Any

from benchmarks.goals import Measurement
from benchmarks.home import Home, running_home
from seaway.sdk.client import SeawayClient
from seaway.sdk.home import Home as HomeFolder

NO_OP = ("python", "-c", "pass")


def client_of(home: Home) -> SeawayClient:
    """Return a REST client for the home's server."""
    place = HomeFolder(home.path)
    endpoint = place.endpoint()
    return SeawayClient(endpoint.url, endpoint.token, endpoint.ca, locate=place.endpoint)


def submit_and_wait(client: SeawayClient, tasks: list[dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    """Submit a run and wait for its verdict; return the seconds in between, seen from here, and the run."""
    begin = time.perf_counter()
    run = client.submit({"tasks": tasks})
    while True:
        run = client.wait(run["name"], timeout=60)
        if run["finished"]:
            break
    took = time.perf_counter() - begin
    if run["phase"] != "succeeded":
        raise RuntimeError(f"run {run['name']} {run['phase']}: {run['message']}")
    return took, run


def task(name: str, after: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a task that does nothing."""
    return {"name": name, "command": list(NO_OP), "after": list(after)}


def attempt_seconds(run: dict[str, Any]) -> list[float]:
    """Return how long each attempt's process ran, as its pod's status says."""
    spans = [
        (a["started"], a["finished"])
        for t in run["tasks"]
        for a in t["attempts"]
        if a["started"] and a["finished"]
    ]
    return [
        (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() for begin, end in spans
    ]


def no_ops(client: SeawayClient) -> Measurement:
    """Measure a no-op 50 times, after one that fills the caches."""
    submit_and_wait(client, [task("main")])
    single = [submit_and_wait(client, [task("main")])[0] for _ in range(50)]
    return Measurement(
        "run: submit to verdict of a no-op, median",
        statistics.median(single) * 1e3,
        "ms",
        f"50 runs, 90th percentile {sorted(single)[44] * 1e3:.0f} ms",
    )


def measure() -> list[Measurement]:
    """Measure a no-op 50 times, a chain of 20 and a fan-out of 500."""
    with running_home() as home:
        client = client_of(home)
        single = no_ops(client)
        chain = [task("t0")] + [task(f"t{i}", (f"t{i - 1}",)) for i in range(1, 20)]
        chain_took = min(submit_and_wait(client, chain)[0] for _ in range(3))
        fan_took, _ = submit_and_wait(client, [task(f"t{i}") for i in range(500)])
    return [
        single,
        Measurement(
            "chain of 20 no-op tasks, each",
            chain_took / 20 * 1e3,
            "ms",
            "best of 3 chains; each task a pod and a process",
        ),
        Measurement("fan-out of 500 no-op tasks", 500 / fan_took, "tasks/s", "each task a pod and a process"),
    ]
