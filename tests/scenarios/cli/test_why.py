"""`seaway why` of what waits or is no run: what would start now, pods and nodes by name."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from seaway.base.languages import catalogue
from seaway.base.messages import spoken_in, wording
from seaway.sdk.client import SeawayClient
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


def test_a_run_is_explained_in_the_language_that_is_asked_for(running) -> None:
    running("run", "--name", "ended", "--", "true")
    record = json.loads((running.home / "daemon.json").read_text())
    token, ca = ((running.home / "server" / name).read_text() for name in ("token", "ca.crt"))
    with SeawayClient(record["url"], token.strip(), ca) as client:
        for wanted, language in (("de-AT, en;q=0.5", "de"), ("tlh", "en")):
            answer = client._http.open("GET", "/api/v1/runs/ended/why", headers={"Accept-Language": wanted})
            completed = spoken_in(wording("it completed"), catalogue(language))
            assert (answer.headers["Content-Language"], json.loads(answer.read())["message"]) == (language, completed)  # fmt: skip
            assert client.why("ended", language=language)["message"] == completed
            assert completed in running("why", "--language", language, "ended").stdout


def test_how_a_run_ended_is_said_in_the_language_of_the_environment(running) -> None:
    program = "raise ValueError('no rows')"
    seaway = replace(running, extra={**running.extra, "SEAWAY_LANGUAGE": "de"})
    told = seaway("run", "--name", "endet", "--", "python", "-c", program, code=1).stderr
    failed = wording("the program failed{at}: {error}", at="", error="ValueError: no rows")
    ended = spoken_in(failed, catalogue("de"))
    assert ended != failed
    assert f"endet failed: {ended}" in told
    assert ended in seaway("show", "endet").stdout
    assert failed in running("show", "endet").stdout
    assert seaway("why", "endet").stdout.startswith(ended)
