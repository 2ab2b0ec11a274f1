"""Requests that are wrong, to a real server: each is refused with the field and the remedy, and changes nothing."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest


def archive(*members: tuple[str, str, str | bytes], packed: bool = False) -> bytes:
    """Return a tar file of (kind, path, content or target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if packed else "w") as out:
        for kind, path, content in members:
            member = tarfile.TarInfo(path)
            if kind == "file":
                assert isinstance(content, bytes)
                member.size = len(content)
                out.addfile(member, io.BytesIO(content))
            else:
                member.type = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "pipe": tarfile.FIFOTYPE}[
                    kind
                ]
                member.linkname = str(content)
                out.addfile(member)
    return buffer.getvalue()


HOSTILE = {
    "a path upwards": [("file", "../../escaped", b"x")],
    "an absolute path": [("file", "/tmp/escaped", b"x")],
    "a link upwards": [("link", "a", "../.."), ("file", "a/escaped", b"x")],
    "a link to an absolute path": [("link", "a", "/etc"), ("file", "b", b"x")],
    "a file behind a link": [("link", "a", "."), ("file", "a/b", b"x")],
    "a hard link": [("file", "a", b"x"), ("hard", "b", "/etc/passwd")],
    "a pipe": [("pipe", "a", "")],
}

WRONG_RUNS = {
    "not JSON": (b'{"tasks": [', 400, ""),
    "a list": (b"[1]", 422, ""),
    "a number": (b"7", 422, ""),
    "nothing": (b"", 422, ""),
    "bytes": (b"\xff\xfe\x00", 400, ""),
    "NaN": (b'{"tasks": [{"command": ["x"], "timeout_seconds": NaN}]}', None, "tasks[0].timeout_seconds"),
    "deep": (b'{"tasks": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, ""),
    "no task": (b'{"tasks": []}', 422, "tasks"),
    "an unknown field": (b'{"tasks": [{"command": ["x"], "gpus": 1}]}', 422, "tasks[0].gpus"),
    "a wrong type": (b'{"tasks": [{"command": "x"}]}', 422, "tasks[0].command"),
    "a null": (b'{"tasks": [{"command": null}]}', 422, "tasks[0].command"),
    "an empty command": (b'{"tasks": [{"command": []}]}', 422, "tasks[0].command"),
    "a null byte": (b'{"tasks": [{"command": ["a\\u0000b"]}]}', 422, "tasks[0].command"),
    "half a character": (b'{"tasks": [{"command": ["a\\ud800b"]}]}', None, "tasks[0].command"),
    "a name with a slash": (b'{"name": "a/b", "tasks": [{"command": ["x"]}]}', 422, "name"),
    "a name upwards": (b'{"name": "..", "tasks": [{"command": ["x"]}]}', 422, "name"),
    "a folder upwards": (b'{"tasks": [{"command": ["x"], "workdir": "../.."}]}', 422, "tasks[0].workdir"),
    "a variable with =": (b'{"tasks": [{"command": ["x"], "env": {"a=b": "c"}}]}', 422, "tasks[0].env"),
    "a circle": (
        b'{"tasks": [{"name": "a", "command": ["x"], "after": ["b"]}, {"name": "b", "command": ["x"], "after": ["a"]}]}', 422, "tasks",
    ),
    "two of one name": (b'{"tasks": [{"name": "a", "command": ["x"]}, {"name": "a", "command": ["x"]}]}', 422, "tasks"),
    "after nobody": (b'{"tasks": [{"name": "a", "command": ["x"], "after": ["z"]}]}', 422, "tasks"),
    "memory below zero": (b'{"tasks": [{"command": ["x"], "resources": {"memory": "-1"}}]}', 422, "tasks[0].resources.memory"),
    "retries without end": (b'{"tasks": [{"command": ["x"], "retries": 1e99}]}', 422, "tasks[0].retries"),
    "code never uploaded": (b'{"tasks": [{"command": ["x"], "code": "%s"}]}' % (b"0" * 64), 422, "tasks.code"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "field"), WRONG_RUNS.values(), ids=WRONG_RUNS.keys())
def test_a_wrong_run_is_refused(server, body: bytes, status: int | None, field: str) -> None:
    before = names_of_runs(server)
    found, answer = server.ask("POST", "/api/v1/runs", body)
    assert found in ((400, 413, 422) if status is None else (status,)), answer
    error = answer["error"]
    assert error["message"]
    assert error["field"].startswith(field)
    assert error["remedy"]
    assert names_of_runs(server) == before


def names_of_runs(server) -> list[str]:
    """Return the runs that there are; how far they are changes by itself."""
    status, found = server.ask("GET", "/api/v1/runs?all=true")
    assert status == 200
    return sorted(run["name"] for run in found)


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_code_archive_is_refused(server, members, tmp_path: Path) -> None:
    data = archive(*members, packed=True)
    digest = hashlib.sha256(data).hexdigest()
    status, answer = server.ask("PUT", f"/api/v1/code/{digest}", data)
    assert status == 422, answer
    assert server.ask("HEAD", f"/api/v1/code/{digest}")[0] == 404
    assert not Path("/tmp/escaped").exists()
    assert list((server.home / "server" / "artifacts" / "incoming").iterdir()) == []


PATHS = (
    "../../etc/passwd",
    "..%2f..%2fserver%2ftoken",
    "%2e%2e/%2e%2e/token",
    "/etc/passwd",
    "a\x7f",
    "%00",
    "%ff",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_download_path_leads_nowhere(server, path: str) -> None:
    if server.ask("GET", "/api/v1/runs/kept")[0] == 404:
        server.seaway("run", "--detach", "--name", "kept", "--", "true", folder=server.home)
    status, answer = server.ask("GET", f"/api/v1/runs/kept/outputs/main/{path.replace(chr(127), '%7f')}")
    assert status in (400, 404, 422), answer
    assert "root:" not in str(answer)
    for run in ("..", "..%2f..", "%2e%2e%2fserver", "a" * 5000):
        assert server.ask("GET", f"/api/v1/runs/{run}/logs")[0] in (400, 404, 414, 422)


@pytest.mark.parametrize("digest", ["0" * 63, "G" * 64, "..%2f" * 10, "A" * 64, "0" * 64 + "%0a"])
def test_a_digest_that_is_none(server, digest: str) -> None:
    for kind in ("code", "environments"):
        assert server.ask("PUT", f"/api/v1/{kind}/{digest}", b"x")[0] in (404, 422)


HANGS = "import time; print('began', flush=True); time.sleep(1000)"


OTHER_BYTES = b'{"blocks":[["' + b"0" * 64 + b'",3]]}\nabc'


def test_a_hostile_pod_and_a_late_twin(server, tmp_path: Path) -> None:
    """With a run's own token: unsafe outputs and checkpoints, other runs, an old fencing number; nothing of it is kept."""
    import asyncio
    import base64

    from seaway.client.client import Client
    from seaway.client.config import load_kubeconfig
    from seaway.client.http import HttpTransport
    from seaway.objects.builtin import SECRETS

    async def token() -> str:
        client = Client(HttpTransport(load_kubeconfig(server.home / "kubeconfig")))
        try:
            listed = await client.list(SECRETS, "seaway-default", label_selector="seaway.dev/run=pod")
        finally:
            await client.close()
        (secret,) = listed["items"]
        return base64.b64decode(secret["data"]["token"]).decode()

    (tmp_path / "requirements.txt").touch()
    (tmp_path / "late.py").write_text("import os, time\nprint('began', flush=True)\nif os.environ['SEAWAY_ATTEMPT'] == '1':\n    raise SystemExit(1)\ntime.sleep(1000)\n")  # fmt: skip
    done = server.seaway("run", "--detach", "--retries", "1", "--name", "pod", "late.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    while len(server.ask("GET", "/api/v1/runs/pod")[1]["tasks"][0]["attempts"]) < 2:
        server.ask("GET", "/api/v1/runs/pod/wait?timeout=0.1")
    own = asyncio.run(token())
    place = "/gateway/v1/runs/pod/tasks/main"
    good = archive(("file", "model", b"late"))
    for name, members in HOSTILE.items():
        status, answer = server.ask("PUT", f"{place}/outputs?fence=2", archive(*members), token=own)
        assert status == 422, (name, answer)
    for name, sent in {
        "nothing": b"",
        "no list": b"x\n",
        "an archive": good,
        "other bytes": OTHER_BYTES,
    }.items():
        status, answer = server.ask("PUT", f"{place}/checkpoint?fence=2", sent, token=own)
        assert status == 422, (name, answer)
    assert server.ask("PUT", f"{place}/checkpoint?fence=2&base={'0' * 64}", OTHER_BYTES, token=own)[0] == 412
    assert server.ask("PUT", f"{place}/checkpoint?fence=2&base=../x", OTHER_BYTES, token=own)[0] == 422
    for what in ("outputs", "checkpoint"):
        status, answer = server.ask("PUT", f"{place}/{what}?fence=1", good, token=own)
        assert (status, answer["error"]["code"]) == (409, "StaleFence")
        assert (
            server.ask("PUT", f"{place.replace('/pod/', '/other/')}/{what}?fence=2", good, token=own)[0]
            == 403
        )
        assert server.ask("PUT", f"{place}/{what}?fence=2", good, token="pod.nonsense")[0] == 401
    assert server.ask("GET", f"{place}/checkpoint?fence=2", token=own)[0] == 404
    assert server.ask("GET", "/api/v1/runs/pod/outputs")[1] == []
    log = server.ask("GET", "/api/v1/runs/pod/logs")[1].decode()
    assert "refused the outputs of an earlier attempt (fencing number 1), which came too late" in log
    assert server.ask("GET", "/api/v1/runs", token=own)[0] == 401, "a pod's token is none of a user's"
    server.seaway("stop", "pod")
    server.seaway("logs", "--follow", "pod")
    assert server.ask("PUT", f"{place}/outputs?fence=2", good, token=own)[0] == 401, "the run has ended"


def test_a_folder_of_two_gigabytes_is_refused_by_its_largest_files(server, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "train.py").write_text("print(1)\n")
    (tmp_path / "data").mkdir()
    for number in range(4):
        with (tmp_path / "data" / f"part-{number}.bin").open("wb") as file:
            file.truncate((500 + number) << 20)
    before = sorted((server.home / "server" / "artifacts").rglob("*"))
    done = server.seaway("run", "--detach", "train.py", folder=tmp_path)
    assert done.returncode in (64, 65), done.stderr
    assert "data/part-3.bin" in done.stderr
    assert "try:" in done.stderr
    assert sorted((server.home / "server" / "artifacts").rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("run", "--bogus", "x.py"), 64, "--bogus", id="unknown option"),
        pytest.param(("run", "none.py"), 64, "none.py", id="missing script"),
        pytest.param(("run", ""), 64, "script", id="empty script"),
        pytest.param(("run", "--", ""), 65, "empty", id="empty command"),
        pytest.param(("run", "--cpu", "many", "--", "true"), 64, "--cpu", id="no amount"),
        pytest.param(("run", "--workdir", "../..", "--", "true"), 64, "--workdir", id="folder outside"),
        pytest.param(("run", "--env", "=x", "--", "true"), 64, "--env", id="variable without a name"),
        pytest.param(("logs", "no/such"), 64, "no/such", id="a name with a slash"),
        pytest.param(("show", ".."), 64, "..", id="a name upwards"),
        pytest.param(("logs", "a" * 5000), 64, "aaa", id="a very long name"),
        pytest.param(("ps", "-o", "yaml"), 64, "yaml", id="unknown format"),
    ],
)
def test_the_command_line_names_what_is_wrong(server, tmp_path: Path, words, code: int, said: str) -> None:
    (tmp_path / "requirements.txt").touch()
    done = server.seaway(*words, folder=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "try:" in done.stderr


def test_a_body_over_the_limit_is_refused_and_the_server_goes_on(server) -> None:
    status, answer = server.ask("POST", "/api/v1/runs", b" " * (33 * 1024 * 1024))
    assert (status, answer["error"]["code"]) == (413, "TooLarge")
    assert server.ask("GET", "/api/v1/healthz")[0] == 200
