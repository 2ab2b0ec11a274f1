"""settings.toml of a real home: what it says reaches nodes, scheduler, images, GPUs and limits."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(200)


def settings(shell, content: str) -> None:
    shell.home.mkdir(mode=0o700, exist_ok=True)
    (shell.home / "settings.toml").write_text(content)


@pytest.fixture
def other_python(tmp_path: Path) -> Path:
    """Return a second virtual environment's interpreter; a module made by hand is installed in it."""
    venv = tmp_path / "other-venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)}))
    (packages / "marker.py").write_text("WORD = 'from the other environment'\n")
    return venv / "bin" / "python"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_fault_is_named_and_nothing_starts(seaway):
    settings(seaway, '[scheduler]\nstrategy = "sprad"\n')
    for arguments in (("up",), ("up", "--foreground"), ("run", "--up", "--", "true")):
        said = seaway(*arguments, code=65).stderr
        assert "settings.toml, line 2" in said
        assert '"spread" or "pack"' in said
    assert seaway.processes() == []
    assert not (seaway.home / "cluster").exists()
    assert not (seaway.home / "server").exists()
    assert "sprad" in seaway("status", code=69).stdout


def test_an_image_is_the_environment_that_the_settings_name(seaway, other_python):
    settings(
        seaway,
        f'[images."lab:*"]\npython = "{other_python}"\nenv = {{GREETING = "hello"}}\n'
        '[server]\ndefault_image = "lab:1"\n',
    )
    program = "import marker, os, sys; print(marker.WORD, sys.prefix, os.environ['GREETING'])"
    expected = f"from the other environment {other_python.parent.parent} hello\n"
    seaway("up")
    assert seaway("run", "--image", "lab:2", "--", "python", "-c", program).stdout == expected
    assert seaway("run", "--", "python", "-c", program).stdout == expected
    assert seaway("run", "--image", "python", "--", "python", "-c", "import marker", code=1)
    unknown = seaway("run", "--name", "unknown", "--image", "labs", "--", "true", code=1)
    assert "labs" in unknown.stderr
    assert "lab:*, python, python:3*" in seaway("why", "unknown").stdout
    seaway("down")


def test_an_image_that_is_asked_for_keeps_its_packages(seaway, other_python):
    """The packages of the caller's active environment do not take their place; a file beside the script would."""
    settings(seaway, f'[images.lab]\npython = "{other_python}"\n')
    (seaway.folder / "requirements.txt").unlink()
    (seaway.folder / "import_it.py").write_text("import marker; print(marker.WORD)\n")
    seaway("up")
    assert seaway("run", "--image", "lab", "import_it.py").stdout == "from the other environment\n"
    seaway("down")


def test_nodes_ports_gpus_and_limits_are_as_the_settings_say(seaway):
    port, api_port = free_port(), free_port()
    settings(
        seaway,
        f"[cluster]\nnodes = 2\napi_port = {api_port}\n[gpu]\npretend = 3\n[scheduler]\nstrategy = 'pack'\n"
        f"[server]\nport = {port}\ncode_limit = '1Mi'\nlog_limit = '1Mi'\ndefault_cpu = '50m'\npods_at_once = 1\n",
    )
    seaway("up")
    status = seaway.json("status")
    assert (status["url"], status["cluster_url"]) == (
        f"https://127.0.0.1:{port}",
        f"https://127.0.0.1:{api_port}",
    )
    assert [(node["name"], node["gpu"]) for node in status["server"]["nodes"]] == [
        ("node-1", "3"),
        ("node-2", "3"),
    ]
    (seaway.folder / "large.bin").write_bytes(random.randbytes(2 << 20))
    (seaway.folder / "nothing.py").write_text("")
    said = seaway("run", "nothing.py", code=65).stderr
    assert "at most 1.0 MiB" in said
    assert "large.bin" in said
    (seaway.folder / "large.bin").unlink()
    (seaway.folder / "much.py").write_text("for i in range(400_000): print('number', i)\n")
    seaway("run", "--name", "much", "--detach", "much.py")
    seaway("logs", "-f", "much")
    log = seaway("logs", "much").stdout
    assert log.startswith("number 0\n")
    assert log.endswith("number 399999\n")
    assert 100_000 < len(log) < 1_100_000  # with the time of each line it is a mebibyte
    seaway("run", "--gpu", "3", "--", "true")
    seaway("down")


def test_pack_fills_a_node_and_spread_takes_turns(seaway):
    def nodes_of(strategy: str) -> set[str]:
        settings(seaway, f"[cluster]\nnodes = 2\n[scheduler]\nstrategy = '{strategy}'\n")
        seaway("up")
        names = [
            seaway("run", "--cpu", "100m", "--detach", "--", "sleep", "60").stdout.strip() for _ in range(4)
        ]
        placed = [_node_when_running(seaway, name) for name in names]
        for name in names:
            seaway("stop", name)
        seaway("down")
        return set(placed)

    assert len(nodes_of("pack")) == 1
    assert len(nodes_of("spread")) == 2


def _node_when_running(shell, name: str) -> str:
    for _ in range(600):
        attempts = shell.json("show", name)["tasks"][0]["attempts"]
        if attempts and attempts[0]["phase"] == "running":
            return str(attempts[0]["node"])
    pytest.fail(f"{name} never ran")


def test_a_change_needs_down_and_up_and_is_told_until_then(seaway):
    settings(seaway, "[cluster]\nnodes = 2\n")
    seaway("up")
    assert seaway.json("status")["settings"] == str(seaway.home / "settings.toml")
    assert seaway.json("status")["settings_changed"] == ""
    settings(seaway, "# fewer now\n[cluster]\nnodes = 1\n")
    assert "cluster.nodes" in seaway.json("status")["settings_changed"]
    assert "seaway down, then seaway up" in seaway("status").stdout
    assert "cluster.nodes" in seaway("up").stderr
    settings(seaway, "[cluster]\nnodes = 'many'\n")
    assert "goes on with those" in seaway("status").stdout
    settings(seaway, "[cluster]\nnodes = 1\n")
    seaway("down")
    seaway("up")
    status = seaway.json("status")
    assert status["settings_changed"] == ""
    assert [node["name"] for node in status["server"]["nodes"]] == ["node-1"]
    assert not (seaway.home / "cluster" / "nodes" / "node-2").exists()
    seaway("down")


def test_a_node_that_still_runs_something_does_not_leave(seaway):
    settings(seaway, "[cluster]\nnodes = 2\n")
    seaway("up")
    names = [seaway("run", "--detach", "--", "sleep", "60").stdout.strip() for _ in range(2)]
    assert {_node_when_running(seaway, name) for name in names} == {"node-1", "node-2"}
    os.kill(seaway.pid(), signal.SIGKILL)
    settings(seaway, "[cluster]\nnodes = 1\n")
    said = seaway("up", code=75).stderr
    assert "start it once more with 2 nodes" in said
    settings(seaway, "[cluster]\nnodes = 2\n")
    seaway("up")
    assert [run["phase"] for run in seaway.json("ps")] == ["running", "running"]
    seaway("down")
    settings(seaway, "[cluster]\nnodes = 1\n")
    seaway("up")
    assert len(seaway.json("status")["server"]["nodes"]) == 1
    seaway("stop", *names)
    seaway("down")
    assert seaway.processes() == []


def test_a_port_of_another_program_is_refused(seaway):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for table, key in (("server", "port"), ("cluster", "api_port")):
            settings(seaway, f"[{table}]\n{key} = {port}\n")
            said = seaway("up", code=75).stderr
            assert f"port {port} is in use" in said
            assert seaway.processes() == []
    assert json.loads(seaway("version", "-o", "json").stdout)["server"] is None
