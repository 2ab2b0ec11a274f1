"""settings.toml: what can be said, and that every fault is named with its place and a remedy."""

from __future__ import annotations

import json

import pytest

from seaway.cli.settings_file import KEYS, Image, Settings, as_values, differences, parse
from seaway.sdk.errors import SeawayError

WHOLE = """
[cluster]
nodes = 3
cpu_manager = "static"
simulated_nodes = 7
api_port = 6443
[scheduler]
strategy = "pack"
[gpu]
pretend = 4
[server]
port = 8443
default_image = "lab"
default_cpu = 2
pods_at_once = 10
code_limit = "1Gi"
log_limit = 2097152
[notifications]
urls = ["jsons://ada:hunter2@hooks.example.com"]
events = ["ended", "node"]
waits = "10m"
hung = 0
[images."python:3*"]
python = "/opt/venv/bin/python"
env = {OMP_NUM_THREADS = "4"}
[images.tools]
path = ["/opt/tools/bin"]
"""


def test_every_key_can_be_said():
    assert parse(WHOLE, "settings.toml") == Settings(
        nodes=3,
        api_port=6443,
        strategy="pack",
        cpu_manager="static",
        simulated_nodes=7,
        pretend_gpus="pretended:4",
        port=8443,
        default_image="lab",
        default_cpu="2",
        pods_at_once=10,
        code_limit=1 << 30,
        log_limit=2 << 20,
        notify_urls=("jsons://ada:hunter2@hooks.example.com",),
        notify_events=("succeeded", "failed", "stopped", "node"),
        waits=600.0,
        hung=0.0,
        images={
            "python:3*": Image("/opt/venv/bin/python", env={"OMP_NUM_THREADS": "4"}),
            "tools": Image(path=("/opt/tools/bin",)),
        },
    )


@pytest.mark.parametrize("content", ["", "# nothing\n", "[server]\n", "[images]\n"])
def test_what_is_not_said_has_its_default(content):
    assert parse(content, "settings.toml") == Settings()


def test_the_keys_are_those_of_the_value():
    assert {key.field for key in KEYS} | {"images"} == set(Settings.__slots__)


def test_values_are_json_and_show_what_differs():
    before = json.loads(json.dumps(as_values(Settings())))
    assert differences(before, as_values(Settings())) == []
    after = as_values(Settings(strategy="pack", images={"lab": Image("/opt/lab/bin/python")}))
    assert differences(before, after) == ["scheduler.strategy", "images.lab"]
    assert differences(after, before) == ["scheduler.strategy", "images.lab"]


def test_what_is_kept_of_urls_shows_that_they_changed_and_no_secret():
    kept = [as_values(Settings(notify_urls=(f"jsons://ada:{word}@h",))) for word in ("hunter2", "hunter3")]
    assert "hunter" not in json.dumps(kept)
    assert differences(*kept) == ["notifications.urls"]


def test_a_fault_in_urls_shows_none():
    with pytest.raises(SeawayError, match="a list of Apprise URLs") as error:
        parse('[notifications]\nurls = "jsons://ada:hunter2@h"\n', "settings.toml")
    assert "hunter2" not in error.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("[cluster\n", ["not valid TOML", "line 1"], id="no TOML"),
        pytest.param("nodes = 1\n", ["line 1", "no such table", "cluster"], id="a key outside of tables"),
        pytest.param("[clutser]\n", ["line 1", "did you mean cluster?"], id="unknown table"),
        pytest.param("cluster = 3\n", ["line 1", "[cluster]"], id="no table"),
        pytest.param("\n[cluster]\nnodse = 1\n", ["line 3", "[cluster] nodse", "did you mean nodes?"], id="unknown key"),
        pytest.param("[gpu]\ncount = 1\n", ["line 2", "the keys are pretend"], id="nothing near"),
        pytest.param("[cluster]\nnodes = 0\n", ["line 2", "0 cannot be used", "from 1 to 16"], id="too small"),
        pytest.param("[cluster]\nnodes = 17\n", ["from 1 to 16"], id="too large"),
        pytest.param("[cluster]\nnodes = true\n", ["whole number"], id="no number"),
        pytest.param('[cluster]\nnodes = "2"\n', ['"2" cannot be used'], id="a text for a number"),
        pytest.param("cluster.nodes = 0\n", ["line 1", "[cluster] nodes"], id="a dotted key"),
        pytest.param("[server]\nport = 80\n", ["line 2", "1024 to 65535"], id="port of root"),
        pytest.param('[scheduler]\nstrategy = "best"\n', ['"spread" or "pack"'], id="unknown word"),
        pytest.param('[notifications]\nwaits = "soon"\n', ["30m", "0 for never"], id="no length of time"),
        pytest.param('[notifications]\nevents = ["fail"]\n', ["failed", "ended"], id="unknown event"),
        pytest.param('[server]\ndefault_image = ""\n', ["a text"], id="empty text"),
        pytest.param('[server]\ndefault_cpu = "much"\n', ["500m"], id="no quantity"),
        pytest.param('[server]\ndefault_cpu = "-1"\n', ["500m"], id="negative quantity"),
        pytest.param("[server]\ndefault_cpu = [1]\n", ["500m"], id="a list for a quantity"),
        pytest.param('[server]\ncode_limit = "1Ki"\n', ["at least 1 MiB"], id="too small a size"),
        pytest.param("[server]\nlog_limit = true\n", ["at least 1 MiB"], id="no size"),
        pytest.param('[images]\nlab = "x"\n', ["line 2", 'images."lab"', "python ="], id="image without a table"),
        pytest.param('[images."lab"]\n', ["line 1", "names no environment"], id="empty image"),
        pytest.param('[images.lab]\npyhton = "/x"\n', ["line 2", "did you mean python?"], id="unknown key of an image"),
        pytest.param('[images.lab]\npython = "venv/bin/python"\n', ["line 2", "full path"], id="relative interpreter"),
        pytest.param('[images.lab]\npath = "/opt"\n', ["list of full paths"], id="path is no list"),
        pytest.param('[images.lab]\npath = ["/a:/b"]\n', ["list of full paths"], id="path with a colon"),
        pytest.param('[images.lab]\npath = ["/a"]\nenv = {A = 1}\n', ["line 3", "variables"], id="variable of a number"),
        pytest.param('[images.lab]\npath = ["/a"]\nenv = {"A-B" = "1"}\n', ["variables"], id="odd variable"),
        pytest.param('[images."a*b"]\npath = ["/a"]\n', ["line 1", "at its end"], id="pattern in the middle"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place(content, said):
    with pytest.raises(SeawayError) as caught:
        parse(content, "/h/settings.toml")
    assert caught.value.message.startswith("/h/settings.toml")
    assert caught.value.remedy
    assert [words for words in said if words not in caught.value.message] == []
