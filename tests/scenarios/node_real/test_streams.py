"""Exec, attach, cp and port-forward with real kubectls, over WebSocket and SPDY: on the embedded and the real cluster."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seaway.objects.builtin import PODS, ROLE_BINDINGS, ROLES
from tests.waiting import until

pytestmark = pytest.mark.kubectl
SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
BOTH = pytest.mark.parametrize("environment", [{}, SPDY], ids=["websocket", "spdy"])
SERVE = "exec python3 -u -m http.server 8000 --bind $IP"
ADDRESS = {
    "env": [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "A", "value": "b"},
    ]
}


@BOTH
async def test_exec(either: Any, kubectl: Any, environment: dict[str, str]) -> None:
    """A command runs inside: the container's variables, folder and processes; its exit code and both streams come back."""
    await either.pod("p", "sleep 600", container=ADDRESS)
    await either.running("p")
    done = await kubectl("exec", "p", "--", "sh", "-c", "echo $A; pwd; echo err >&2; exit 3", **environment)
    assert (done.returncode, done.stdout) == (3, b"b\n/workspace\n"), done.stderr
    assert b"err\n" in done.stderr
    much = bytes(range(256)) * 8000
    done = await kubectl("exec", "-i", "p", "--", "cat", stdin=much, **environment)
    assert done.stdout == much
    done = await kubectl("exec", "p", "--", "nonsense", **environment)
    assert b'exec: "nonsense": executable file not found in $PATH' in done.stderr
    assert done.returncode != 0
    done = await kubectl("exec", "p", "-c", "other", "--", "true", **environment)
    assert b"container other is not valid for pod p" in done.stderr


async def test_terminal(either: Any, last_kubectl: Any) -> None:
    """With a terminal the command gets one, of the size that the caller's has, and typing arrives."""
    await either.pod("p", "sleep 600")
    await either.running("p")
    program = "import os, pty, sys; code = pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(code))"
    inner = "test -t 0 && test -t 1 && stty rows 11 && read x && echo got $x && stty size; exit 5"
    line = [sys.executable, "-c", program, *last_kubectl.command("exec", "-it", "p", "--", "sh", "-c", inner)]
    process = await asyncio.create_subprocess_exec(
        *line, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate(b"typed\n")
    assert b"got typed\r\n11 " in out, out
    assert process.returncode == 5


async def test_a_command_ends_with_its_caller(either: Any, last_kubectl: Any) -> None:
    """Who interrupts kubectl leaves nothing running in the container."""
    await either.pod("p", "sleep 600")
    await either.running("p")
    process = last_kubectl.start("exec", "p", "--", "sh", "-c", "echo up; exec sleep 31415")
    assert await asyncio.to_thread(process.stdout.readline) == b"up\n"
    process.terminate()
    async with asyncio.timeout(60):
        while b"31415" in (await last_kubectl("exec", "p", "--", "ps", "ax", "-o", "args")).stdout:
            await asyncio.sleep(0.1)


async def test_a_session_ends_with_its_container(either: Any, last_kubectl: Any) -> None:
    """A command that runs beside the program ends when that one does."""
    await either.pod("p", "while [ ! -e /tmp/end ]; do sleep 0.05; done")
    await either.running("p")
    running = last_kubectl.start("exec", "p", "--", "sh", "-c", "echo up; exec sleep 600")
    assert await asyncio.to_thread(running.stdout.readline) == b"up\n"
    await last_kubectl("exec", "p", "--", "touch", "/tmp/end")  # which may be ended too
    assert await asyncio.to_thread(running.wait, 60) == 137
    await either.ended("p")
    done = await last_kubectl("exec", "p", "--", "true")
    assert b"cannot exec into a container in a completed pod" in done.stderr


async def test_who_only_reads_runs_nothing(either: Any, last_kubectl: Any) -> None:
    """A WebSocket is opened by GET, but the right to read is not enough to run a command."""
    await either.pod("p", "sleep 600")
    await either.running("p")
    reading = [{"apiGroups": [""], "resources": ["pods", "pods/exec"], "verbs": ["get", "list"]}]
    await either.create(ROLES, {"metadata": {"name": "reader"}, "rules": reading})
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "Role", "name": "reader"}
    subject = {"apiGroup": group, "kind": "User", "name": "reader"}
    await either.create(
        ROLE_BINDINGS, {"metadata": {"name": "reader"}, "roleRef": role, "subjects": [subject]}
    )
    await until(
        lambda: last_kubectl("get", "pod", "p", "--as=reader"),
        "a right",
        check=lambda done: done.returncode == 0,
    )
    done = await last_kubectl("exec", "p", "--as=reader", "--", "true")
    assert b'cannot create resource "pods/exec"' in done.stderr
    assert done.returncode == 1


@BOTH
async def test_attach(either: Any, last_kubectl: Any, environment: dict[str, str]) -> None:
    """What the program writes from now on arrives, each stream by itself, until it ends."""
    script = "for i in $(seq 600); do echo out; echo err >&2; sleep 0.1; [ -e /tmp/end ] && exit 0; done"
    await either.pod("p", script)
    await either.running("p")
    attached = await asyncio.create_subprocess_exec(
        *last_kubectl.command("attach", "p"), env=os.environ | environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert attached.stdout is not None
    async with asyncio.timeout(90):
        first = await attached.stdout.readline()
        await last_kubectl("exec", "p", "--", "touch", "/tmp/end")  # which may end it too
        rest, errors = await attached.communicate()
    assert attached.returncode == 0, errors
    assert set((first + rest).splitlines()) == {b"out"}
    assert b"err" in errors.splitlines()


async def test_cp(either: Any, kubectl: Any, tmp_path: Path) -> None:
    """Files come out as they went in."""
    await either.pod("p", "sleep 600")
    await either.running("p")
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(bytes(range(256)) * 1000)
    assert (await kubectl("cp", str(there), "p:/workspace/file")).returncode == 0
    done = await kubectl("cp", "p:/workspace/file", str(back))
    assert done.returncode == 0
    assert back.exists(), done
    assert back.read_bytes() == there.read_bytes()


@BOTH
async def test_port_forward(either: Any, kubectl: Any, environment: dict[str, str]) -> None:
    """Connections reach the pod's port, several at once; a port where nothing listens is named."""
    await either.pod(
        "p", SERVE, container=ADDRESS | {"readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1}}
    )
    await either.until(PODS, "p", lambda pod: pod["status"].get("containerStatuses", [{}])[0].get("ready"))
    process = kubectl.start("port-forward", "p", ":8000", **environment)
    line = (await asyncio.to_thread(process.stdout.readline)).decode()
    port = int(line.split("->")[0].strip().rpartition(":")[2])
    answers = await asyncio.gather(*(_get(port) for _ in range(8)))
    assert all(answer.startswith(b"HTTP/1.0 200") for answer in answers), answers
    process = kubectl.start("port-forward", "p", ":8001", **environment)
    line = (await asyncio.to_thread(process.stdout.readline)).decode()
    assert await _get(int(line.split("->")[0].strip().rpartition(":")[2])) == b""
    said = b""
    while b"port 8001" not in said:
        said = await asyncio.to_thread(process.stdout.readline)
        assert said, "kubectl ended without a word"


async def _get(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, family=socket.AF_INET)
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@BOTH
async def test_run_with_input(either: Any, last_kubectl: Any, environment: dict[str, str]) -> None:
    """A program reads what its caller gives; the caller gets its output and its exit code, and the pod is removed."""
    much = b"line\n" * 50_000
    line = ("run", "p", "--image=python", "--restart=Never", "-i", "--rm", "--", "sh", "-c", "cat; exit 3")
    done = await last_kubectl(*line, stdin=much, **environment)
    assert done.stdout.count(b"line\n") == 50_000, done.stderr
    assert done.returncode == 3, done.stderr
    await either.gone("p")
