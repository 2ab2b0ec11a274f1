"""A home on a disk that fills up under a run: said clearly, nothing acknowledged lost, and on it goes once room is made."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.waiting import wait_until

PROGRAM = """
import os, pathlib, select, socket
(pathlib.Path(os.environ["SEAWAY_OUTPUTS"]) / "result").write_text("x" * 1_000_000)
print("began", flush=True)
go = socket.create_connection(("127.0.0.1", int(os.environ["GO"])))
number = 0
while not select.select([go], [], [], 0.05)[0]:
    print("line", number, flush=True)
    number += 1
print("ended", number, flush=True)
"""


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(b"\0" * 4096)
        except OSError as error:
            assert error.errno == 28, error


@pytest.mark.timeout(180)
def test_a_disk_that_fills_up(make_server, small_disk: Path, tmp_path: Path) -> None:
    server = make_server(small_disk / "home")
    assert server.seaway("up").returncode == 0
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "program.py").write_text(PROGRAM)
    filler, listener = small_disk / "filler", socket.create_server(("127.0.0.1", 0))
    go = f"GO={listener.getsockname()[1]}"
    words = ("run", "--detach", "--cpu", "0.1", "--name", "through", "--env", go, "program.py")
    assert server.seaway(*words, folder=tmp_path).returncode == 0
    wait_until(lambda: "line 3" in server.seaway("logs", "through").stdout)
    fill(filler)
    try:
        refused = 0
        for number in range(4):
            body = b'{"name": "refused-%d", "tasks": [{"command": ["true"]}]}' % number
            status, answer = server.ask("POST", "/api/v1/runs", body)
            assert status in (201, 507), answer
            if status == 507:
                refused += 1
                assert (answer["error"]["code"], bool(answer["error"]["remedy"])) == ("StorageFull", True)
                assert server.ask("GET", f"/api/v1/runs/refused-{number}")[0] == 404
        assert refused, "the disk was not full"
        assert server.seaway("show", "through").returncode == 0
        status, answer = server.ask("PUT", f"/api/v1/code/{'0' * 64}", b"\0" * 100_000)
        assert (status, answer["error"]["code"]) == (507, "StorageFull")
        with listener:  # the program ends while there is no room for its log, its outputs and its status
            listener.accept()[0].close()
    finally:
        filler.unlink()
    server.seaway("logs", "--follow", "through")
    view = server.ask("GET", "/api/v1/runs/through")[1]
    assert (view["phase"], len(view["tasks"][0]["attempts"])) == ("succeeded", 1), view
    lines = server.seaway("logs", "through").stdout.splitlines()
    count = int(lines[-1].removeprefix("ended "))
    assert [line for line in lines if line.startswith("line")] == [
        f"line {number}" for number in range(count)
    ]
    assert [output["path"] for output in server.ask("GET", "/api/v1/runs/through/outputs")[1]] == ["result"]
    assert server.seaway("down").returncode == 0
