"""Commands that do the same to several runs: what they say of each, as text and as JSON."""

from __future__ import annotations

import json

import pytest

from tests.scenarios.cli.test_json import ROW

pytestmark = pytest.mark.timeout(200)


def test_what_was_changed_is_listed(running):
    running("run", "--detach", "--name", "long", "--", "sleep", "1000")
    assert [run["name"] for run in running.json("stop", "long", "long")] == ["long"]
    running("logs", "-f", "long", code=None)
    (tried,) = running.json("retry", "long")
    assert tried.keys() >= ROW
    assert tried["phase"] not in ("stopped", "succeeded", "failed")
    running("stop", "long")
    running("logs", "-f", "long", code=None)
    (removed,) = running.json("rm", "long")
    assert removed["emptied"] > removed["deleted"]
    (restored,) = running.json("restore", "long")
    assert (restored["name"], restored["phase"], restored["deleted"]) == ("long", "stopped", None)
    running.json("rm", "long")
    assert [run["name"] for run in running.json("rm", "--undo", "long")] == ["long"]


def test_what_is_refused_for_one_run_keeps_no_other_from_its_turn(running):
    for name in ("one", "two"):
        running("run", "--name", name, "--", "true")
    done = running("rm", "one", "nobody", "two", "noone", "-o", "json", code=64)
    assert [run["name"] for run in json.loads(done.stdout)] == ["one", "two"]
    assert done.stderr.count("error: ") == 2
    assert done.stderr.index("noone") < done.stderr.index("nobody")
    done = running("restore", "nobody", "two", "one", code=64)
    assert done.stdout.splitlines() == ["two restored", "one restored"]
    done = running("rm", "nobody", "one", code=64)
    assert "seaway restore one\n" in done.stderr, "the advice names what was removed"
