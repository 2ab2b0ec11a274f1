"""`seaway why` of what waits or is no run: what would start now, pods and nodes by name."""

from __future__ import annotations

import re

from tests.waiting import wait_until

SECONDS = 60


def waited(seaway, run: str, phrase: str) -> str:
    def text() -> str:
        found = seaway("why", run).stdout
        return found if phrase in found else ""

    return wait_until(text, f"why {run}: {phrase}")


def test_a_run_that_waits_starts_with_what_why_says_is_there_now(running) -> None:
    seaway = running
    cpu = float(seaway.json("status")["server"]["nodes"][0]["cpu"])
    seaway("run", "--detach", "--name", "big", "--cpu", str(cpu - 0.5), "--", "sleep", "300")
    waited(seaway, "big", "nothing is wrong: it runs")
    seaway("run", "--detach", "--name", "late", "--cpu", "1", "--", "true")
    told = waited(seaway, "late", "it would start now with --cpu ")
    option = re.search(r"start it now with less: seaway run --cpu (\S+) -- true", told)
    assert option is not None, told
    assert seaway("run", "--name", "smaller", "--cpu", option[1], "--", "true").returncode == 0
    assert seaway.json("show", "late")["phase"] != "succeeded"
    seaway("stop", "late", "big")


def test_pods_and_nodes_are_explained_by_name(running) -> None:
    seaway = running
    seaway("run", "--name", "bad", "--", "python", "-c", "raise ValueError('no rows')", code=1)
    name = seaway.json("status")["server"]["nodes"][0]["name"]
    assert f"nothing is wrong: the node {name} is ready" in seaway("why", f"node/{name}").stdout
    assert "there is no job 'nobody'" in seaway("why", "job/nobody", code=64).stderr
    assert "there is no pod 'nobody'" in seaway("why", "pod/nobody", code=64).stderr
